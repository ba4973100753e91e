//go:build cgo

package silero

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk/internal/modelstest"
	"frontdesk/internal/require"
	"frontdesk/media"
)

func open(t testing.TB, model string) (*Network, error) {
	t.Helper()
	n, err := Open(Config{
		Model: model, Library: modelstest.Library(t),
		OnFailure: func(err error) { t.Error(err) },
	})
	if err == nil {
		t.Cleanup(func() { _ = n.Close() })
	}
	return n, err
}

// openBytes opens a model that is not a file yet.
func openBytes(t testing.TB, model []byte) (*Network, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	require.NoError(t, os.WriteFile(path, model, 0o600))
	return open(t, path)
}

// constantFrame returns a frame whose samples are all v of full scale.
func constantFrame(v float64) []int16 {
	frame := make([]int16, media.EarFrame)
	for i := range frame {
		frame[i] = int16(v * 32768)
	}
	return frame
}

func TestRealNetworkTellsSpeechFromNoise(t *testing.T) {
	n, err := open(t, modelstest.File(t, "silero-vad", "silero_vad.onnx"))
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	noise, hum := make([]int16, 2*media.EarRate), make([]int16, 2*media.EarRate)
	for i := range noise {
		noise[i] = int16(500 * rng.NormFloat64())
		hum[i] = int16(3000 * math.Sin(2*math.Pi*100*float64(i)/media.EarRate))
	}
	for name, c := range map[string]struct {
		pcm      []int16
		from, to float64 // share of frames with speech
	}{
		"speech":  {fliteSpeech(t, "I would like to know where my order is, please."), 0.7, 1},
		"noise":   {noise, 0, 0.05},
		"hum":     {hum, 0, 0.05},
		"silence": {make([]int16, 2*media.EarRate), 0, 0},
	} {
		d := n.Detector()
		speech, frames := 0.0, 0.0
		for frame := range slices.Chunk(c.pcm, media.EarFrame) {
			if d.Detect(frame) >= 0.5 {
				speech++
			}
			frames++
		}
		if share := speech / frames; share < c.from || share > c.to {
			t.Errorf("%s: %.2f of the frames are judged to be speech, want %.2f to %.2f", name, share, c.from, c.to)
		}
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

func TestFramesAreRegroupedAndStateIsCarriedOver(t *testing.T) {
	n, err := openBytes(t, adder())
	require.NoError(t, err)
	// The network returns the mean of window and context, plus the sum of all earlier means.
	d := n.Detector()
	first := 0.125 * windowLen / (windowLen + contextLen) // the first context is silent
	sum, want := 0.0, 0.0
	for i := range 24 {
		got := float64(d.Detect(constantFrame(0.125)))
		for ; sum+windowLen <= float64((i+1)*media.EarFrame); sum += windowLen {
			if want == 0 {
				want = first
			} else {
				want += 0.125
			}
		}
		if math.Abs(got-want) > 1e-5 {
			t.Fatalf("frame %d: %v, want %v", i, got, want)
		}
	}
	other := n.Detector()
	other.Detect(constantFrame(0.125))
	if got := float64(other.Detect(constantFrame(0.125))); math.Abs(got-first) > 1e-5 {
		t.Errorf("a second stream begins with %v, want %v", got, first)
	}
}

func TestReusedStreamIsReset(t *testing.T) {
	n, err := openBytes(t, adder())
	require.NoError(t, err)
	s, err := n.acquire()
	require.NoError(t, err)
	for range 3 {
		s.input[contextLen] = 1
		require.NoError(t, s.run())
	}
	n.release(s)
	reused, err := n.acquire()
	if err != nil || reused != s {
		t.Fatalf("the stream was not reused: %v", err)
	}
	if err := reused.run(); err != nil || reused.probability[0] != 0 {
		t.Errorf("silence gives %v in a reused stream, %v", reused.probability[0], err)
	}
}

func TestUnsuitableModelIsRefused(t *testing.T) {
	if _, err := Open(Config{Model: filepath.Join(t.TempDir(), "none.onnx")}); err == nil || !strings.Contains(err.Error(), "none.onnx") {
		t.Errorf("missing model: %v", err)
	}
	for name, model := range map[string][]byte{
		"not ONNX":    []byte("RIFF"),
		"empty":       nil,
		"other names": network("input", "h", "sr", 128),
		"other state": network("input", "state", "sr", 64),
	} {
		if _, err := openBytes(t, model); err == nil || !strings.Contains(err.Error(), "not a model of Silero VAD") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDetectDoesNotAllocate(t *testing.T) {
	n, err := openBytes(t, adder())
	require.NoError(t, err)
	d, frame := n.Detector(), constantFrame(0)
	if a := testing.AllocsPerRun(100, func() { d.Detect(frame) }); a > 0 {
		t.Errorf("%v allocations", a)
	}
}

// TestCloseWhileDetectorsRun: they go on with the built-in detector, and nothing that was
// freed is used.
func TestCloseWhileDetectorsRun(t *testing.T) {
	failures := make(chan error, 100)
	n, err := Open(Config{
		Model: modelstest.File(t, "silero-vad", "silero_vad.onnx"), Library: modelstest.Library(t),
		OnFailure: func(err error) { failures <- err },
	})
	require.NoError(t, err)
	frame := constantFrame(0.1)
	var calls sync.WaitGroup
	begun := make(chan struct{})
	for i := range 4 {
		d := n.Detector().(*detector)
		calls.Go(func() {
			for j := 0; d.fallback == nil; j++ {
				d.Detect(frame)
				if i == 0 && j == 20 {
					close(begun)
				}
			}
		})
	}
	<-begun
	require.NoError(t, n.Close())
	calls.Wait() // all have failed, or this test does not end
	if len(failures) != 4 {
		t.Errorf("%d failures were reported, want 4", len(failures))
	}
	if _, ok := n.Detector().(*media.Detector); !ok {
		t.Error("a closed network gives a detector of its own")
	}
	require.NoError(t, n.Close())
}
