package conversation

import (
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestDTMFDigitsFormANumber(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
		p.says("tell me")
		p.wait(2 * time.Second)
		p.presses("1042#")
		p.wait(5 * time.Second)
		p.send(dialog.Heard{Kind: dialog.DTMF, Text: "7"})
		p.wait(5 * time.Second)
	})
	var said []string
	for _, turn := range p.turns() {
		said = append(said, turn.Caller)
	}
	if got := strings.Join(said, "|"); got != "tell me|1042#|7" {
		t.Errorf("the caller's turns were %q", got)
	}
}
