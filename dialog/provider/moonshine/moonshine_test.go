//go:build cgo

package moonshine

import (
	"bytes"
	"context"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/internal/modelstest"
	"frontdesk/internal/onnx"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// shared is the recognizer of all tests with the real model, because loading it takes a
// second.
var shared struct {
	once sync.Once
	*Recognizer
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Recognizer != nil {
		_ = shared.Close()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

// open returns the shared recognizer. Without the model it skips the test.
func open(t testing.TB) *Recognizer {
	t.Helper()
	c := config(t)
	shared.once.Do(func() { shared.Recognizer, shared.err = Open(c) })
	require.NoError(t, shared.err)
	return shared.Recognizer
}

func config(t testing.TB) Config {
	t.Helper()
	runtime, err := onnx.Load(onnx.Config{Library: modelstest.Library(t)})
	require.NoError(t, err)
	return Config{Runtime: runtime, Dir: filepath.Dir(modelstest.File(t, "moonshine-base-en", "tokenizer.bin"))}
}

// fliteSpeech returns a text spoken by a voice of flite, with the noise of a room around it.
func fliteSpeech(t testing.TB, voice, text string) []int16 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", voice, "-o", path, "-t", text).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	pcm, rate, err := media.ReadWAV(bytes.NewReader(b), 60*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%d Hz, %v", rate, err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	room := make([]int16, len(pcm)+media.EarRate)
	for i := range room {
		room[i] = int16(rng.IntN(16) - 8)
	}
	for i, s := range pcm {
		room[media.EarRate/3+i] += s / 4
	}
	return room
}

// frames yields the frames of pcm.
func frames(pcm []int16) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for frame := range slices.Chunk(pcm, media.EarFrame) {
			if len(frame) == media.EarFrame && !yield(frame) {
				return
			}
		}
	}
}

// recognize returns all transcripts of an utterance.
func recognize(ctx context.Context, l dialog.Listener, pcm []int16) (all []dialog.Transcript, err error) {
	for transcript, err := range l.Utterance(ctx, frames(pcm)) {
		if err != nil {
			return all, err
		}
		all = append(all, transcript)
	}
	return all, nil
}

// listen returns a listener whose readings come at the frame at which an idle machine would
// have them.
func listen(t testing.TB, r dialog.Recognizer) dialog.Listener {
	t.Helper()
	l, err := r.Listen(t.Context(), &dialog.Agent{})
	require.NoError(t, err)
	l.(dialog.ReplayListener).SetReplay()
	return l
}
