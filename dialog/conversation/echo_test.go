package conversation

import (
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestEchoOfTheAgentIsRecognizedByItsWords(t *testing.T) {
	spoken := "Express shipping takes one to two working days. Shall I send a link?"
	for said, want := range map[string]bool{
		"takes one to two": true,
		"working days":     true,
		"Days shall I":     true,
		"how many days":    false,
		"yes":              false,
		"":                 false,
		"uh huh":           false,
		"tanks one to too": true,
		"wait stop please": false,

		"express please":             false,
		"express shipping very much": true,
	} {
		if got := isEchoOf(said, spoken); got != want {
			t.Errorf("isEchoOf(%q) = %v, want %v", said, got, want)
		}
	}
}

func TestPossibleEchoDoesNotInterruptTheAgent(t *testing.T) {
	for _, tt := range []struct {
		says       string
		interrupts bool
	}{{"one two three", false}, {"no stop that now", true}} {
		p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
			p.says("tell me")
			p.wait(1500 * time.Millisecond)
			p.says(tt.says)
			p.wait(12 * time.Second)
		})
		if turn := p.turns()[0]; turn.Interrupted != tt.interrupts {
			t.Errorf("%q: interrupted %v, want %v", tt.says, turn.Interrupted, tt.interrupts)
		}
	}
}

func TestEchoIsRecognizedAfterAShortReply(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: modelSaying("one two three four five")}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(1500 * time.Millisecond)
		p.says("one two three four five") // the reply ends before it
		p.wait(8 * time.Second)
	})
	if turns := p.turns(); len(turns) != 1 || turns[0].Interrupted {
		t.Errorf("unexpected turns %+v", turns)
	}
}
