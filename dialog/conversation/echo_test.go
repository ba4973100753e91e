package conversation

import (
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestTheAgentsOwnWordsAreKnown(t *testing.T) {
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
	} {
		if got := repeats(said, spoken); got != want {
			t.Errorf("%q: %v", said, got)
		}
	}
}

func TestWordsTheAgentIsSayingDoNotInterruptItWhereEchoIsPossible(t *testing.T) {
	for _, tt := range []struct {
		says  string
		stops bool
	}{{"one two three", false}, {"no stop that now", true}} {
		p, _ := telephone(t, &dialog.Agent{Model: story}, Options{}, func(p *phone) {
			p.says("tell me")
			p.wait(1500 * time.Millisecond)
			p.says(tt.says)
			p.wait(12 * time.Second)
		})
		if turn := p.turns()[0]; turn.Interrupted != tt.stops {
			t.Errorf("%q: %+v", tt.says, turn)
		}
	}
}
