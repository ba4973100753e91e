//go:build cgo

package pocketsphinx

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/internal/eval"
	"frontdesk/internal/fault"
	"frontdesk/internal/ngram"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// shared is the recognizer of all tests, because adapting a language model takes seconds.
var shared struct {
	once  sync.Once
	cache string
	*Recognizer
	err error
}

var agentTexts = []string{"The dehumidifier of Frobisher dries your room. We sell no hammock without a frame."}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Recognizer != nil {
		_ = shared.Close()
	}
	_ = os.RemoveAll(shared.cache)
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func open(t testing.TB) *Recognizer {
	t.Helper()
	shared.once.Do(func() {
		if shared.cache, shared.err = os.MkdirTemp("", "pocketsphinx-"); shared.err == nil {
			shared.Recognizer, shared.err = New(Config{Texts: agentTexts, Language: "en-US", Cache: shared.cache})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.Recognizer
}

// fliteSpeech returns a text spoken by a voice of flite, with background noise before and
// after it.
func fliteSpeech(t testing.TB, voice, text string) []int16 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", voice, "-o", path, "-t", text).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	pcm, rate, err := media.ReadWAV(bytes.NewReader(b), 30*media.EarRate)
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

// recognize returns all transcripts of an utterance.
func recognize(ctx context.Context, l dialog.Listener, pcm []int16) (all []dialog.Transcript, err error) {
	var ended time.Time
	for transcript, err := range l.Utterance(ctx, frames(pcm, &ended)) {
		if err != nil {
			return all, err
		}
		all = append(all, transcript)
	}
	return all, nil
}

// frames yields the frames of pcm and sets ended when the consumer has read the last one.
func frames(pcm []int16, ended *time.Time) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for frame := range slices.Chunk(pcm, media.EarFrame) {
			if len(frame) == media.EarFrame && !yield(frame) {
				return
			}
		}
		*ended = time.Now()
	}
}

func listen(t testing.TB, r *Recognizer) dialog.Listener {
	t.Helper()
	l, err := r.Listen(t.Context(), &dialog.Agent{})
	require.NoError(t, err)
	return l
}

func TestConcurrentCallersAreRecognized(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	r := open(t)
	script := []string{"Hello, I have a question about my order.", "My order number is four seven three two nine.", "When do you open on Saturday?"}
	var callers sync.WaitGroup
	for _, voice := range []string{"slt", "rms", "slt", "awb"} {
		callers.Go(func() {
			l := listen(t, r)
			defer l.Close()
			wrong, words := 0, 0
			for _, text := range script {
				all, err := recognize(t.Context(), l, fliteSpeech(t, voice, text))
				if err != nil || len(all) == 0 {
					t.Errorf("%s: %q: %v, %v", voice, text, all, err)
					return
				}
				e := eval.CompareWords(text, all[len(all)-1].Text)
				wrong, words = wrong+e.Total(), words+e.Words
			}
			if wrong > words/3 {
				t.Errorf("%s: %d of %d words wrong", voice, wrong, words)
			}
		})
	}
	callers.Wait()
}

func TestPartialTranscriptsComeWhileTheCallerSpeaks(t *testing.T) {
	all, err := recognize(t.Context(), listen(t, open(t)), fliteSpeech(t, "slt", "Can you tell me where my order is, please? I have been waiting for two weeks."))
	if err != nil || len(all) < 4 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, transcript := range all {
		if last := i == len(all)-1; transcript.Final != last {
			t.Errorf("transcript %d of %d: final %v", i+1, len(all), transcript.Final)
		}
		if i > 0 && i < len(all)-1 && transcript.Text == all[i-1].Text {
			t.Errorf("%q was yielded twice", transcript.Text)
		}
	}
}

func TestWordsOfTheAgentsTextsAreRecognized(t *testing.T) {
	r := open(t)
	dict, err := os.ReadFile(filepath.Join(shared.cache, modelFile(t, ".dict")))
	require.NoError(t, err)
	words := parseDict(dict)
	for _, w := range []string{"dehumidifier", "frobisher", "order", "uh", "<s>"} {
		if (words[w] == nil) != (w == "<s>") { // the library defines "<s>" itself
			t.Errorf("%q: %v", w, words[w])
		}
	}
	all, err := recognize(t.Context(), listen(t, r), fliteSpeech(t, "slt", "I bought a dehumidifier."))
	if err != nil || !strings.Contains(all[len(all)-1].Text, "dehumidifier") {
		t.Errorf("recognized %v, %v", all, err)
	}
}

func modelFile(t *testing.T, suffix string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(shared.cache, "sphinx-*"+suffix))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	return filepath.Base(list[0])
}

