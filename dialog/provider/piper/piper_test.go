//go:build cgo

package piper

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/fault"
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

// TestVoiceThatFailedToOpenIsTriedAgain: its file is damaged at first.
func TestVoiceThatFailedToOpenIsTriedAgain(t *testing.T) {
	s := open(t)
	file := filepath.Join(t.TempDir(), "voice.onnx")
	require.NoError(t, os.WriteFile(file, []byte("damaged"), 0o600))
	const name = "de_DE-other-low"
	s.files[name] = file
	german := dialog.Voice{Language: "de-DE"}
	fails := func(when string) {
		t.Helper()
		var failure error
		for _, err := range s.Speak(t.Context(), "Hallo.", german) {
			failure = err
		}
		if !fault.IsRetryable(failure) {
			t.Fatalf("%s: %v, want an error for which a substitute speaks", when, failure)
		}
	}
	fails("the damaged file")
	whole := modelstest.File(t, "piper-"+testVoice, "voice.onnx")
	settings, err := os.ReadFile(modelstest.File(t, "piper-"+testVoice, "voice.json"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Symlink(whole, file))
	require.NoError(t, os.WriteFile(file+".json", bytes.Replace(settings, []byte(`"en-us"`), []byte(`"de"`), 1), 0o600))
	fails("within the pause")
	e := s.entry(name)
	e.failed = e.failed.Add(-retryPause)
	if got := say(t.Context(), t, s, "Hallo.", german); len(got.pcm) == 0 {
		t.Error("the voice says nothing once its file is right")
	}
}

// TestCloseWhileSpeaking: what is in progress fails, and nothing that was freed is used.
func TestCloseWhileSpeaking(t *testing.T) {
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	s, err := Open(Config{Runtime: r, Workers: 4, Voices: map[string]string{testVoice: modelstest.File(t, "piper-"+testVoice, "voice.onnx")}})
	require.NoError(t, err)
	s.workers.Patience = workers.TurnTimeout
	var callers sync.WaitGroup
	begun := make(chan struct{}, 8)
	for range cap(begun) {
		callers.Go(func() {
			for {
				for _, err := range s.Speak(context.Background(), sentence, dialog.Voice{}) {
					if err != nil {
						return
					}
					select {
					case begun <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	for range 4 {
		<-begun
	}
	require.NoError(t, s.Close())
	callers.Wait() // all fail, or this test does not end
	require.NoError(t, s.Close())
}
