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

// slow is a model that thinks before each reply and notes what became of it.
type slow struct {
	think time.Duration
	reply func(p dialog.Prompt, yield func(dialog.Chunk, error) bool)

	mu        sync.Mutex
	asked     []string // the caller's last words
	cancelled int
}

func (s *slow) model() modelFunc {
	return func(ctx context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		s.mu.Lock()
		s.asked = append(s.asked, lastUser(p.Messages))
		s.mu.Unlock()
		select {
		case <-time.After(s.think):
		case <-ctx.Done():
			s.mu.Lock()
			s.cancelled++
			s.mu.Unlock()
			return
		}
		if s.reply != nil {
			s.reply(p, yield)
			return
		}
		yield(dialog.Chunk{Text: "You said: " + lastUser(p.Messages) + "."}, nil)
	}
}

func TestAReplyIsMadeWhileItIsNotYetSureThatTheTurnIsOver(t *testing.T) {
	took := func(s dialog.Speculation) (time.Duration, *slow) {
		m := &slow{think: 300 * time.Millisecond}
		p, _ := telephone(t, &dialog.Agent{Model: m.model(), Speculation: s}, Options{}, func(p *phone) {
			p.says("my lamp is broken and i want a new one")
			p.wait(8 * time.Second)
		})
		turn := p.turns()[0]
		if turn.Reply != "You said: my lamp is broken and i want a new one." || turn.Times.Speculated.IsZero() != s.Disabled {
			t.Errorf("%+v: %+v", s, turn)
		}
		return turn.Times.FirstAudio.Sub(turn.Times.SpeechEnd), m
	}
	ahead, m := took(dialog.Speculation{})
	after, _ := took(dialog.Speculation{Disabled: true})
	if after-ahead < 100*time.Millisecond || len(m.asked) != 1 {
		t.Errorf("first audio after %v, and %v without; the model was asked for %q", ahead, after, m.asked)
	}
}

func TestAGuessThatWasWrongLeavesNoTrace(t *testing.T) {
	m := &slow{think: 100 * time.Millisecond}
	p, _ := telephone(t, &dialog.Agent{Model: m.model()}, Options{}, func(p *phone) {
		p.says("my order number is - - - - four seven three two nine")
		p.wait(8 * time.Second)
	})
	if len(m.asked) < 2 || m.asked[0] != "my order number is" {
		t.Fatalf("the model was asked for %q", m.asked)
	}
	want := "u:my order number is four seven three two nine | a:You said: my order number is four seven three two nine."
	if got := p.journal.history(); got != want {
		t.Errorf("history %q", got)
	}
	for _, e := range p.all(dialog.ReplyStarted, dialog.ReplyText, dialog.ReplyHeard) {
		if strings.Contains(e.Text, "is.") {
			t.Errorf("%+v", e)
		}
	}
	if turns := p.turns(); len(turns) != 1 || turns[0].Discarded.Input == 0 {
		t.Errorf("turns %+v", turns)
	}
}

func TestGuessesStopWhenTheyHaveCostEnough(t *testing.T) {
	m := &slow{think: 50 * time.Millisecond}
	telephone(t, &dialog.Agent{Model: m.model(), Speculation: dialog.Speculation{MaxTokens: 1}}, Options{}, func(p *phone) {
		p.says("my order number is - - - - four seven - - - - three two nine")
		p.wait(8 * time.Second)
	})
	if len(m.asked) != 2 { // the guess that was wrong, and the turn
		t.Errorf("the model was asked for %q", m.asked)
	}
}

func TestOnlyToolsThatReadRunAhead(t *testing.T) {
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
	m := &slow{think: 50 * time.Millisecond}
	m.reply = func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		done := 0
		for _, msg := range p.Messages {
			if msg.Result != nil {
				done++
			}
		}
		switch done {
		case 0:
			yield(dialog.Chunk{Call: &tools.Call{ID: "a", Name: "look", Arguments: []byte(`{}`)}}, nil)
		case 1:
			yield(dialog.Chunk{Call: &tools.Call{ID: "b", Name: "refund_write", Arguments: []byte(`{}`)}}, nil)
		default:
			yield(dialog.Chunk{Text: "Done."}, nil)
		}
	}
	agent := &dialog.Agent{Model: m.model(), Tools: registry(t, map[string]func(context.Context) (string, error){"look": tool("look"), "refund_write": tool("refund_write")})}
	p, _ := telephone(t, agent, Options{}, func(p *phone) {
		p.says("where is my money")
		p.wait(8 * time.Second)
	})
	turn := p.turns()[0]
	if len(ran["look"]) != 1 || len(ran["refund_write"]) != 1 || turn.Reply != "Done." || len(turn.Tools) != 2 || len(m.asked) != 3 {
		t.Fatalf("ran %v, turn %+v, asked %d times", ran, turn, len(m.asked))
	}
	if !ran["look"][0].Before(turn.Times.Transcript) || ran["refund_write"][0].Before(turn.Times.Transcript) {
		t.Errorf("words at %v, looked at %v, refunded at %v", turn.Times.Transcript, ran["look"][0], ran["refund_write"][0])
	}
}

func TestAGuessThatFailedIsAskedForAgain(t *testing.T) {
	m := &slow{}
	tries := 0
	m.reply = func(p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if tries++; tries == 1 {
			yield(dialog.Chunk{}, fault.New(fault.Provider, "busy").Retryable(0))
			return
		}
		yield(dialog.Chunk{Text: "Here I am."}, nil)
	}
	p, _ := telephone(t, &dialog.Agent{Model: m.model()}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	if turn := p.turns()[0]; turn.Reply != "Here I am." || turn.Status != dialog.Completed || tries != 2 {
		t.Errorf("%+v after %d tries", turn, tries)
	}
}

func TestTheFirstClauseSoundsAtOnceWhenItWasMadeAhead(t *testing.T) {
	asked := map[string]int{}
	var mu sync.Mutex
	voice := reader{fail: func(text string) error {
		mu.Lock()
		asked[text]++
		mu.Unlock()
		time.Sleep(100 * time.Millisecond)
		return nil
	}}
	m := &slow{reply: func(_ dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		yield(dialog.Chunk{Text: "It is here. And it is yours."}, nil)
	}}
	p, _ := telephone(t, &dialog.Agent{Model: m.model(), Synthesizer: voice}, Options{}, func(p *phone) {
		p.says("my lamp is broken and i want a new one")
		p.wait(8 * time.Second)
	})
	turn := p.turns()[0]
	if took := turn.Times.FirstAudio.Sub(turn.Times.Transcript); took > 60*time.Millisecond {
		t.Errorf("first audio %v after the words", took)
	}
	if asked["It is here."] != 1 || asked["And it is yours."] != 1 {
		t.Errorf("the voice was asked for %v", asked)
	}
}
