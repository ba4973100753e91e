package conversation

import (
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

func TestOnlyTheCallersOwnLevelStopsTheAgent(t *testing.T) {
	const television = ",and ,now ,the ,news ,of ,the ,day ,in ,all ,parts ,of ,the ,country ,today"
	for _, tt := range []struct {
		name, says, interruptedBy string
	}{
		{"a television", television, ""},
		{"the caller", strings.ReplaceAll(television, ",", ""), "words"},
		{"the caller over a television", ",and ,now ,the ,news ,of please listen to me for once now", "words"},
		{"somebody calls out softly", ",stop ,it", "a turn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var amplitude int16
			p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
				p.says("tell me all of it")
				p.wait(800 * time.Millisecond)
				p.mic.queue(tt.says, 200*time.Millisecond)
				p.wait(1500 * time.Millisecond)
				amplitude = p.speaker.amplitude()
				p.wait(15 * time.Second)
			})
			turn := p.turns()[0]
			if turn.InterruptedBy != tt.interruptedBy || turn.Interrupted != (tt.interruptedBy != "") {
				t.Errorf("interrupted by %q, want %q", turn.InterruptedBy, tt.interruptedBy)
			}
			if strings.HasPrefix(tt.says, television) && amplitude != 1000 {
				t.Errorf("amplitude %d beneath a television, want 1000", amplitude)
			}
		})
	}
}

func TestSoftCallerIsHeardWhenTheAgentIsSilent(t *testing.T) {
	p, _ := voiceCall(t, &dialog.Agent{Model: longReplyModel}, Options{}, func(p *fakePhone) {
		p.says("tell me all of it")
		p.wait(6 * time.Second)
		p.says(",I ,whisper ,all ,of ,this")
		p.wait(2500 * time.Millisecond)
		p.says(",and ,I ,want ,you ,to ,listen")
		p.wait(15 * time.Second)
	})
	turns := p.turns()
	if len(turns) != 3 || turns[1].Caller != "I whisper all of this" || !turns[1].Interrupted {
		t.Errorf("unexpected turns %+v", turns)
	}
}
