package conversation

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
	"frontdesk/tools/gate"
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

// A model that does not tell what it was collecting leaves a draft for what the caller asked.
func TestOpenIssueIsKeptWhenTheCallerLeaves(t *testing.T) {
	for _, test := range []struct {
		says []string
		want string // description of the draft
	}{
		{[]string{"please open a ticket, my lamp is broken", "it smells, too"}, "please open a ticket, my lamp is broken\nit smells, too"},
		{[]string{"please open a ticket, my lamp is broken", "never mind"}, ""},
		{[]string{"please open a ticket, my lamp is broken", "no thanks"}, ""},
		{[]string{"when do you open"}, ""},
	} {
		tool := &keepingTicket{}
		textCall(t, agentWith(t, modelSaying("What is your e-mail address?"), tool), Options{}, func(c *fakeCaller) {
			for _, text := range test.says {
				c.types(text)
				c.wait(time.Second)
			}
		})
		if tool.description != test.want {
			t.Errorf("%q: the draft says %q, want %q", test.says, tool.description, test.want)
		}
	}
}

// keepingTicket is a create_ticket that remembers what an abandoned call would have opened.
type keepingTicket struct{ description string }

func (*keepingTicket) Spec() tools.Spec {
	return tools.Spec{Name: createTicket, Rule: gate.Rule{Effect: gate.Write}, Parameters: []byte(
		`{"type":"object","properties":{"subject":{"type":"string"},"description":{"type":"string"}},"required":["subject"]}`)}
}

func (*keepingTicket) Call(_ context.Context, call tools.Call) (tools.Result, error) {
	return tools.Result{CallID: call.ID}, nil
}

func (k *keepingTicket) Abandon(_ context.Context, call tools.Call) error {
	var arguments struct{ Description string }
	err := json.Unmarshal(call.Arguments, &arguments)
	k.description = arguments.Description
	return err
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
