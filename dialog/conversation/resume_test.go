package conversation

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
)

var longSilence = dialog.Silence{Wait: time.Minute}

const openingHours = "We are open every day. On Sundays we close at four. Is there anything else you want to know?"

// breakCall runs a call whose line breaks some time after the caller's question, and
// returns the options that continue it: from what was stored before the line broke, as if
// the server had crashed, or from what was stored at the end of the call.
func breakCall(t *testing.T, model dialog.Model, after time.Duration, crash bool) Options {
	t.Helper()
	var stored Options
	p, _ := voiceCall(t, &dialog.Agent{Model: model, Silence: longSilence, Speculation: dialog.Speculation{Disabled: true}}, Options{}, func(p *fakePhone) {
		p.says("when are you open")
		p.wait(after)
		stored = p.journal.stored()
		p.breakLine()
		p.wait(time.Second)
	})
	if !crash {
		stored = p.journal.stored()
	}
	n := 1000
	stored.NewID = func(prefix string) string { n++; return fmt.Sprint(prefix, n) }
	return stored
}

func TestResumedConversationContinuesWithItsHistory(t *testing.T) {
	var prompt dialog.Prompt
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		prompt = p
		yield(dialog.Chunk{Text: "Yes."}, nil)
	})
	old := []dialog.Message{userMessage("before"), {ID: "a1", Role: dialog.Assistant, Text: "It was."}}
	c, _ := textCall(t, &dialog.Agent{Greeting: "Hello.", Model: model}, Options{History: old, LastTurn: 7}, func(c *fakeCaller) { c.types("now") })
	if got := transcript(prompt.Messages); got != "u:before | a:It was. | u:now" {
		t.Errorf("the model saw %q", got)
	}
	if got := c.turns(); len(got) != 1 || got[0].Number != 8 || len(c.replies()) != 1 {
		t.Errorf("unexpected turns %+v, replies %q", got, c.replies())
	}
}

func TestResumedReplyContinuesWithTheCutSentence(t *testing.T) {
	for _, crash := range []bool{false, true} {
		for after := time.Duration(0); after < 7*time.Second; after += 170 * time.Millisecond {
			var prompts []dialog.Prompt
			model := wordByWordModel(openingHours, 40*time.Millisecond, &prompts)
			stored := breakCall(t, model, after, crash)
			heard := ""
			for _, m := range stored.History {
				if m.Role == dialog.Assistant {
					heard = m.Text
				}
			}
			p, _ := voiceCall(t, &dialog.Agent{Model: model, Greeting: "Hello!", Silence: longSilence}, stored, func(p *fakePhone) { p.wait(12 * time.Second) })
			replies := strings.Join(p.replies(), " ")
			if len(stored.History) == 0 { // the question was not transcribed yet
				continue
			}
			if stored.Resume != nil {
				heard = strings.TrimSpace(stored.Resume.Heard)
			}
			from := mouth.SentenceStart(openingHours, len(heard))
			if replies != strings.TrimSpace(openingHours[from:]) && !(heard == openingHours && replies == "") {
				t.Errorf("crash %t, after %v: heard %q before and %q after the break", crash, after, heard, replies)
			}
			var all []string
			for _, m := range p.journal.messages {
				all = append(all, m.Text)
			}
			if crash && stored.Resume != nil && strings.Join(all, " ") != strings.TrimSpace(heard+" "+replies) {
				t.Errorf("after %v: the history holds %q, want %q and %q", after, all, heard, replies)
			}
			turns := p.turns()
			if replies != "" && (len(turns) != 1 || turns[0].Number != stored.LastTurn+1 || turns[0].EndpointReason != "resumed") {
				t.Errorf("crash %t, after %v: unexpected turns %+v", crash, after, turns)
			}
		}
	}
}

func TestModelFinishesTheReplyThatTheLineCutOff(t *testing.T) {
	var prompts []dialog.Prompt
	stored := breakCall(t, wordByWordModel(openingHours, 250*time.Millisecond, &prompts), 3*time.Second, true)
	if stored.Resume == nil || stored.Resume.Complete || stored.Resume.Text == "" || stored.Resume.Caller != "when are you open" {
		t.Fatalf("unexpected resume state %+v", stored.Resume)
	}
	rest := wordByWordModel("And on holidays we are closed.", 0, &prompts)
	p, _ := voiceCall(t, &dialog.Agent{Model: rest, Silence: longSilence}, stored, func(p *fakePhone) { p.wait(12 * time.Second) })
	last := prompts[len(prompts)-1]
	if m := last.Messages[len(last.Messages)-1]; m.Role != dialog.Assistant || m.Text != strings.TrimSpace(stored.Resume.Text) || !strings.Contains(last.Instructions, resumeRules) {
		t.Errorf("the prompt ends with %+v, want what was said so far and the rules for resuming", m)
	}
	want := strings.TrimSpace(stored.Resume.Text[mouth.SentenceStart(stored.Resume.Text, len(stored.Resume.Heard)):] + " And on holidays we are closed.")
	if got := strings.Join(p.replies(), " "); got != want {
		t.Errorf("the agent continued with %q, want %q", got, want)
	}
}

func TestCancelledReplyIsNotResumed(t *testing.T) {
	var prompts []dialog.Prompt
	p, _ := voiceCall(t, &dialog.Agent{Model: wordByWordModel(openingHours, 0, &prompts)}, Options{}, func(p *fakePhone) {
		p.says("when are you open")
		p.wait(1500 * time.Millisecond)
		p.send(dialog.Heard{Kind: dialog.CancelReply})
		p.wait(time.Second)
		p.breakLine()
		p.wait(time.Second)
	})
	if s := p.journal.resume; s != nil {
		t.Errorf("the journal holds the resume state %+v, want none", s)
	}
}

func TestCutGreetingContinuesOrStartsAgain(t *testing.T) {
	const greeting = "Good morning, this is the lamp shop. How can I help you?"
	agent := &dialog.Agent{Model: echoModel, Greeting: greeting, Silence: longSilence}
	for after := time.Duration(0); after < 4*time.Second; after += 300 * time.Millisecond {
		p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
			p.wait(after)
			p.breakLine()
			p.wait(time.Second)
		})
		stored := p.journal.stored()
		stored.NewID = func(prefix string) string { return prefix + fmt.Sprint(time.Now().UnixNano()) }
		heard := ""
		if stored.Resume != nil {
			heard = stored.Resume.Heard
		} else if len(stored.History) > 0 {
			heard = stored.History[0].Text
		}
		resumed, _ := voiceCall(t, agent, stored, func(p *fakePhone) { p.wait(6 * time.Second) })
		if got, want := strings.Join(resumed.replies(), " "), strings.TrimSpace(greeting[mouth.SentenceStart(greeting, len(heard)):]); got != want && heard != greeting {
			t.Errorf("after %q the agent said %q, want %q", heard, got, want)
		}
	}
}