func TestModelForTheSameTextsComesFromTheCache(t *testing.T) {
	open(t)
	before, err := os.Stat(filepath.Join(shared.cache, modelFile(t, ".lm.bin")))
	require.NoError(t, err)
	second, err := New(Config{Texts: agentTexts, Cache: shared.cache})
	require.NoError(t, err)
	defer second.Close()
	after, err := os.Stat(filepath.Join(shared.cache, modelFile(t, ".lm.bin")))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the model was built again: %v", err)
	}
}

func TestConvertedModelHasTheSameProbabilities(t *testing.T) {
	dir := t.TempDir()
	m := ngram.Count([][]string{{"where", "is", "my", "order"}, {"where", "is", "it"}, {"is", "it", "my", "order"}})
	var want bytes.Buffer
	require.NoError(t, m.WriteARPA(&want))
	arpa, bin := filepath.Join(dir, "a.arpa"), filepath.Join(dir, "a.bin")
	require.NoError(t, os.WriteFile(arpa, want.Bytes(), 0o600))
	require.NoError(t, convertModel(arpa, bin))
	b, err := os.ReadFile(bin)
	require.NoError(t, err)
	converted, err := ngram.ReadTrie(b, 100, func(string) bool { return true })
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, converted.WriteARPA(&got))
	compareARPA(t, got.String(), want.String())
}

