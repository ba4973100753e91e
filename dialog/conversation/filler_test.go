package conversation

import (
	"context"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func TestSlowReplyBeginsWithOneFiller(t *testing.T) {
	for _, tt := range []struct {
		name   string
		delay  time.Duration
		filler dialog.Filler
		want   string
	}{
		{"fast", 300 * time.Millisecond, dialog.Filler{}, "You said: where is my order."},
		{"slow", 2 * time.Second, dialog.Filler{}, "Let me check that. You said: where is my order."},
		{"the agent's own text", 2 * time.Second, dialog.Filler{Texts: []string{"Hang on."}}, "Hang on. You said: where is my order."},
		{"earlier", time.Second, dialog.Filler{Texts: []string{"Hang on."}, After: 400 * time.Millisecond}, "Hang on. You said: where is my order."},
		{"disabled", 2 * time.Second, dialog.Filler{Texts: []string{}}, "You said: where is my order."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &delayedModel{delay: tt.delay}
			p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Filler: tt.filler}, Options{}, func(p *fakePhone) {
				p.says("where is my order")
				p.wait(10 * time.Second)
			})
			turn := p.turns()[0]
			if turn.Reply != tt.want || turn.Written != tt.want || turn.Status != dialog.Completed {
				t.Errorf("unexpected turn %+v", turn)
			}
			if want := "u:where is my order | a:" + tt.want; p.journal.history() != want {
				t.Errorf("history %q, want %q", p.journal.history(), want)
			}
		})
	}
}

func TestFillerIsSaidDuringASlowTool(t *testing.T) {
	lookup := func(ctx context.Context) (string, error) {
		select {
		case <-time.After(2 * time.Second):
		case <-ctx.Done():
		}
		return `{"n":1}`, nil
	}
	model := modelFunc(func(_ context.Context, p dialog.Prompt, yield func(dialog.Chunk, error) bool) {
		if p.Messages[len(p.Messages)-1].Result != nil {
			yield(dialog.Chunk{Text: "It is here."}, nil)
			return
		}
		yield(dialog.Chunk{Call: &tools.Call{ID: "a", Name: "lookup", Arguments: []byte(`{}`)}}, nil)
	})
	agent := &dialog.Agent{Model: model, Tools: newRegistry(t, map[string]func(context.Context) (string, error){"lookup": lookup})}
	p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(10 * time.Second)
	})
	if turn := p.turns()[0]; turn.Reply != "Let me check that. It is here." {
		t.Errorf("unexpected turn %+v", turn)
	}
}

func TestInterruptedFillerEndsTheReply(t *testing.T) {
	m := &delayedModel{delay: 4 * time.Second}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model(), Filler: dialog.Filler{Texts: []string{"One moment while I look into all of that for you."}}}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(1800 * time.Millisecond)
		p.says("stop that please")
		p.wait(12 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 2 || !turns[0].Interrupted || turns[0].Reply == "" || turns[0].Reply == turns[0].Written {
		t.Errorf("unexpected turns %+v", turns)
	}
}

func TestEmptyReplyAfterAFillerAsksTheCallerToRepeat(t *testing.T) {
	m := &delayedModel{delay: 2 * time.Second, reply: func(dialog.Prompt, func(dialog.Chunk, error) bool) {}}
	p, _ := voiceCall(t, &dialog.Agent{Model: m.model()}, Options{}, func(p *fakePhone) {
		p.says("where is my order")
		p.wait(12 * time.Second)
	})
	if turn := p.turns()[0]; turn.Reply != "Let me check that. "+englishTexts.notUnderstood {
		t.Errorf("unexpected turn %+v", turn)
	}
}
