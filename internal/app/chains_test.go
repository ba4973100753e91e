package app

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/agentfile"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/chain"
	"frontdesk/tools/gate"
)

// documentedWorkflows writes the agent of docs/workflows.md, changed by change, and returns the
// folder of agents.
func documentedWorkflows(t *testing.T, change ...string) string {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(module, "docs/workflows.md"))
	require.NoError(t, err)
	_, text, ok := strings.Cut(string(doc), "```yaml\n")
	text, _, isClosed := strings.Cut(text, "```\n")
	if !ok || !isClosed {
		t.Fatal("docs/workflows.md has no example of an agent")
	}
	changed := strings.NewReplacer(change...).Replace(text)
	if len(change) > 0 && changed == text {
		t.Fatalf("the example does not have %q", change[0])
	}
	t.Setenv("BANK_TOKEN", "s3cret")
	agents := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(agents, "shop"), 0o700))
	for name, content := range map[string]string{
		"agent.yaml":   changed,
		"orders.csv":   "order,status\n47329,sent\n",
		"accounts.csv": "customer,pin\n1001,4711\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(agents, "shop", name), []byte(content), 0o600))
	}
	return agents
}

func TestDocumentedWorkflowsAreTools(t *testing.T) {
	agents := documentedWorkflows(t)
	var out bytes.Buffer
	if err := checkAgents(agents, &out); err != nil || out.Len() > 0 {
		t.Fatalf("error %v, warnings %s", err, out.String())
	}
	f, err := agentfile.Load(filepath.Join(agents, "shop"))
	require.NoError(t, err)
	o := agentOpener{log: warningsTo(&out), set: &agentSet{tickets: new(tools.Tickets), chains: chain.NewRunner()}}
	t.Cleanup(o.set.Close)
	r, _, err := o.tools(f, nil)
	require.NoError(t, err)
	refund, ok := r.Find("return_order")
	if rule := refund.Rule; !ok || rule.Effect != gate.Money || rule.Who != gate.VerifiedByPIN || rule.Consent != gate.Ask ||
		!slices.Contains(rule.Identify, "amount") || !slices.Contains(rule.Identify, "ticket") || rule.Question == "" {
		t.Errorf("the rule of return_order is %+v", rule)
	}
	if orders, ok := r.Find("open_orders"); !ok || orders.Rule.Effect != gate.Read {
		t.Errorf("the rule of open_orders is %+v", orders.Rule)
	}
	if _, ok := r.Find("book_refund"); ok {
		t.Error("the model may call a tool that allow does not name")
	}
}

func TestMistakesInWorkflowsHaveAPlace(t *testing.T) {
	for _, tt := range []struct{ from, to, want string }{
		{"tool: create_label\n", "tool: make_label\n", `55:11: tools.workflow[0].steps[1].tool: unknown tool "make_label"`},
		{`undo: {tool: cancel_label, arguments: {label: "{label/id}"}}`, `undo: {tool: cancel_label, arguments: {number: "{label/id}"}}`, `tools.workflow[0].steps[1].undo.arguments.number: unknown argument "number"`},
		{`arguments: {order: "{look_up/order}"}`, `arguments: {order: "{lookup/order}"}`, "{lookup} is neither a parameter nor an earlier step"},
		{`each: "{orders/numbers}"`, `each: "{parcels}"`, "tools.workflow[1].steps[1].each: {parcels} is neither"},
		{"max_attempts: 8", "max_attempts: 0", "tools.workflow[0].steps[2].retry.max_attempts: 0 is out of range"},
		{"base: 2s", "base: soon", `tools.workflow[0].steps[2].retry.base: invalid duration "soon"`},
		{"    - name: open_orders\n", "    - name: return_order\n", "tools.workflow[1].name: another workflow is already called"},
		{"    - name: open_orders\n", "    - name: parcel_of\n", "tools.workflow[1].name: duplicate tool name"},
		{"    return_order:\n", "    return_order:\n      effect: write\n", "tools.rules.return_order: effect or who is weaker"},
		{"at_once: 8", "at_most: 8", `unknown`},
	} {
		err := checkAgents(documentedWorkflows(t, tt.from, tt.to), &bytes.Buffer{})
		if err == nil || !strings.HasPrefix(err.Error(), "shop/agent.yaml:") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.to, err, tt.want)
		}
	}
}
