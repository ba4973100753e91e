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
	"frontdesk/internal/fault"
	"frontdesk/internal/ngram"
	"frontdesk/media"
)

// ears are shared by the tests, since adapting a language model takes seconds.
var ears struct {
	once  sync.Once
	cache string
	*Recognizer
	err error
}

var agentTexts = []string{"The dehumidifier of Frobisher dries your room. We sell no hammock without a frame."}

func TestMain(m *testing.M) {
	code := m.Run()
	if ears.Recognizer != nil {
		_ = ears.Close()
	}
	_ = os.RemoveAll(ears.cache)
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func open(t testing.TB) *Recognizer {
	t.Helper()
	ears.once.Do(func() {
		if ears.cache, ears.err = os.MkdirTemp("", "ears-"); ears.err == nil {
			ears.Recognizer, ears.err = New(Config{Texts: agentTexts, Language: "en-US", Cache: ears.cache})
		}
	})
	if ears.err != nil {
		t.Fatal(ears.err)
	}
	return ears.Recognizer
}

// said is a text in a voice of flite, with silence around it.
func said(t testing.TB, voice, text string) []int16 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "said.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", voice, "-o", path, "-t", text).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pcm, rate, err := media.ReadWAV(bytes.NewReader(b), 30*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%d Hz, %v", rate, err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	room := make([]int16, len(pcm)+media.EarRate)
	for i := range room { // a room is never quite silent
		room[i] = int16(rng.IntN(16) - 8)
	}
	for i, s := range pcm {
		room[media.EarRate/3+i] += s / 4
	}
	return room
}

// hear is all transcripts of an utterance.
func hear(ctx context.Context, l dialog.Listener, pcm []int16) (all []dialog.Transcript, err error) {
	var ended time.Time
	for transcript, err := range l.Utterance(ctx, frames(pcm, &ended)) {
		if err != nil {
			return all, err
		}
		all = append(all, transcript)
	}
	return all, nil
}

