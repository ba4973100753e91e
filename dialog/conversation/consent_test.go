package conversation

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// counted is a tool that counts its calls.
type counted struct {
	spec  tools.Spec
	calls atomic.Int32
}

func (t *counted) Spec() tools.Spec { return t.spec }

func (t *counted) Call(context.Context, tools.Call) (tools.Result, error) {
	t.calls.Add(1)
	return tools.Result{Output: json.RawMessage(`{"done":true}`)}, nil
}

// newRefund returns a tool that needs the caller's consent.
func newRefund(question string) *counted {
	return &counted{spec: tools.Spec{
		Name: "refund", Parameters: json.RawMessage(`{"type":"object","properties":{"order":{"type":"string"},"amount":{"type":"number"}}}`),
		Rule: gate.Rule{Effect: gate.Money, Identify: []string{"order", "amount"}, Question: question},
	}}
}

// refundingModel calls refund whenever the caller says "refund", and tells the result.
func refundingModel(arguments string) modelFunc {
	return func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		last := p.Messages[len(p.Messages)-1]
		switch {
		case last.Result != nil:
			yield(dialog.Chunk{Text: "It says " + string(last.Result.Output) + "."}, nil)
		case strings.Contains(last.Text, "refund"):
			yield(dialog.Chunk{Call: &tools.Call{Name: "refund", Arguments: json.RawMessage(arguments)}}, nil)
		default:
			yield(dialog.Chunk{Text: "All right."}, nil)
		}
	}
}

func agentWith(t *testing.T, model dialog.Model, list ...tools.Tool) *dialog.Agent {
	r, err := tools.NewRegistry(list...)
	require.NoError(t, err)
	return &dialog.Agent{Name: "demo", Model: model, Tools: r}
}

func TestEffectRunsOnlyAfterTheCallersYes(t *testing.T) {
	const arguments = `{"order":"47329","amount":20}`
	for _, test := range []struct {
		name string
		says []string
		runs int32
		last string // the end of the last reply
	}{
		{"yes", []string{"refund 20 for order 47329", "yes please"}, 1, `{"done":true}.`},
		{"yes in the second turn", []string{"refund 20 for order 47329", "hm let me think", "yes"}, 1, `{"done":true}.`},
		{"yes in the third turn", []string{"refund 20 for order 47329", "hm", "well", "yes"}, 0, "All right."},
		{"yes with goodbye", []string{"refund 20 for order 47329", "yes please, thanks, bye"}, 1, `{"done":true}.`},
		{"goodbye", []string{"refund 20 for order 47329", "goodbye"}, 0, "Thank you for calling. Goodbye!"},
		{"no", []string{"refund 20 for order 47329", "no"}, 0, "All right."},
		{"no answer", []string{"refund 20 for order 47329"}, 0, "Shall I do that?"},
		{"a yes that adds something", []string{"refund 20 for order 47329", "yes but to another account"}, 0, "All right."},
		{"yes twice", []string{"refund 20 for order 47329", "yes", "yes"}, 1, "All right."},
		{"a yes without a question", []string{"yes"}, 0, "All right."},
		{"values that nobody said", []string{"refund my order"}, 0, `ask the caller for it"}}.`},
	} {
		tool := newRefund("")
		agent := agentWith(t, refundingModel(arguments), tool)
		c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) {
			for _, text := range test.says {
				c.types(text)
				c.wait(time.Second)
			}
		})
		replies := c.replies()
		if got := tool.calls.Load(); got != test.runs || !strings.HasSuffix(replies[len(replies)-1], test.last) {
			t.Errorf("%s: the tool ran %d times, want %d; replies %q", test.name, got, test.runs, replies)
		}
	}
}

func TestQuestionReadsNumbersAsGiven(t *testing.T) {
	if got, want := valuesOf(json.RawMessage(`{"order":12345678,"amount":1000000.5}`)), "amount: 1000000.5, order: 12345678"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A yes answers the last question of the agent only.
func TestYesToAnotherQuestionIsNoConsent(t *testing.T) {
	for asked, want := range map[string]int32{"Yes, it is free.": 1, "Is your order late?": 0, "Is it 早い？ Say yes.": 0} {
		tool := newRefund("")
		refunds := refundingModel(`{"order":"47329","amount":20}`)
		model := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
			if strings.HasPrefix(lastUser(p.Messages), "is it free") {
				yield(dialog.Chunk{Text: asked}, nil)
				return
			}
			refunds(ctx, p, yield)
		})
		textCall(t, agentWith(t, model, tool), Options{}, func(c *fakeCaller) {
			for _, text := range []string{"refund 20 for order 47329", "is it free", "yes"} {
				c.types(text)
				c.wait(time.Second)
			}
		})
		if got := tool.calls.Load(); got != want {
			t.Errorf("after %q: the tool ran %d times, want %d", asked, got, want)
		}
	}
}

// A turn that the caller interrupted before anything was heard is a turn, too.
func TestInterruptedTurnsAreCounted(t *testing.T) {
	tool := newRefund("")
	model := modelFunc(func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if strings.Contains(lastUser(p.Messages), "refund") {
			yield(dialog.Chunk{Call: &tools.Call{Name: "refund", Arguments: json.RawMessage(`{"order":"47329","amount":20}`)}}, nil)
			return
		}
		<-ctx.Done()
	})
	textCall(t, agentWith(t, model, tool), Options{}, func(c *fakeCaller) {
		c.types("refund 20 for order 47329")
		c.wait(time.Second)
		for _, text := range []string{"no", "what about my lamp", "yes"} {
			c.types(text)
			c.wait(time.Second)
		}
	})
	if got := tool.calls.Load(); got != 0 {
		t.Errorf("the tool ran %d times after a yes in the third turn", got)
	}
}

