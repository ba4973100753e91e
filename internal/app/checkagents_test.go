package app

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// documentedAgent writes the agent of docs/tools.md, changed by change, and returns the folder
// of agents.
func documentedAgent(t *testing.T, change ...string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(module, "docs/tools.md"))
	require.NoError(t, err)
	_, text, _ := strings.Cut(string(doc), "\n**An example.**")
	_, text, ok := strings.Cut(text, "```yaml\n")
	text, _, isClosed := strings.Cut(text, "```\n")
	if !ok || !isClosed {
		t.Fatal("docs/tools.md has no example of an agent with rules")
	}
	if changed := strings.NewReplacer(change...).Replace(text); len(change) > 0 && changed == text {
		t.Fatalf("the example does not have %q", change[0])
	} else {
		text = changed
	}
	t.Setenv("SHOP_TOKEN", "s3cret")
	agents := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(agents, "shop"), 0o700))
	for name, content := range map[string]string{
		"agent.yaml":   text,
		"orders.csv":   "order,status,postcode\n47329,sent,10115\n",
		"accounts.csv": "customer,pin\n1001,4711\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(agents, "shop", name), []byte(content), 0o600))
	}
	return agents
}

func TestDocumentedAgentHasTheRulesThatItSays(t *testing.T) {
	agents := documentedAgent(t)
	var out bytes.Buffer
	if err := checkAgents(agents, &out); err != nil || out.Len() > 0 {
		t.Fatalf("error %v, warnings %s", err, out.String())
	}
	f, err := agentfile.Load(filepath.Join(agents, "shop"))
	require.NoError(t, err)
	o := agentOpener{log: warningsTo(&out), set: &agentSet{tickets: new(tools.Tickets)}}
	t.Cleanup(o.set.Close)
	own, _, err := o.lookups(f)
	require.NoError(t, err)
	r, err := o.registry(f, own)
	require.NoError(t, err)
	r, err = restrict(r, f)
	require.NoError(t, err)
	refund, ok := r.Find("refund")
	if rule := refund.Rule; !ok || rule.Effect != gate.Money || rule.Who != gate.VerifiedByPIN || rule.Consent != gate.Ask ||
		len(rule.Identify) != 2 || rule.Arguments == nil || rule.Limits != (gate.Limits{Turn: 1, Session: 1, Caller: 2, Hour: 20}) {
		t.Errorf("the rule of refund is %+v", rule)
	}
	if _, ok := r.Find("update_ticket"); ok {
		t.Error("the agent may use a tool that allow does not name")
	}
}

func TestMistakesInRulesHaveAPlace(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"identify: [order, amount]", "identify: [customer]", `tools.rules.refund.identify: unknown argument "customer" of tool "refund"`},
		{"{amount} dollars", "{money} dollars", `tools.rules.refund.question: unknown argument "money" of tool "refund"`},
		{"arguments: {amount:", "arguments: {total:", `tools.rules.refund.arguments: unknown argument "total" of tool "refund"`},
		{"    create_ticket:\n", "    open_ticket:\n", `tools.rules.open_ticket: unknown tool "open_ticket"`},
		{"pin: pin}", "pin: code}", `tools.verify: the table accounts.csv of look-up verify_caller has no column "code"`},
	} {
		err := checkAgents(documentedAgent(t, tt.from, tt.to), &bytes.Buffer{})
		if err == nil || !strings.HasPrefix(err.Error(), "shop/agent.yaml:") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.to, err, tt.want)
		}
	}
}