func listen(t testing.TB, r *Recognizer) dialog.Listener {
	t.Helper()
	l, err := r.Listen(t.Context(), &dialog.Agent{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCallersAreHeardAtTheSameTime(t *testing.T) {
	r := open(t)
	script := []string{"Hello, I have a question about my order.", "My order number is four seven three two nine.", "When do you open on Saturday?"}
	var callers sync.WaitGroup
	for _, voice := range []string{"slt", "rms", "slt", "awb"} {
		callers.Go(func() {
			l := listen(t, r)
			defer l.Close()
			wrong, words := 0, 0
			for _, text := range script {
				all, err := hear(t.Context(), l, said(t, voice, text))
				if err != nil || len(all) == 0 {
					t.Errorf("%s: %q: %v, %v", voice, text, all, err)
					return
				}
				ref := wordsOf(text)
				wrong, words = wrong+wordErrors(ref, wordsOf(all[len(all)-1].Text)), words+len(ref)
			}
			if wrong > words/3 {
				t.Errorf("%s: %d of %d words wrong", voice, wrong, words)
			}
		})
	}
	callers.Wait()
}

func TestWordsComeWhileTheCallerSpeaks(t *testing.T) {
	all, err := hear(t.Context(), listen(t, open(t)), said(t, "slt", "Can you tell me where my order is, please? I have been waiting for two weeks."))
	if err != nil || len(all) < 4 {
		t.Fatalf("%v, %v", all, err)
	}
	for i, transcript := range all {
		if last := i == len(all)-1; transcript.Final != last {
			t.Errorf("transcript %d of %d: final %v", i+1, len(all), transcript.Final)
		}
		if i > 0 && i < len(all)-1 && transcript.Text == all[i-1].Text {
			t.Errorf("%q told twice", transcript.Text)
		}
	}
}

func TestTheAgentsOwnWordsAreKnown(t *testing.T) {
	r := open(t)
	dict, err := os.ReadFile(filepath.Join(ears.cache, modelFile(t, ".dict")))
	if err != nil {
		t.Fatal(err)
	}
	words := parseDict(dict)
	for _, w := range []string{"dehumidifier", "frobisher", "order", "uh", "<s>"} {
		if (words[w] == nil) != (w == "<s>") { // the library has its own of that one
			t.Errorf("%q: %v", w, words[w])
		}
	}
	all, err := hear(t.Context(), listen(t, r), said(t, "slt", "I bought a dehumidifier."))
	if err != nil || !strings.Contains(all[len(all)-1].Text, "dehumidifier") {
		t.Errorf("heard %v, %v", all, err)
	}
}

func modelFile(t *testing.T, suffix string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(ears.cache, "sphinx-*"+suffix))
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	return filepath.Base(list[0])
}

func TestModelOfTheSameTextsIsMadeOnce(t *testing.T) {
	open(t)
	before, err := os.Stat(filepath.Join(ears.cache, modelFile(t, ".lm.bin")))
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(Config{Texts: agentTexts, Cache: ears.cache})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	after, err := os.Stat(filepath.Join(ears.cache, modelFile(t, ".lm.bin")))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("made again: %v", err)
	}
}

func TestConvertedModelHasTheSameProbabilities(t *testing.T) {
	dir := t.TempDir()
	m := ngram.Count([][]string{{"where", "is", "my", "order"}, {"where", "is", "it"}, {"is", "it", "my", "order"}})
	var want bytes.Buffer
	if err := m.WriteARPA(&want); err != nil {
		t.Fatal(err)
	}
	arpa, bin := filepath.Join(dir, "a.arpa"), filepath.Join(dir, "a.bin")
	if err := os.WriteFile(arpa, want.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := convertModel(arpa, bin); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ngram.ReadTrie(b, 100, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := back.WriteARPA(&got); err != nil {
		t.Fatal(err)
	}
	compareARPA(t, got.String(), want.String())
}

// compareARPA allows for the rounding of both forms.
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

func TestSoundThatIsNoSpeechDoesNoHarm(t *testing.T) {
	l := listen(t, open(t))
	rng := rand.New(rand.NewPCG(5, 6))
	for name, pcm := range map[string][]int16{
		"nothing":   nil,
		"silence":   make([]int16, media.EarRate),
		"hiss":      generate(func(int) float64 { return rng.NormFloat64() * 1000 }),
		"clipped":   generate(func(i int) float64 { return math.Copysign(32767, math.Sin(float64(i)/10)) }),
		"one frame": make([]int16, media.EarFrame),
	} {
		all, err := hear(t.Context(), l, pcm)
		if err != nil || len(all) == 0 || !all[len(all)-1].Final {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
	all, err := hear(t.Context(), l, said(t, "rms", "Where is my order?"))
	if err != nil || !strings.Contains(all[len(all)-1].Text, "order") {
		t.Errorf("speech after it: %v, %v", all, err)
	}
}

func generate(sample func(i int) float64) []int16 {
	pcm := make([]int16, media.EarRate)
	for i := range pcm {
		pcm[i] = int16(max(math.MinInt16, min(math.MaxInt16, sample(i))))
	}
	return pcm
}

func TestWhatComesAfterAMinuteIsNotHeard(t *testing.T) {
	pcm := append(make([]int16, 61*media.EarRate), said(t, "slt", "Hello, is my order here?")...)
	all, err := hear(t.Context(), listen(t, open(t)), pcm)
	if err != nil || len(all) != 1 || all[0] != (dialog.Transcript{Final: true}) {
		t.Errorf("%v, %v", all, err)
	}
}

func TestCancelledUtteranceEndsAndTheNextIsHeard(t *testing.T) {
	l := listen(t, open(t))
	pcm := said(t, "slt", "Where is my order?")
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
		break // nobody wants the rest
	}
	all, err := hear(t.Context(), l, pcm)
	if err != nil || !strings.Contains(all[len(all)-1].Text, "order") {
		t.Errorf("the next: %v, %v", all, err)
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

func TestNoCallerIsHeardThroughAnothersLine(t *testing.T) {
	r := open(t)
	p, err := newPool(r.pool.options, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	one := &Recognizer{pool: p}
	pcm := said(t, "slt", "Where is my order?")
	first, second := &listener{pool: p}, &listener{pool: p}
	want, err := hear(t.Context(), first, pcm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hear(t.Context(), listen(t, one), said(t, "kal16", "I am somebody else with another telephone.")); err != nil {
		t.Fatal(err)
	}
	got, err := hear(t.Context(), second, pcm)
	if err != nil || !slices.Equal(got, want) || !slices.Equal(second.mean.now, first.mean.now) {
		t.Errorf("after another caller: %v, %v; alone: %v", got, err, want)
	}
}

func TestSpeakersWaitForADecoder(t *testing.T) {
	p, err := newPool(open(t).pool.options, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	d, err := p.take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a second decoder: %v", err)
	}
	waiting := make(chan error)
	go func() {
		d, err := p.take(t.Context())
		if err == nil {
			p.giveBack(d)
		}
		waiting <- err
	}()
	p.giveBack(d)
	if err := <-waiting; err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeHeardIsSaidAtStart(t *testing.T) {
	for name, c := range map[string]struct {
		Config
		want string
	}{
		"language": {Config{Language: "de-DE"}, "English only"},
		"models":   {Config{Models: t.TempDir(), Cache: t.TempDir()}, "apt install pocketsphinx-en-us"},
		"broken":   {Config{Models: brokenModels(t), Cache: t.TempDir()}, "cannot be read"},
	} {
		_, err := New(c.Config)
		var e *fault.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func brokenModels(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"en-us.lm.bin", "cmudict-en-us.dict"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("hello AH"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestUnusedModelsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-2 * unusedTime)
	for _, name := range []string{"sphinx-old.dict", "sphinx-mine.dict", "other.txt"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	forget(dir, &model{dict: filepath.Join(dir, "sphinx-mine.dict"), words: filepath.Join(dir, "sphinx-mine.lm.bin")})
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "other.txt" || filepath.Base(left[1]) != "sphinx-mine.dict" {
		t.Errorf("%v, %v", left, err)
	}
}

// BenchmarkUtterance is what five seconds of listening cost, and each frame of them.
func BenchmarkUtterance(b *testing.B) {
	pcm := said(b, "slt", "Can you tell me where my order is, please? I have been waiting for two weeks.")
	l := listen(b, open(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hear(b.Context(), l, pcm); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(pcm)/media.EarFrame), "ns/frame")
}