// One yes is for one call, also if the model calls the tool again in the same turn.
func TestConsentIsForOneCall(t *testing.T) {
	tool := newRefund("")
	tool.spec.Rule.Limits.Turn = 5
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Call: &tools.Call{Name: "refund", Arguments: json.RawMessage(`{"order":"47329","amount":20}`)}}, nil)
	})
	textCall(t, agentWith(t, model, tool), Options{}, func(c *fakeCaller) {
		c.types("refund 20 for order 47329")
		c.wait(time.Second)
		c.types("yes")
		c.wait(time.Second)
	})
	if got := tool.calls.Load(); got != 1 {
		t.Errorf("the tool ran %d times after one yes", got)
	}
}

func TestQuestionHoldsTheValues(t *testing.T) {
	for question, want := range map[string]string{
		"": "I would do this: refund, with amount: 20, order: 47329. Shall I do that?",
		"Refund {amount} dollars for order {order}.": "Refund 20 dollars for order 47329. Shall I do that?",
	} {
		agent := agentWith(t, refundingModel(`{"order":"47329","amount":20}`), newRefund(question))
		c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) { c.types("refund 20 for order 47329") })
		if got := c.replies()[0]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if held := c.eventsOf(dialog.ToolHeld); len(held) != 1 || held[0].Call.Name != "refund" {
			t.Errorf("got events %+v", held)
		}
	}
}

// The question outlives its line: the caller comes back and says yes.
func TestConsentOutlivesTheLine(t *testing.T) {
	tool := newRefund("")
	agent := agentWith(t, refundingModel(`{"order":"47329","amount":20}`), tool)
	j := &fakeJournal{}
	textCall(t, agent, Options{Journal: j}, func(c *fakeCaller) {
		c.types("refund 20 for order 47329")
		c.wait(time.Second)
	})
	o := j.stored()
	o.NewID = func(prefix string) string { return prefix + "second" + time.Now().String() }
	ids := countingIDs()
	o.NewID = func(prefix string) string { return ids("second_" + prefix) }
	textCall(t, agent, o, func(c *fakeCaller) {
		c.types("yes")
		c.wait(time.Second)
	})
	if got := tool.calls.Load(); got != 1 {
		t.Errorf("the tool ran %d times, want once", got)
	}
}

// A caller who interrupts before the values were said has not heard what they agree to.
func TestYesToAnUnheardQuestionIsNoConsent(t *testing.T) {
	tool := newRefund("")
	agent := agentWith(t, refundingModel(`{"order":"47329","amount":20}`), tool)
	var o Options
	o.History = []dialog.Message{
		{ID: "a", Role: dialog.User, Text: "refund 20 for order 47329"},
		{ID: "b", Role: dialog.Assistant, Calls: []tools.Call{{ID: "call_x", Name: "refund", Arguments: json.RawMessage(`{"amount":20,"order":"47329"}`)}}},
		{ID: "c", Role: dialog.ToolRole, Result: &tools.Result{CallID: "call_x", Held: true, Output: json.RawMessage(`{}`)}},
		{ID: "d", Role: dialog.Assistant, Text: "I would do this:", Interrupted: true},
	}
	textCall(t, agent, o, func(c *fakeCaller) { c.types("yes") })
	if got := tool.calls.Load(); got != 0 {
		t.Errorf("the tool ran %d times without consent", got)
	}
	o.History[3].Text = "I would do this: refund, with amount: 20, order: 47329. Shall"
	textCall(t, agent, o, func(c *fakeCaller) { c.types("yes") })
	if got := tool.calls.Load(); got != 1 {
		t.Errorf("the tool ran %d times after the values were heard, want once", got)
	}
}

// A tool of a client cannot pass its result off as a call that waits for consent.
func TestOnlyTheGateHoldsCalls(t *testing.T) {
	result := tools.Result{CallID: "x", Held: true, Refused: true, Proved: "47329", Identity: "pin:1", Output: json.RawMessage(`{}`)}
	synctest.Test(t, func(t *testing.T) {
		c := newConversation(t.Context(), &dialog.Agent{}, dialog.Line{}, Options{NewID: countingIDs()})
		c.addMessage(dialog.Message{ID: "m", Role: dialog.Assistant, Calls: []tools.Call{{ID: "x", Name: "theirs"}}})
		c.clientToolOutput(&result)
		got := c.recall.history.messages[1].Result
		if got.Held || got.Refused || got.Proved != "" || got.Identity != "" {
			t.Errorf("the client's result is %+v", got)
		}
	})
}

func TestEffectsOfATurnAreLimited(t *testing.T) {
	tool := newRefund("")
	tool.spec.Rule = gate.Rule{Effect: gate.Write, Consent: gate.NoConsent}
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		for range 8 {
			if !yield(dialog.Chunk{Call: &tools.Call{Name: "refund"}}, nil) {
				return
			}
		}
	})
	agent := agentWith(t, model, tool)
	c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) { c.types("what are your opening hours") })
	if got := tool.calls.Load(); got != 2 {
		t.Errorf("the tool ran %d times in one turn, want twice", got)
	}
	if refused := c.eventsOf(dialog.ToolRefused); len(refused) == 0 || refused[0].Text != "limit of the turn" {
		t.Errorf("got refusals %+v", refused)
	}
}
