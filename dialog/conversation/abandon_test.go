package conversation

import (
	"context"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// keeping is a tool that counts the calls that were abandoned.
type keeping struct {
	*counted
	kept   int
	caller tools.Caller
}

func (k *keeping) Abandon(ctx context.Context, _ tools.Call) error {
	k.kept++
	k.caller = tools.CallerOf(ctx)
	return ctx.Err()
}

// collector is a model that collects values for a call once the caller has said something.
type collector struct{ dialog.Model }

func (collector) Unfinished(p dialog.Prompt) (tools.Call, bool) {
	last := p.Messages[len(p.Messages)-1]
	return tools.Call{ID: "left", Name: "refund", Arguments: []byte(`{"order":"47329","amount":20}`)}, last.Role == dialog.Assistant && last.Text != ""
}

func TestCallForWhichTheModelCollectsValuesIsKept(t *testing.T) {
	for _, test := range []struct {
		name  string
		model dialog.Model
		want  int
	}{
		{"a collector", collector{modelSaying("Which order?")}, 1},
		{"behind another model", Fallback(modelSaying("Which order?"), collector{modelSaying("Which order?")}), 1},
		{"no collector", modelSaying("Which order?"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			tool := &keeping{counted: newRefund("")}
			textCall(t, agentWith(t, test.model, tool), Options{}, func(c *fakeCaller) {
				c.types("refund 20 for order 47329")
				c.wait(time.Second)
			})
			if tool.kept != test.want {
				t.Errorf("kept %d times, want %d", tool.kept, test.want)
			}
		})
	}
}

func TestCallWithoutAnAnswerIsKeptWhenTheCallerLeaves(t *testing.T) {
	for _, test := range []struct {
		says []string
		want int
	}{
		{[]string{"refund 20 for order 47329"}, 1},
		{[]string{"refund 20 for order 47329", "no"}, 0},
		{[]string{"refund 20 for order 47329", "yes"}, 0},
		{[]string{"hello"}, 0},
	} {
		tool := &keeping{counted: newRefund("")}
		c, _ := textCall(t, agentWith(t, refundingModel(`{"order":"47329","amount":20}`), tool), Options{}, func(c *fakeCaller) {
			for _, text := range test.says {
				c.types(text)
				c.wait(time.Second)
			}
		})
		events := 0
		for _, e := range c.events {
			if e.Kind == dialog.ToolAbandoned && e.Result == nil {
				events++
			}
		}
		if tool.kept != test.want || events != test.want {
			t.Errorf("%q: kept %d times with %d events, want %d", test.says, tool.kept, events, test.want)
		}
		if test.want > 0 && tool.caller.Said != test.says[0] {
			t.Errorf("the tool learns that the caller said %q", tool.caller.Said)
		}
	}
}
