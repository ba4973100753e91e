//go:build cgo

package smartturn

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/require"
	"frontdesk/media"
)

func open(t testing.TB) *Network {
	t.Helper()
	n, err := Open(Config{Model: modelstest.File(t, "smart-turn-v3.2", "smart_turn.onnx"), Library: modelstest.Library(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

func TestProbabilitiesAreThoseOfTheReference(t *testing.T) {
	n := open(t)
	for _, g := range readGolden(t) {
		p, err := n.TurnProbability(t.Context(), signal(g.samples))
		if err != nil || math.Abs(float64(p)-g.probability) > 0.02 {
			t.Errorf("%d samples: %.4f, %v, want %.4f", g.samples, p, err, g.probability)
		}
	}
}

func TestCompleteSentenceIsToldFromItsBeginning(t *testing.T) {
	n := open(t)
	pcm := fliteSpeech(t, "I would like to know where my order is, please.")
	whole, err := n.TurnProbability(t.Context(), append(pcm, make([]int16, media.EarRate/5)...))
	require.NoError(t, err)
	part, err := n.TurnProbability(t.Context(), pcm[:len(pcm)*45/100])
	require.NoError(t, err)
	if whole < 0.5 || part > 0.5 {
		t.Errorf("whole sentence %.2f, its beginning %.2f, want over and below 0.5", whole, part)
	}
}

// fliteSpeech returns text spoken by flite.
func fliteSpeech(t *testing.T, text string) []int16 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", "slt", "-o", path, "-t", text).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	pcm, rate, err := media.ReadWAV(bytes.NewReader(b), 30*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%d Hz, %v", rate, err)
	}
	return pcm
}

func TestRequestsBeyondTheQueueAreRefused(t *testing.T) {
	n := open(t)
	w := <-n.idle // the only worker is busy
	var waiting sync.WaitGroup
	errs := make(chan error, 1+maxWaiting)
	for range 1 + maxWaiting {
		waiting.Go(func() {
			_, err := n.TurnProbability(t.Context(), nil)
			errs <- err
		})
	}
	for n.waiting.Load() < 1+maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if _, err := n.TurnProbability(t.Context(), nil); fault.From(err).Code != fault.Limited {
		t.Errorf("full queue: %v, want fault.Limited", err)
	}
	waiting.Wait()
	close(errs)
	for err := range errs {
		if fault.From(err).Code != fault.Limited {
			t.Errorf("after the wait: %v, want fault.Limited", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.TurnProbability(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	n.idle <- w
	if p, err := n.TurnProbability(t.Context(), nil); err != nil || p == 0 {
		t.Errorf("%v, %v after the overload", p, err)
	}
}

func TestUnsuitableModelIsRefused(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.onnx")
	if _, err := Open(Config{Model: none}); err == nil || !strings.Contains(err.Error(), "none.onnx") {
		t.Errorf("missing model: %v", err)
	}
	bad := filepath.Join(t.TempDir(), "bad.onnx")
	require.NoError(t, os.WriteFile(bad, []byte("RIFF"), 0o600))
	for _, model := range []string{bad, modelstest.File(t, "silero-vad", "silero_vad.onnx")} {
		if _, err := Open(Config{Model: model, Library: modelstest.Library(t)}); err == nil || !strings.Contains(err.Error(), "not a model of Smart Turn") {
			t.Errorf("%s: %v", model, err)
		}
	}
}

func BenchmarkTurn(b *testing.B) {
	n := open(b)
	pcm := signal(3 * media.EarRate)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.TurnProbability(b.Context(), pcm); err != nil {
			b.Fatal(err)
		}
	}
}
