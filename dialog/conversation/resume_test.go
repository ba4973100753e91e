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

var patient = dialog.Silence{Wait: time.Minute}

const hours = "We are open every day. On Sundays we close at four. Is there anything else you want to know?"

// snapshot is what a store holds of a conversation.
func (j *fakeJournal) snapshot() Options {
	j.mu.Lock()
	defer j.mu.Unlock()
	o := Options{History: append([]dialog.Message(nil), j.messages...), Resume: j.saying}
	for _, t := range j.turns {
		o.LastTurn = t.Number
	}
	return o
}

// teller is a model that tells a hours word by word.
func teller(text string, pace time.Duration, asked *[]dialog.Prompt) modelFunc {
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		*asked = append(*asked, p)
		for _, w := range strings.SplitAfter(text, " ") {
			select {
			case <-time.After(pace):
			case <-ctx.Done():
				return
			}
			if !yield(dialog.Chunk{Text: w}, nil) {
				return
			}
		}
	}
}

// broken holds a conversation that breaks so long after the caller's question, and
// returns what the store then holds: what was kept until then, as of a machine that
// died, or all that the end of the line added.
func broken(t *testing.T, model dialog.Model, after time.Duration, died bool) Options {
	t.Helper()
	var kept Options
	p, _ := telephone(t, &dialog.Agent{Model: model, Silence: patient, Speculation: dialog.Speculation{Disabled: true}}, Options{}, func(p *phone) {
		p.says("when are you open")
		p.wait(after)
		kept = p.journal.snapshot()
		p.lose()
		p.wait(time.Second)
	})
	if !died {
		kept = p.journal.snapshot()
	}
	n := 1000
	kept.NewID = func(prefix string) string { n++; return fmt.Sprint(prefix, n) }
	return kept
}

func TestAReplyGoesOnWithTheSentenceItWasIn(t *testing.T) {
	for _, died := range []bool{false, true} {
		for after := time.Duration(0); after < 7*time.Second; after += 170 * time.Millisecond {
			var asked []dialog.Prompt
			model := teller(hours, 40*time.Millisecond, &asked)
			kept := broken(t, model, after, died)
			heard := ""
			for _, m := range kept.History {
				if m.Role == dialog.Assistant {
					heard = m.Text
				}
			}
			p, _ := telephone(t, &dialog.Agent{Model: model, Greeting: "Hello!", Silence: patient}, kept, func(p *phone) { p.wait(12 * time.Second) })
			replies := strings.Join(p.replies(), " ")
			if len(kept.History) == 0 { // the question was not yet heard to its end
				continue
			}
			if kept.Resume != nil {
				heard = strings.TrimSpace(kept.Resume.Heard)
			}
			from := mouth.SentenceStart(hours, len(heard))
			if replies != strings.TrimSpace(hours[from:]) && !(heard == hours && replies == "") {
				t.Errorf("died %t, after %v: heard %q, and then %q", died, after, heard, replies)
			}
			var all []string
			for _, m := range p.journal.messages {
				all = append(all, m.Text)
			}
			if died && kept.Resume != nil && strings.Join(all, " ") != strings.TrimSpace(heard+" "+replies) {
				t.Errorf("after %v: kept %q of %q and %q", after, all, heard, replies)
			}
			turns := p.turns()
			if replies != "" && (len(turns) != 1 || turns[0].Number != kept.LastTurn+1 || turns[0].EndpointReason != "resumed") {
				t.Errorf("died %t, after %v: %+v", died, after, turns)
			}
		}
	}
}

func TestAModelGoesOnWhereTheLineBroke(t *testing.T) {
	var asked []dialog.Prompt
	kept := broken(t, teller(hours, 250*time.Millisecond, &asked), 3*time.Second, true)
	if kept.Resume == nil || kept.Resume.Complete || kept.Resume.Text == "" || kept.Resume.Caller != "when are you open" {
		t.Fatalf("%+v", kept.Resume)
	}
	rest := teller("And on holidays we are closed.", 0, &asked)
	p, _ := telephone(t, &dialog.Agent{Model: rest, Silence: patient}, kept, func(p *phone) { p.wait(12 * time.Second) })
	last := asked[len(asked)-1]
	if m := last.Messages[len(last.Messages)-1]; m.Role != dialog.Assistant || m.Text != strings.TrimSpace(kept.Resume.Text) || !strings.Contains(last.Instructions, resumeRules) {
		t.Errorf("it was asked behind %+v", m)
	}
	want := strings.TrimSpace(kept.Resume.Text[mouth.SentenceStart(kept.Resume.Text, len(kept.Resume.Heard)):]) + " And on holidays we are closed."
	if got := strings.Join(p.replies(), " "); got != want {
		t.Errorf("it went on with %q, want %q", got, want)
	}
}

func TestWhatTheCallerStoppedDoesNotGoOn(t *testing.T) {
	var asked []dialog.Prompt
	p, _ := telephone(t, &dialog.Agent{Model: teller(hours, 0, &asked)}, Options{}, func(p *phone) {
		p.says("when are you open")
		p.wait(1500 * time.Millisecond)
		p.send(dialog.Heard{Kind: dialog.CancelReply})
		p.wait(time.Second)
		p.lose()
		p.wait(time.Second)
	})
	if s := p.journal.saying; s != nil {
		t.Errorf("%+v is kept", s)
	}
}

func TestABrokenGreetingGoesOnOrBeginsAnew(t *testing.T) {
	const greeting = "Good morning, this is the lamp shop. How can I help you?"
	agent := &dialog.Agent{Model: echo, Greeting: greeting, Silence: patient}
	for after := time.Duration(0); after < 4*time.Second; after += 300 * time.Millisecond {
		p, _ := telephone(t, agent, Options{}, func(p *phone) {
			p.wait(after)
			p.lose()
			p.wait(time.Second)
		})
		kept := p.journal.snapshot()
		kept.NewID = func(prefix string) string { return prefix + fmt.Sprint(time.Now().UnixNano()) }
		heard := ""
		if kept.Resume != nil {
			heard = kept.Resume.Heard
		} else if len(kept.History) > 0 {
			heard = kept.History[0].Text
		}
		again, _ := telephone(t, agent, kept, func(p *phone) { p.wait(6 * time.Second) })
		if got, want := strings.Join(again.replies(), " "), strings.TrimSpace(greeting[mouth.SentenceStart(greeting, len(heard)):]); got != want && heard != greeting {
			t.Errorf("after %q it said %q, want %q", heard, got, want)
		}
	}
}
