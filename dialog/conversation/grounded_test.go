package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/grounding"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// claimingModel claims an effect before it calls the tool "create_ticket", and tells the id.
var claimingModel = modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
	last := p.Messages[len(p.Messages)-1]
	switch {
	case last.Result != nil:
		yield(dialog.Chunk{Text: "Is there anything else?"}, nil)
	case strings.Contains(last.Text, "ticket"):
		_ = yield(dialog.Chunk{Text: "Of course. I have opened a ticket for you. "}, nil) &&
			yield(dialog.Chunk{Call: &tools.Call{Name: "create_ticket"}}, nil)
	default:
		yield(dialog.Chunk{Text: "I have refunded 900 dollars. It is on its way. I have refunded it."}, nil)
	}
})

func TestClaimWaitsForItsEffect(t *testing.T) {
	for _, test := range []struct {
		name    string
		consent gate.Consent
		fails   bool
		says    []string
		want    []string
	}{
		{"the tool ran", gate.NoConsent, false, []string{"a ticket please"},
			[]string{"Of course. I have opened a ticket for you. Is there anything else?"}},
		{"the tool failed", gate.NoConsent, true, []string{"a ticket please"},
			[]string{"Of course. I have not done that. Is there anything else?"}},
		{"the caller is asked", gate.Ask, false, []string{"a ticket please", "yes"},
			[]string{"Of course. I would open a ticket: . Shall I do that?", "Is there anything else?"}},
		{"nothing ran", gate.NoConsent, false, []string{"what about my money"},
			[]string{"I have not done that. It is on its way."}},
	} {
		tool := toolFunc{
			tools.Spec{Name: "create_ticket", Parameters: json.RawMessage(`{"type":"object"}`), Rule: gate.Rule{Effect: gate.Write, Consent: test.consent}},
			func(context.Context) (string, error) {
				if test.fails {
					return "", fmt.Errorf("the desk is closed")
				}
				return `{"id":"T-48291537"}`, nil
			},
		}
		agent := agentWith(t, claimingModel, tool)
		c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) {
			for _, text := range test.says {
				c.types(text)
				c.wait(time.Second)
			}
		})
		if got := c.replies(); strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestNumbersThatNobodyGaveAreNotSaid(t *testing.T) {
	for _, test := range []struct {
		text, want string
		replaced   int
		anyNumbers bool
	}{
		{"It costs 900 dollars, and 700 more. Anything else?", "I can't confirm that figure or address. Anything else?", 2, false},
		{"It costs 900 dollars, and 700 more. Anything else?", "It costs 900 dollars, and 700 more. Anything else?", 0, true},
		{"It costs 40 dollars. Anything else?", "It costs 40 dollars. Anything else?", 0, false},
		{"Tell me your card number.", "Please do not tell me card numbers, security codes or passwords.", 1, false},
	} {
		agent := &dialog.Agent{Model: modelSaying(test.text), Instructions: "Shipping costs $40.", Grounding: dialog.Grounding{AnyNumbers: test.anyNumbers}}
		c, _ := textCall(t, agent, Options{}, func(c *fakeCaller) { c.types("what does it cost") })
		if got := c.replies()[0]; got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if got := len(c.eventsOf(dialog.ClauseReplaced)); got != test.replaced {
			t.Errorf("%q: %d clauses were replaced, want %d", test.text, got, test.replaced)
		}
	}
}

// A sentence of which the beginning was replaced goes on to be judged as a whole.
func TestClaimInLinesIsNotSaid(t *testing.T) {
	for _, text := range []string{"That\nis\ntaken\ncare\nof.", "I\nhave\nrefunded\nit."} {
		c, _ := textCall(t, &dialog.Agent{Model: modelSaying(text)}, Options{}, func(c *fakeCaller) { c.types("what about my money") })
		if got := c.replies()[0]; strings.Contains(got, "of.") || strings.Contains(got, "refunded") {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestReplacementsExistInEveryLanguage(t *testing.T) {
	for language, texts := range replacements {
		for _, finding := range []grounding.Finding{grounding.Claim, grounding.Unfounded, grounding.Secret, grounding.Leak} {
			if got := grounding.New(language, "", true).Check("", texts[finding]); texts[finding] == "" || got != grounding.Fine {
				t.Errorf("%s: the replacement %q for %v is itself %v", language, texts[finding], finding, got)
			}
		}
	}
}
