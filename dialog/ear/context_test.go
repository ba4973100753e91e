package ear

import (
	"context"
	"testing"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// curiousRecognizer notes what the agent said last before each utterance.
type curiousRecognizer struct {
	wordlessRecognizer
	replies *[]string
}

func (r curiousRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return r, nil
}
func (r curiousRecognizer) SetLastReply(text string) { *r.replies = append(*r.replies, text) }

func TestListenerLearnsWhatTheAgentSaidLast(t *testing.T) {
	var replies []string
	e := NewVoice(&dialog.Agent{Recognizer: curiousRecognizer{replies: &replies}}, nil, func(prefix string) string { return prefix })
	r := &recognition{ear: e, heard: make(chan dialog.Heard, 8)}
	defer r.close()
	for _, reply := range []string{"", "What is your order number?", "Is that correct?"} {
		if reply != "" {
			e.SetLastReply(reply)
		}
		u := newUtterance("item")
		u.add(make([]int16, media.EarFrame), true)
		u.end()
		_, err := r.transcribe(t.Context(), u)
		require.NoError(t, err)
		u.done()
	}
	if len(replies) != 2 || replies[0] != "What is your order number?" || replies[1] != "Is that correct?" {
		t.Errorf("%q", replies)
	}
}