// compareARPA compares two models with a tolerance for the rounding of both formats.
func compareARPA(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Fields(got), strings.Fields(want)
	if len(g) != len(w) {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	for i := range g {
		a, errA := strconv.ParseFloat(g[i], 64)
		b, errB := strconv.ParseFloat(w[i], 64)
		if (errA != nil || errB != nil) && g[i] != w[i] || math.Abs(a-b) > 0.01 {
			t.Errorf("field %d: got %s, want %s", i, g[i], w[i])
		}
	}
}

func TestUtterancesAfterNoiseAreRecognized(t *testing.T) {
	l := listen(t, open(t))
	rng := rand.New(rand.NewPCG(5, 6))
	for name, pcm := range map[string][]int16{
		"nothing":   nil,
		"silence":   make([]int16, media.EarRate),
		"hiss":      generate(func(int) float64 { return rng.NormFloat64() * 1000 }),
		"clipped":   generate(func(i int) float64 { return math.Copysign(32767, math.Sin(float64(i)/10)) }),
		"one frame": make([]int16, media.EarFrame),
	} {
		all, err := recognize(t.Context(), l, pcm)
		if err != nil || len(all) == 0 || !all[len(all)-1].Final {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	all, err := recognize(t.Context(), l, fliteSpeech(t, "rms", "Where is my order?"))
	if err != nil || !strings.Contains(all[len(all)-1].Text, "order") {
		t.Errorf("speech after noise: %v, %v", all, err)
	}
}

func generate(sample func(i int) float64) []int16 {
	pcm := make([]int16, media.EarRate)
	for i := range pcm {
		pcm[i] = int16(max(math.MinInt16, min(math.MaxInt16, sample(i))))
	}
	return pcm
}

func TestAudioAfterTheFirstMinuteIsIgnored(t *testing.T) {
	pcm := append(make([]int16, 61*media.EarRate), fliteSpeech(t, "slt", "Hello, is my order here?")...)
	all, err := recognize(t.Context(), listen(t, open(t)), pcm)
	if err != nil || len(all) != 1 || all[0] != (dialog.Transcript{Final: true}) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestUtteranceAfterACancelledOneIsRecognized(t *testing.T) {
	l := listen(t, open(t))
	pcm := fliteSpeech(t, "slt", "Where is my order?")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	cancelling := func(yield func([]int16) bool) {
		for frame := range slices.Chunk(pcm[:len(pcm)/media.EarFrame*media.EarFrame], media.EarFrame) {
			if n++; n == 30 {
				cancel()
			}
			if !yield(frame) {
				return
			}
		}
	}
	if err := firstError(l.Utterance(ctx, cancelling)); !errors.Is(err, context.Canceled) || n != 30 {
		t.Errorf("%v after %d frames", err, n)
	}
	for range l.Utterance(t.Context(), frames(pcm, new(time.Time))) {
		break
	}
	all, err := recognize(t.Context(), l, pcm)
	if err != nil || !strings.Contains(all[len(all)-1].Text, "order") {
		t.Errorf("next utterance: %v, %v", all, err)
	}
}

func firstError(seq iter.Seq2[dialog.Transcript, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestCallersDoNotInfluenceOneAnother(t *testing.T) {
	r := open(t)
	p, err := newPool(r.pool.options, 1)
	require.NoError(t, err)
	defer p.close()
	one := &Recognizer{pool: p}
	pcm := fliteSpeech(t, "slt", "Where is my order?")
	first, second := &listener{pool: p}, &listener{pool: p}
	want, err := recognize(t.Context(), first, pcm)
	require.NoError(t, err)
	if _, err := recognize(t.Context(), listen(t, one), fliteSpeech(t, "kal16", "I am somebody else with another telephone.")); err != nil {
		t.Fatal(err)
	}
	got, err := recognize(t.Context(), second, pcm)
	if err != nil || !slices.Equal(got, want) || !slices.Equal(second.mean.mean, first.mean.mean) {
		t.Errorf("after another caller: %v, %v; alone: %v", got, err, want)
	}
}

func TestUtterancesWaitForADecoder(t *testing.T) {
	p, err := newPool(open(t).pool.options, 1)
	require.NoError(t, err)
	defer p.close()
	d, err := p.acquire(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("second decoder: %v", err)
	}
	waiting := make(chan error)
	go func() {
		d, err := p.acquire(t.Context())
		if err == nil {
			p.release(d)
		}
		waiting <- err
	}()
	p.release(d)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

func TestMissingRequirementsAreReportedByNew(t *testing.T) {
	for name, c := range map[string]struct {
		Config
		want string
	}{
		"language": {Config{Language: "de-DE"}, "English only"},
		"models":   {Config{Models: t.TempDir(), Cache: t.TempDir()}, "apt install pocketsphinx-en-us"},
		"broken":   {Config{Models: brokenModels(t), Cache: t.TempDir()}, "cannot be read"},
	} {
		_, err := New(c.Config)
		if e, ok := errors.AsType[*fault.Error](err); !ok || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// brokenModels returns a folder with invalid models.
func brokenModels(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"en-us.lm.bin", "cmudict-en-us.dict"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("hello AH"), 0o600))
	}
	return dir
}

func TestUnusedModelsAreRemoved(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-2 * maxUnused)
	for _, name := range []string{"sphinx-old.dict", "sphinx-mine.dict", "other.txt"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, long, long))
	}
	removeUnused(dir, &model{dict: filepath.Join(dir, "sphinx-mine.dict"), language: filepath.Join(dir, "sphinx-mine.lm.bin")})
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "other.txt" || filepath.Base(left[1]) != "sphinx-mine.dict" {
		t.Errorf("%v, %v", left, err)
	}
}
