//go:build cgo

package kokoro

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/loudness"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/fault"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
	"frontdesk/internal/spoken"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestVoice has one synthesizer for all its parts, because opening one takes seconds.
func TestVoice(t *testing.T) {
	dir := filepath.Dir(modelstest.File(t, "kokoro-82m", "kokoro.onnx"))
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	s, err := Open(Config{Runtime: r, Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	if s.Load() <= 0 {
		t.Errorf("the load is %v", s.Load())
	}
	if _, err := Open(Config{Runtime: r, Dir: dir, Default: "af_nobody"}); err == nil || !strings.Contains(err.Error(), "af_nobody") {
		t.Errorf("unknown voice: %v", err)
	}
	s.workers.Patience = workers.TurnTimeout
	for name, test := range map[string]func(*testing.T, *Synthesizer){
		"pieces": checkPieces, "speed": checkSpeed, "no words, no audio": checkSilence,
		"cancellation": checkCancellation, "failures": checkFailures, "another voice": checkCalibration, "overload": checkOverload,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

// say returns the pieces of a text's audio.
func say(t *testing.T, s dialog.Synthesizer, text string) (pieces [][]int16) {
	t.Helper()
	for pcm, err := range s.Speak(t.Context(), text, dialog.Voice{Language: "en-US"}) {
		require.NoError(t, err)
		pieces = append(pieces, pcm)
	}
	return pieces
}

func length(pieces [][]int16) (seconds float64) {
	for _, p := range pieces {
		seconds += float64(len(p)) / media.MouthRate
	}
	return seconds
}

func checkPieces(t *testing.T, s *Synthesizer) {
	pieces := say(t, s, "Thanks for calling, how can I help you with your order today?")
	if len(pieces) < 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	if first, all := length(pieces[:1]), length(pieces); first > 1.5 || all < 2.5 || all > 5 {
		t.Errorf("the first piece lasts %.2f s, all %.2f s", first, all)
	}
	for i, p := range pieces {
		if dB := 20 * math.Log10(loudness.RMS(p)/loudness.Target); math.Abs(dB) > 4 {
			t.Errorf("piece %d is %.1f dB off", i, dB)
		}
	}
}

func checkSpeed(t *testing.T, s *Synthesizer) {
	const text = "One moment, please."
	if own, fast := length(say(t, s, text)), length(say(t, s.With(spoken.Style{Speed: 1.5}), text)); fast > 0.85*own {
		t.Errorf("%.2f s at the own speed, %.2f s faster", own, fast)
	}
}

func checkSilence(t *testing.T, s *Synthesizer) {
	if got := say(t, s, " … "); len(got) > 0 {
		t.Errorf("%d pieces", len(got))
	}
}

func checkCancellation(t *testing.T, s *Synthesizer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range s.Speak(ctx, "Thanks for calling the help desk, how can I help you with your order today?", dialog.Voice{}) {
		n, last = n+1, err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d pieces, %v; want one and the error", n, last)
	}
}

// checkCalibration measures another voice while the network is busy: it waits for its turn, and
// only as long as its caller does.
func checkCalibration(t *testing.T, s *Synthesizer) {
	started, done := make(chan struct{}), make(chan struct{})
	var busy sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		busy.Go(func() {
			_ = s.workers.Do(t.Context(), time.Now(), 0, func() error { started <- struct{}{}; <-done; return nil })
		})
		<-started
	}
	other := &voice{rows: s.voices[DefaultVoice].rows, turn: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.calibrate(ctx, other); !errors.Is(err, context.DeadlineExceeded) || other.gain != 0 {
		t.Errorf("got %v and the gain %v while no worker is free", err, other.gain)
	}
	close(done)
	busy.Wait()
	if seconds, err := s.calibrate(t.Context(), other); err != nil || seconds < 1 || other.gain == 0 {
		t.Errorf("%.1f s, gain %v, %v", seconds, other.gain, err)
	}
}

type failing struct{ engine }

func (failing) run([]int64, []float32, float32) ([]float32, error) { return nil, errors.New("broken") }

func checkFailures(t *testing.T, s *Synthesizer) {
	own := s.engine
	defer func() { s.engine = own }()
	s.engine = failing{own}
	for _, err := range s.Speak(t.Context(), "Hello.", dialog.Voice{}) {
		if !fault.IsRetryable(err) {
			t.Errorf("got %v", err)
		}
	}
	for _, err := range s.Speak(t.Context(), "Hallo.", dialog.Voice{Language: "de-DE"}) {
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid {
			t.Errorf("German: %v", err)
		}
	}
}

// checkOverload lets more callers speak than the voice can serve at once: some are refused.
func checkOverload(t *testing.T, s *Synthesizer) {
	defer func() { s.workers.Patience = workers.TurnTimeout }()
	s.workers.Patience = 300 * time.Millisecond // enough for the phonemes, not for a run of others
	const n = 8
	results := make(chan error, n)
	before := s.Stats()
	for range n {
		go func() {
			var last error
			for _, err := range s.Speak(context.Background(), "One moment, please.", dialog.Voice{}) {
				last = err
			}
			results <- last
		}()
	}
	refused := uint64(0)
	for range n {
		if err := <-results; workers.IsRefusal(err) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	after := s.Stats()
	if refused == 0 || refused == n || after.Refused-before.Refused != refused || after.Clauses-before.Clauses != n {
		t.Errorf("%d of %d were refused; %+v, before %+v", refused, n, after, before)
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	r, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	dir := t.TempDir()
	if _, err := Open(Config{Runtime: r, Dir: dir}); err == nil || !strings.Contains(err.Error(), "kokoro.onnx") {
		t.Errorf("no network: %v", err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kokoro.onnx"), []byte("network"), 0o600))
	if _, err := Open(Config{Runtime: r, Dir: dir}); err == nil {
		t.Error("a damaged network was opened")
	}
}
