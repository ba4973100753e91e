package conversation

import (
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestWholeUtteranceEarsAreAskedAtThePause(t *testing.T) {
	ears := &wholes{takes: 200 * time.Millisecond}
	p, _ := telephone(t, &dialog.Agent{Model: echo, Recognizer: ears}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(5 * time.Second)
	})
	turn := p.turns()[0]
	if turn.Caller != "where is my order" || strings.Join(ears.asked, "|") != "where is my order" {
		t.Errorf("understood %q, asked for %q", turn.Caller, ears.asked)
	}
	if took := turn.Times.Transcript.Sub(turn.Times.SpeechEnd); took > 120*time.Millisecond+ears.takes+60*time.Millisecond {
		t.Errorf("the words came %v after the end of speech (%s)", took, turn.EndpointReason)
	}
}

func TestWordsAfterAPauseAreNotLostOnWholeUtteranceEars(t *testing.T) {
	ears := &wholes{takes: 100 * time.Millisecond}
	p, _ := telephone(t, &dialog.Agent{Model: echo, Recognizer: ears}, Options{}, func(p *phone) {
		p.says("my order number is - - four seven three two nine")
		p.wait(5 * time.Second)
	})
	want := "my order number is four seven three two nine"
	if turns := p.turns(); len(turns) != 1 || turns[0].Caller != want {
		t.Errorf("turns %+v", turns)
	}
	if n := len(ears.asked); n != 2 || ears.asked[0] != "my order number is" || ears.asked[1] != want {
		t.Errorf("asked for %q", ears.asked)
	}
}

func TestSlowWholeUtteranceEarsAreAskedOnce(t *testing.T) {
	ears := &wholes{takes: 2 * time.Second}
	p, _ := telephone(t, &dialog.Agent{Model: echo, Recognizer: ears}, Options{}, func(p *phone) {
		p.says("where is my order")
		p.wait(9 * time.Second)
	})
	if turns := p.turns(); len(turns) != 1 || turns[0].Caller != "where is my order" || len(ears.asked) != 1 {
		t.Errorf("turns %+v, asked for %q", turns, ears.asked)
	}
}
