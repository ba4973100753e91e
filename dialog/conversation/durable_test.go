package conversation

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// durableTool is a tool with an effect that goes on when nobody waits for it.
type durableTool struct {
	begins time.Duration // how long the call itself waits
	calls  *int
	awaits *int
}

func (t durableTool) Spec() tools.Spec {
	return tools.Spec{Name: "book_write", Parameters: json.RawMessage(`{"type":"object"}`), Timeout: time.Minute,
		Rule: gate.Rule{Effect: gate.Write, Consent: gate.NoConsent}, IsDurable: true}
}

func (t durableTool) Call(ctx context.Context, call tools.Call) (tools.Result, error) {
	*t.calls++
	select {
	case <-time.After(t.begins):
		return tools.Result{Output: json.RawMessage(`{"n":1}`)}, nil
	case <-ctx.Done():
		return tools.Result{}, ctx.Err()
	}
}

func (t durableTool) Await(ctx context.Context, call tools.Call) (tools.Result, error) {
	*t.awaits++
	return tools.Result{Output: json.RawMessage(`{"n":2}`)}, nil
}

func TestReadThatTheEndOfTheLineCancelledRunsAgain(t *testing.T) {
	runs := 0
	agent := func() *dialog.Agent {
		return &dialog.Agent{Model: toolCallingModel, Tools: newRegistry(t, map[string]func(context.Context) (string, error){
			"lookup": func(ctx context.Context) (string, error) {
				runs++
				return slowTool(9*time.Second, `{"n":1}`)(ctx)
			},
		})}
	}
	j := &fakeJournal{}
	textCall(t, agent(), Options{Journal: j}, func(c *fakeCaller) {
		c.types("lookup")
		c.wait(5 * time.Second)
	})
	c, _ := textCall(t, agent(), j.stored(), func(c *fakeCaller) { c.wait(15 * time.Second) })
	if got, want := c.replies(), []string{`It says {"n":1}.`}; !slices.Equal(got, want) || runs != 2 {
		t.Errorf("replies %q after %d runs, want %q after 2", got, runs, want)
	}
}

// The session can be resumed at once, and the next line waits for the same call.
func TestDurableCallIsAwaitedAfterTheLineBroke(t *testing.T) {
	for _, test := range []struct {
		name  string
		wait  time.Duration // from the call to the break of the line
		takes time.Duration
		want  []string
	}{
		{"in the reply", time.Second, time.Hour, []string{"Nothing new.", `It says {"n":2}.`}}, // the turn that had no answer is answered first
		{"in the background", 5 * time.Second, time.Hour, []string{`It says {"n":2}.`}},
		{"told before", 5 * time.Second, 3 * time.Second, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls, awaits := 0, 0
			r, err := tools.NewRegistry(durableTool{test.takes, &calls, &awaits})
			if err != nil {
				t.Fatal(err)
			}
			agent := &dialog.Agent{Model: toolCallingModel, Tools: r}
			j := &fakeJournal{}
			textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) {
				c.types("book_write")
				c.wait(test.wait)
			})
			o := j.stored()
			c, _ := textCall(t, agent, o, func(c *fakeCaller) { c.wait(5 * time.Second) })
			if got := c.replies(); !slices.Equal(got, test.want) || calls != 1 {
				t.Errorf("replies %q after %d calls, want %q after 1", got, calls, test.want)
			}
		})
	}
}
