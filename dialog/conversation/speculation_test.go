package conversation

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

func TestReplyIsPreparedBeforeTheTurnIsOver(t *testing.T) {
	timeToFirstAudio := func(s dialog.Speculation) (time.Duration, *delayedModel) {
		m := &delayedModel{delay: 300 * time.Millisecond}
		p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Speculation: s}, Options{}, func(p *fakePhone) {
			p.says("my lamp is broken and i want a new one")
			p.wait(8 * time.Second)
		})
		turn := p.turns()[0]
		if turn.Reply != "You said: my lamp is broken and i want a new one." || turn.Times.Speculated.IsZero() != s.Disabled {
			t.Errorf("with %+v: unexpected turn %+v", s, turn)
		}
		return turn.Times.FirstAudio.Sub(turn.Times.SpeechEnd), m
	}
	prepared, m := timeToFirstAudio(dialog.Speculation{})
	unprepared, _ := timeToFirstAudio(dialog.Speculation{Disabled: true})
	if unprepared-prepared < 100*time.Millisecond || len(m.asked) != 1 {
		t.Errorf("first audio after %v with speculation and %v without; the model was asked %q", prepared, unprepared, m.asked)
	}
}

func TestWrongGuessLeavesNoTrace(t *testing.T) {
	m := &delayedModel{delay: 100 * time.Millisecond}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model()}, Options{}, func(p *fakePhone) {
		p.says("my order number is - - - - four seven three two nine")
		p.wait(8 * time.Second)
	})
	if len(m.asked) < 2 || m.asked[0] != "my order number is" {
		t.Fatalf("the model was asked %q, want a guess at the pause first", m.asked)
	}
	want := "u:my order number is four seven three two nine | a:You said: my order number is four seven three two nine."
	if got := p.journal.history(); got != want {
		t.Errorf("unexpected history %q", got)
	}
	for _, e := range p.eventsOf(dialog.ReplyStarted, dialog.ReplyText, dialog.ReplyHeard) {
		if strings.Contains(e.Text, "is.") {
			t.Errorf("the wrong guess shows in %+v", e)
		}
	}
	if turns := p.turns(); len(turns) != 1 || turns[0].Discarded.Input == 0 {
		t.Errorf("unexpected turns %+v", turns)
	}
}

func TestGuessesStopAtTheTokenLimit(t *testing.T) {
	m := &delayedModel{delay: 50 * time.Millisecond}
	voiceCall(t, &dialog.Agent{Model: m.model(), Speculation: dialog.Speculation{MaxTokens: 1}}, Options{}, func(p *fakePhone) {
		p.says("my order number is - - - - four seven - - - - three two nine")
		p.wait(8 * time.Second)
	})
	if len(m.asked) != 2 {
		t.Errorf("the model was asked %q, want one guess and the turn", m.asked)
	}
}

func TestOnlyReadingToolsRunBeforeTheTurnIsOver(t *testing.T) {
	var mu sync.Mutex
	ran := map[string][]time.Time{}
	tool := func(name string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			ran[name] = append(ran[name], time.Now())
			return `{"n":1}`, nil
		}
	}
	m := &delayedModel{delay: 50 * time.Millisecond}
	m.reply = func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		done := 0
		for _, msg := range p.Messages {
			if msg.Result != nil {
				done++
			}
		}
		switch done {
		case 0:
			yield(dialog.Chunk{Call: &tools.Call{ID: "a", Name: "lookup", Arguments: []byte(`{}`)}}, nil)
		case 1:
			yield(dialog.Chunk{Call: &tools.Call{ID: "b", Name: "refund_write", Arguments: []byte(`{}`)}}, nil)
		default:
			yield(dialog.Chunk{Text: "Done."}, nil)
		}
	}
	agent := &dialog.Agent{Model: m.model(), Tools: newRegistry(t, map[string]func(context.Context) (string, error){"lookup": tool("lookup"), "refund_write": tool("refund_write")})}
	p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.says("where is my money")
		p.wait(8 * time.Second)
	})
	turn := p.turns()[0]
	if len(ran["lookup"]) != 1 || len(ran["refund_write"]) != 1 || turn.Reply != "Done." || len(turn.Tools) != 2 || len(m.asked) != 3 {
		t.Fatalf("tools ran %v, turn %+v, the model was asked %d times", ran, turn, len(m.asked))
	}
	if !ran["lookup"][0].Before(turn.Times.Transcript) || ran["refund_write"][0].Before(turn.Times.Transcript) {
		t.Errorf("transcript at %v, lookup at %v, refund at %v", turn.Times.Transcript, ran["lookup"][0], ran["refund_write"][0])
	}
}

func TestFailedGuessIsAskedAgain(t *testing.T) {
	m := &delayedModel{}
	tries := 0
	m.reply = func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if tries++; tries == 1 {
			yield(dialog.Chunk{}, fault.New(fault.Provider, "busy").Retryable(0))
			return
		}
		yield(dialog.Chunk{Text: "Here I am."}, nil)
	}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model()}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if turn := p.turns()[0]; turn.Reply != "Here I am." || turn.Status != dialog.Completed || tries != 2 {
		t.Errorf("after %d tries, want 2: %+v", tries, turn)
	}
}

// A tool that fails while the reply is prepared runs again, and is told the difference.
func TestFailedPreparedToolRunsAgain(t *testing.T) {
	var mu sync.Mutex
	ran := map[bool]int{} // by whether it was speculative
	lookup := func(ctx context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		ran[tools.IsSpeculative(ctx)]++
		return "", fault.New(fault.ProofNeeded, "no")
	}
	m := &delayedModel{delay: 50 * time.Millisecond}
	m.reply = func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if p.Messages[len(p.Messages)-1].Result != nil {
			yield(dialog.Chunk{Text: "I cannot tell."}, nil)
			return
		}
		yield(dialog.Chunk{Call: &tools.Call{ID: "a", Name: "lookup", Arguments: []byte(`{}`)}}, nil)
	}
	agent := &dialog.Agent{Model: m.model(), Tools: newRegistry(t, map[string]func(context.Context) (string, error){"lookup": lookup})}
	p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.says("where is my money")
		p.wait(8 * time.Second)
	})
	if turn := p.turns()[0]; turn.Reply != "I cannot tell." || ran[true] != 1 || ran[false] != 1 {
		t.Errorf("the tool ran %d times while the reply was prepared and %d times then, want once each; turn %+v", ran[true], ran[false], turn)
	}
}

func TestPreparedFirstClauseIsHeardAtOnce(t *testing.T) {
	asked := map[string]int{}
	var mu sync.Mutex
	voice := fakeSynthesizer{fail: func(text string) error {
		mu.Lock()
		asked[text]++
		mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		return nil
	}}
	m := &delayedModel{reply: func(_ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: "It is here. And it is yours."}, nil)
	}}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Synthesizer: voice}, Options{}, func(p *fakePhone) {
		p.says("my lamp is broken and i want a new one")
		p.wait(8 * time.Second)
	})
	turn := p.turns()[0]
	if took := turn.Times.FirstAudio.Sub(turn.Times.Transcript); took > 60*time.Millisecond {
		t.Errorf("first audio %v after the transcript, want at most 60 ms", took)
	}
	if asked["It is here."] != 1 || asked["And it is yours."] != 1 {
		t.Errorf("the synthesizer was asked %v, want once for each clause", asked)
	}
}
