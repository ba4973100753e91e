package piper

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog/provider/loudness"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
)

func TestPhrasesEndAtPauses(t *testing.T) {
	for text, want := range map[string][]string{
		"Hello there, my friend. How are you?": {"Hello there,|,", " my friend.|.", " How are you?|?"},
		"At 3.5 volts":                         {"At 3.5 volts|"},
		"Really?! Yes":                         {"Really?!|!", " Yes|"},
		"":                                     nil,
		"はい。どうも":                               {"はい。|.", "どうも|"},
		"no,\u00a0yes":                         {"no,|,", "\u00a0yes|"},
	} {
		var got []string
		for rest := text; rest != ""; {
			n, mark := cutPhrase(rest)
			got, rest = append(got, rest[:n]+"|"+mark), rest[n:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzCutPhrase(f *testing.F) {
	for _, s := range []string{"a, b. c", "。", "\xff, \xff", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, _ := cutPhrase(text); text != "" && (n < 1 || n > len(text)) {
			t.Errorf("cutPhrase(%q) = %d", text, n)
		}
	})
}

const validSettings = `{"audio": {"sample_rate": 22050}, "espeak": {"voice": "de"}, "num_speakers": 2, "speaker_id_map": {"anna": 1},
	"phoneme_map": {"x": ["c", "b"]}, "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3], "b": [4, 5], "c": [6], "\u0303": [7]}}`

func TestSettings(t *testing.T) {
	s, err := parseSettings([]byte(validSettings))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := numbers(s.frame(s.symbols("abx?ã"))), []int64{1, 0, 3, 0, 4, 5, 0, 6, 0, 4, 5, 0, 3, 0, 7, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, want := range map[string]int64{"": 0, "anna": 1, "1": 1, "2": -1, "-1": -1, "otto": -1} {
		if got, ok := s.speaker(name); ok != (want >= 0) || ok && got != want {
			t.Errorf("speaker %q: %d, %v", name, got, ok)
		}
	}
	for _, text := range []string{"", "{}", "[]", `{"espeak": {"voice": "de"}, "audio": {"sample_rate": 1}}`, `{"phoneme_type": "text"}`} {
		if _, err := parseSettings([]byte(text)); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(validSettings), "abx")
	f.Fuzz(func(t *testing.T, text []byte, ipa string) {
		if s, err := parseSettings(text); err == nil {
			s.frame(s.symbols(ipa))
			s.speaker(ipa)
		}
	})
}

// smallNetwork is an ONNX file with an encoder (Ceil, Neg) and a decoder (Conv).
func smallNetwork() []byte {
	operation := func(operator, output string, inputs ...string) []byte {
		var n []byte
		for _, in := range inputs {
			n = appendBytes(n, nodeInput, []byte(in))
		}
		return appendBytes(appendBytes(n, nodeOutput, []byte(output)), nodeOperator, []byte(operator))
	}
	g := appendBytes(nil, graphNode, operation("Neg", "z", "input"))
	g = appendBytes(g, graphNode, operation("Conv", "y", "z", decoderFirstWeights))
	g = appendBytes(g, graphNode, operation("Add", "output", "y", "sid"))
	g = appendBytes(g, graphInitializer, appendBytes(nil, tensorName, []byte(decoderFirstWeights)))
	for _, in := range []string{"input", "sid"} {
		g = appendBytes(g, graphInput, declareFloats(in, true))
	}
	g = appendBytes(g, graphOutput, declareFloats("output", false))
	return appendBytes(appendInt(nil, 1, 8), modelGraph, g)
}

func TestNetworkIsDividedBeforeItsDecoder(t *testing.T) {
	h, err := divide(smallNetwork())
	if err != nil {
		t.Fatal(err)
	}
	if h.latent != "z" || h.audio != "output" || !h.decoderHasSpeakers {
		t.Errorf("got %q, %q, %v", h.latent, h.audio, h.decoderHasSpeakers)
	}
	for name, c := range map[string]struct {
		file                  []byte
		nodes, weights, input int
	}{"encoder": {h.encoder, 1, 0, 1}, "decoder": {h.decoder, 2, 1, 2}} {
		g, err := readGraph(c.file)
		if err != nil || len(g.nodes) != c.nodes || len(g.initializers) != c.weights || len(g.inputs) != c.input || len(g.model) != 1 {
			t.Errorf("%s: got %+v, %v", name, g, err)
		}
	}
}

func FuzzDivide(f *testing.F) {
	f.Add(smallNetwork())
	f.Add([]byte{0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := divide(file)
		if err != nil {
			return
		}
		for _, half := range [][]byte{h.encoder, h.decoder} {
			if _, err := readGraph(half); err != nil {
				t.Errorf("a half cannot be read: %v", err)
			}
		}
	})
}

func TestWhoNeedsAudioFirstGetsAWorkerFirst(t *testing.T) {
	w := newWorkers(1)
	if err := w.acquire(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	order := make(chan int, 3)
	now := time.Now()
	for i, due := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
		go func() {
			if err := w.acquire(context.Background(), now.Add(due), 0); err != nil {
				t.Error(err)
			}
			order <- i
			w.release(0)
		}()
		for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
			w.mu.Lock()
			waiting = len(w.queue)
			w.mu.Unlock()
		}
	}
	w.release(0)
	if a, b, c := <-order, <-order, <-order; a != 1 || b != 2 || c != 0 {
		t.Errorf("order %d, %d, %d", a, b, c)
	}
}

func TestWaitForAWorkerHasALimit(t *testing.T) {
	w := newWorkers(1)
	if err := w.acquire(t.Context(), time.Now(), 0); err != nil {
		t.Fatal(err)
	}
	w.timeout = time.Millisecond
	if err := w.acquire(t.Context(), time.Now(), 0); !errors.Is(err, errNoTurn) {
		t.Errorf("timeout: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.acquire(ctx, time.Now(), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	w.maxQueue = 0
	err := w.acquire(t.Context(), time.Now(), 0)
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Unavailable {
		t.Errorf("full queue: %v", err)
	}
	w.release(0)
	if w.free != 1 || len(w.queue) != 0 {
		t.Errorf("%d free, %d waiting", w.free, len(w.queue))
	}
}

func TestClauseThatWouldBeginLateIsRefused(t *testing.T) {
	w := newWorkers(2)
	for range 2 {
		if err := w.acquire(t.Context(), time.Now(), firstRuns); err != nil {
			t.Fatal(err)
		}
	}
	for range 200 {
		w.run += (200*time.Millisecond - w.run) / 16 // what release computes
	}
	now := time.Now()
	for range 4 { // with the run that ends first and one of its own, 0.7 s of work
		w.queue.Push(&waiter{due: now.Add(-time.Second), ready: make(chan struct{})})
	}
	if got := w.expectedWait(now, 1); got < 690*time.Millisecond || got > 710*time.Millisecond {
		t.Errorf("the expected wait is %v", got)
	}
	if got := w.expectedWait(now.Add(-2*time.Second), 1); got > 310*time.Millisecond {
		t.Errorf("the expected wait of who is due before all others is %v", got)
	}
	w.queue.Push(&waiter{due: now.Add(-time.Second), left: 3, ready: make(chan struct{})})
	started := time.Now()
	if err := w.acquire(t.Context(), now, firstRuns); !errors.Is(err, errLate) || time.Since(started) > 100*time.Millisecond {
		t.Errorf("got %v after %v, want a refusal at once", err, time.Since(started))
	}
	// Who has time, or has begun, waits.
	w.patience, w.timeout = time.Millisecond, 50*time.Millisecond
	if err := w.acquire(t.Context(), now, 0); !errors.Is(err, errNoTurn) {
		t.Errorf("begun: %v", err)
	}
	w.timeout, w.run = time.Second, 0
	if err := w.acquire(t.Context(), now, firstRuns); !errors.Is(err, errLate) || !fault.IsRetryable(err) {
		t.Errorf("no turn came: %v", err)
	}
}

func TestPeaksAreBentAndNeverClipped(t *testing.T) {
	pcm := limit([]float32{0, 0.25, -0.25, 1, -1, 30, -30}, 32767)
	if pcm[1] != 8192 || pcm[2] != -8192 || float64(pcm[3]) <= limitFrom {
		t.Errorf("got %v", pcm)
	}
	for _, x := range pcm {
		if math.Abs(float64(x)) > loudness.MaxPeak {
			t.Errorf("peak %d", x)
		}
	}
}

func TestSilenceAroundAClauseIsShortened(t *testing.T) {
	const rate = 22050
	var audio []int16
	for _, part := range []struct {
		seconds float64
		value   int16
	}{{0.5, 0}, {0.4, 1000}, {0.5, 3}, {0.4, 1000}, {0.5, 3}} {
		audio = append(audio, slices.Repeat([]int16{part.value}, int(part.seconds*rate))...)
	}
	for _, size := range []int{1, 100, 5000, len(audio)} {
		trim := trimmer{silence: 50, rate: rate}
		var got []int16
		for piece := range slices.Chunk(audio, size) {
			got = append(got, trim.add(piece)...)
		}
		got = append(got, trim.end()...)
		want := loudness.Lead + 0.4 + 0.5 + 0.4 + loudness.Tail
		if seconds := float64(len(got)) / rate; math.Abs(seconds-want) > 2*loudness.Block {
			t.Errorf("pieces of %d: %.3f s, want %.3f s", size, seconds, want)
		}
		if media.RMS(got[:len(got)/2]) < 700 {
			t.Errorf("pieces of %d: the speech is missing", size)
		}
	}
	silent := trimmer{silence: 50, rate: rate}
	if got := append(silent.add(make([]int16, rate)), silent.end()...); len(got) > 0 {
		t.Errorf("silence: %d samples", len(got))
	}
}

func TestVoicesAreFoundInAnyFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models [1]")
	file := filepath.Join(folder, "piper-de_DE-a", networkName)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "piper-empty"), 0o700))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	if got := Installed(folder); len(got) != 1 || got["de_DE-a"] != file {
		t.Errorf("got %v", got)
	}
}

func TestVoiceThatCannotBeOpenedSaysWhyOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), networkName)
	require.NoError(t, os.WriteFile(file+".json", []byte(`{"phoneme_type": "text"}`), 0o600))
	_, err := openVoice(nil, "a", file)
	if err == nil || strings.Count(err.Error(), "only espeak is supported") != 1 {
		t.Errorf("got %v", err)
	}
}
