//go:build cgo

package piper

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testVoice = "en_US-joe-medium"

// open returns a synthesizer with the voice that is installed.
func open(t testing.TB) *Synthesizer {
	t.Helper()
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	s, err := Open(Config{Runtime: r, Voices: map[string]string{testVoice: modelstest.File(t, "piper-"+testVoice, "voice.onnx")}})
	require.NoError(t, err)
	s.workers.Patience = workers.TurnTimeout // on a busy machine, too, tests other than those of overload speak
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// said is the audio of a clause.
type said struct {
	pcm    []int16
	pieces []int         // their lengths
	first  time.Duration // until the first
}

func say(ctx context.Context, t testing.TB, s dialog.Synthesizer, text string, v dialog.Voice) said {
	t.Helper()
	var out said
	start := time.Now()
	for pcm, err := range s.Speak(ctx, text, v) {
		require.NoError(t, err)
		if out.pcm == nil {
			out.first = time.Since(start)
		}
		out.pcm, out.pieces = append(out.pcm, pcm...), append(out.pieces, len(pcm))
	}
	return out
}
