package conversation

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// contextTool is a tool that is a function of its context.
type contextTool struct {
	name string
	call func(context.Context) (tools.Result, error)
}

func (t contextTool) Spec() tools.Spec {
	return tools.Spec{Name: t.name, Parameters: json.RawMessage(`{"type":"object"}`), Rule: gate.Rule{}}
}

func (t contextTool) Call(ctx context.Context, _ tools.Call) (tools.Result, error) {
	return t.call(ctx)
}

// namedModel calls the tool whose name the caller types.
var namedModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	if last := p.Messages[len(p.Messages)-1]; last.Result == nil {
		yield(dialog.Chunk{Call: &tools.Call{Name: last.Text}}, nil)
		return
	}
	yield(dialog.Chunk{Text: "All right."}, nil)
})

// Tools know a caller by the account whose PIN they knew, or as the operator's system does.
func TestToolsKnowACallerWhoKnewThePIN(t *testing.T) {
	for _, test := range []struct{ known, want string }{{"", "account:12"}, {"known:ann", "known:ann"}} {
		var before, after string
		who := contextTool{"who", func(ctx context.Context) (tools.Result, error) {
			before, after = after, tools.CallerOf(ctx).Known
			return tools.Result{}, nil
		}}
		verify := contextTool{"verify", func(context.Context) (tools.Result, error) { return tools.Result{Identity: "account:12"}, nil }}
		agent := agentWith(t, namedModel, who, verify)
		textCallAs(t, tools.Caller{Session: "s", Known: test.known}, agent, Options{}, func(c *fakeCaller) {
			for _, text := range []string{"who", "verify", "who"} {
				c.types(text)
				c.wait(time.Second)
			}
		})
		if before != test.known || after != test.want {
			t.Errorf("known as %q before and %q after, want %q and %q", before, after, test.known, test.want)
		}
	}
}

// The caller's client is not told that a tool failed when the agent only asks for proof.
func TestAskingForProofIsNoFailure(t *testing.T) {
	for code, want := range map[fault.Code]int{fault.ProofNeeded: 0, fault.Conflict: 1} {
		status := contextTool{"status", func(context.Context) (tools.Result, error) { return tools.Result{}, fault.New(code, "no") }}
		c, _ := textCall(t, agentWith(t, namedModel, status), Options{}, func(c *fakeCaller) { c.types("status") })
		if got := len(c.eventsOf(dialog.NoticeRaised)); got != want {
			t.Errorf("%s: %d notices, want %d", code, got, want)
		}
	}
}
