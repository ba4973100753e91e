package conversation

import (
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
)

// noisyCall is a call in which the caller says three sentences, each over noise or not.
func noisyCall(t *testing.T, language string, noise ...int16) *fakePhone {
	t.Helper()
	agent := &dialog.Agent{Model: echoModel, Language: language, Silence: dialog.Silence{Wait: time.Hour}}
	p, _ := voiceCall(t, agent, Options{}, func(p *fakePhone) {
		for i, text := range []string{"where is my order", "the one with the lamp", "do you ship to canada"} {
			p.mic.setNoise(noise[i])
			p.wait(4 * time.Second)
			p.says(text)
			p.wait(8 * time.Second)
		}
	})
	return p
}

func TestCallerIsToldOnceThatTheLineIsNoisy(t *testing.T) {
	const loud, soft = 100, 3 // the caller's voice has an RMS of 56
	for _, tt := range []struct {
		name, language string
		noise          []int16
		after          int // sentences after which the caller is told; 0 is never
		text           string
	}{
		{"quiet line", "en-US", []int16{soft, soft, soft}, 0, ""},
		{"noise that passes", "en-US", []int16{loud, soft, loud}, 0, ""},
		{"noisy place", "en-US", []int16{loud, loud, loud}, 2, englishTexts.notices.lineNoisy},
		{"noisy at last", "", []int16{soft, loud, loud}, 3, englishTexts.notices.lineNoisy},
		{"German", "de-AT", []int16{loud, loud, loud}, 2, germanTexts.notices.lineNoisy},
		{"a language without a text", "it-IT", []int16{loud, loud, loud}, 2, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := noisyCall(t, tt.language, tt.noise...)
			wantNotices, want := "", []string{}
			for i, r := range []string{"You said: where is my order.", "You said: the one with the lamp.", "You said: do you ship to canada."} {
				want = append(want, r)
				if i+1 == tt.after {
					wantNotices = "line_noisy"
					if tt.text != "" {
						want = append(want, tt.text)
					}
				}
			}
			if got := p.notices(); got != wantNotices {
				t.Errorf("notices %q, want %q", got, wantNotices)
			}
			if got := strings.Join(p.replies(), "|"); got != strings.Join(want, "|") {
				t.Errorf("replies %q, want %q", got, want)
			}
		})
	}
}
