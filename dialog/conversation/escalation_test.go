package conversation

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// colleagueTool is a hand-over for which the caller must be asked. It counts its calls.
type colleagueTool struct{ calls *[]string }

func (colleagueTool) Spec() tools.Spec {
	return tools.Spec{
		Name: handOver, Parameters: []byte(`{"type":"object","properties":{"reason":{"type":"string"}},"required":["reason"]}`),
		Rule: gate.Rule{Effect: gate.Communication, Consent: gate.Ask},
	}
}

func (p colleagueTool) Call(_ context.Context, call tools.Call) (tools.Result, error) {
	*p.calls = append(*p.calls, string(call.Arguments))
	return tools.Result{Output: []byte(`{"message":"A colleague calls you."}`)}, nil
}

// answeringModel says what it knows, and tells the results of tools.
var answeringModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	last := p.Messages[len(p.Messages)-1]
	switch {
	case last.Result != nil:
		yield(dialog.Chunk{Text: "A colleague calls you."}, nil)
	case strings.Contains(last.Text, "strange"):
		yield(dialog.Chunk{Text: "I don't know."}, nil)
	default:
		yield(dialog.Chunk{Text: "It is on its way."}, nil)
	}
})

const offer = "I would ask a colleague to take over. Shall I do that?"

func TestEscalation(t *testing.T) {
	rules := dialog.Escalation{SentimentBelow: -0.6, Misses: 2, Words: []string{"lawyer", "small claims"}}
	for name, c := range map[string]struct {
		says   []string
		offers string // for each turn, whether a person is offered
		calls  int
		why    string // conditions
	}{
		"nothing":           {[]string{"where is it", "thank you"}, "no no", 0, ""},
		"a word":            {[]string{"I will call my Lawyer", "where is it"}, "yes no", 0, "words"},
		"a phrase":          {[]string{"see you in small claims court"}, "yes", 0, "words"},
		"part of a word":    {[]string{"are you lawyers"}, "no", 0, ""},
		"sentiment":         {[]string{"this is really terrible", "yes", "this is really terrible"}, "yes no no", 1, "sentiment"},
		"refused":           {[]string{"this is really terrible", "no", "this is really terrible"}, "yes no no", 0, "sentiment"},
		"one miss":          {[]string{"strange", "where", "strange"}, "no no no", 0, ""},
		"two misses":        {[]string{"strange", "strange", "strange"}, "no yes no", 0, "misses"},
		"several, one each": {[]string{"my lawyer", "this is really terrible", "my lawyer"}, "yes yes no", 0, "words sentiment"},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			registry, err := tools.NewRegistry(colleagueTool{&calls})
			require.NoError(t, err)
			agent := &dialog.Agent{Model: answeringModel, Tools: registry, Handover: dialog.Handover{Escalation: rules}}
			caller, _ := textCall(t, agent, Options{}, func(f *fakeCaller) {
				for _, text := range c.says {
					f.types(text)
					synctest.Wait()
				}
			})
			var offers, why []string
			for _, reply := range caller.replies() {
				offers = append(offers, map[bool]string{true: "yes", false: "no"}[strings.HasSuffix(reply, offer)])
			}
			for _, e := range caller.eventsOf(dialog.ToolHeld) {
				why = append(why, e.Text)
			}
			if strings.Join(offers, " ") != c.offers || len(calls) != c.calls || strings.Join(why, " ") != c.why {
				t.Errorf("offers %q because of %q, %d calls; want %q because of %q, %d calls; replies %q", offers, why, len(calls), c.offers, c.why, c.calls, caller.replies())
			}
		})
	}
}

func TestEscalationIsOffAndNeedsTheTool(t *testing.T) {
	for name, agent := range map[string]*dialog.Agent{
		"off":     {Model: answeringModel},
		"no tool": {Model: answeringModel, Handover: dialog.Handover{Escalation: dialog.Escalation{Words: []string{"lawyer"}}}},
	} {
		caller, _ := textCall(t, agent, Options{}, func(f *fakeCaller) { f.types("my lawyer") })
		if got := caller.replies(); len(got) != 1 || got[0] != "It is on its way." {
			t.Errorf("%s: replies %q", name, got)
		}
	}
}

func TestTurnsSayWhatWasUnderstood(t *testing.T) {
	j := &fakeJournal{}
	caller, _ := textCall(t, &dialog.Agent{Model: answeringModel}, Options{Journal: j}, func(f *fakeCaller) {
		f.types("where is my order 47329, this is terrible")
		synctest.Wait()
		f.types("strange?")
	})
	turns := caller.turns()
	if u := turns[0].Understanding; u == nil || u.Intent != dialog.IntentDelivery || u.Sentiment > -0.6 || !u.Answered || len(u.Entities) != 1 || u.Entities[0].Value != "47329" {
		t.Errorf("first turn: %+v", u)
	}
	if u := turns[1].Understanding; u == nil || u.Answered {
		t.Errorf("second turn: %+v", u)
	}
}
