package moonshine

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// fakeReader hears one word for each half second of audio, and takes a tenth of its duration.
type fakeReader struct {
	calls   *atomic.Int64
	words   int
	silence float32 // log probability that nothing was said; 0 reads words

	bareSilence float32 // if not 0, the same without padding, and words are doubtful with padding
	isPadded    bool
}

var fakeWords = strings.Fields("▁one ▁two ▁three ▁four ▁five ▁six ▁seven ▁eight ▁nine ▁ten ▁eleven ▁twelve ▁thirteen ▁fourteen ▁fifteen ▁sixteen ▁seventeen ▁eighteen ▁nineteen ▁twenty")

func (f *fakeReader) encode(pcm []float32) error {
	f.calls.Add(1)
	f.isPadded = !slices.ContainsFunc(pcm[:padding], func(x float32) bool { return x != 0 })
	f.words = (len(pcm) - 2*padding) / (media.EarRate / 2)
	time.Sleep(time.Duration(f.words) * 50 * time.Millisecond)
	return nil
}

func (f *fakeReader) decode(ctx context.Context, o decodeOptions) ([]Hypothesis, error) {
	h := Hypothesis{Ended: true, LogProbs: []float32{f.silence}}
	if f.silence == 0 || o.forbidEnd {
		h.LogProbs = nil
		for i := range min(f.words, len(fakeWords)) {
			h.Tokens, h.LogProbs = append(h.Tokens, firstPiece+Token(i)), append(h.LogProbs, -0.01)
			if f.bareSilence != 0 && f.isPadded {
				h.LogProbs[i] = minLogProb - 1
			}
		}
	}
	return []Hypothesis{h}, ctx.Err()
}

func (f *fakeReader) score([][]Token) ([]Hypothesis, error) {
	return []Hypothesis{{LogProbs: []float32{f.bareSilence}, Ended: true}}, nil
}
func (f *fakeReader) close() {}

// fake returns a recognizer with workers that hear words as fakeReader does.
func fake(t *testing.T, workers int, silence float32) (*Recognizer, *atomic.Int64) {
	var readers []reader
	calls := new(atomic.Int64)
	for range workers {
		readers = append(readers, &fakeReader{calls: calls, silence: silence})
	}
	return newRecognizer(Config{}, readers, testTokenizer(t, fakeWords...)), calls
}

// speech yields frames in real time: voice for each "x" and silence for each "." of 100 ms.
func speech(script string) iter.Seq2[[]int16, bool] {
	voice, silence := make([]int16, media.EarFrame), make([]int16, media.EarFrame)
	for i := range voice {
		voice[i] = int16(4000 * (i%40 - 20) / 20)
	}
	return func(yield func([]int16, bool) bool) {
		for _, c := range script {
			for range 5 {
				time.Sleep(media.FrameTime)
				frame := silence
				if c == 'x' {
					frame = voice
				}
				if !yield(frame, c == 'x') {
					return
				}
			}
		}
	}
}

// hear returns the transcripts of speech and how long after its end the last one came.
func hear(t *testing.T, r *Recognizer, script string) (all []dialog.Transcript, delay time.Duration, err error) {
	l, err := r.Listen(t.Context(), nil)
	require.NoError(t, err)
	var ended time.Time
	frames := func(yield func([]int16, bool) bool) {
		speech(script)(yield)
		ended = time.Now()
	}
	for transcript, e := range l.(dialog.VoicedListener).VoicedUtterance(t.Context(), frames) {
		if e != nil {
			return all, 0, e
		}
		all = append(all, transcript)
	}
	return all, time.Since(ended), nil
}

func TestReadingAtThePauseIsTheFinalOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 1, 0)
		defer r.Close()
		all, delay, err := hear(t, r, "...xxxxxxxxxxxx.....")
		require.NoError(t, err)
		last := all[len(all)-1]
		if !last.Final || last.Text != "one two three" || delay != 0 {
			t.Errorf("%q after %v", last.Text, delay)
		}
		if s := r.Stats(); s.Pauses != 1 || s.Finals != 0 || s.Partials == 0 || s.Utterances != 1 || s.Audio != 2*time.Second {
			t.Errorf("%+v", s)
		}
		for i, transcript := range all[1:] {
			if !strings.HasPrefix(transcript.Text, all[i].Text) {
				t.Errorf("%q after %q", transcript.Text, all[i].Text)
			}
		}
	})
}

func TestSpeechAfterThePauseIsReadToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 1, 0)
		defer r.Close()
		all, _, err := hear(t, r, "...xxxxxx...xxxxxxxx")
		require.NoError(t, err)
		if last := all[len(all)-1]; last.Text != "one two three four" || r.Stats().Finals != 1 {
			t.Errorf("%q, %+v", last.Text, r.Stats())
		}
	})
}

func TestSilenceIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, calls := fake(t, 1, 0)
		defer r.Close()
		all, _, err := hear(t, r, "..........")
		require.NoError(t, err)
		if len(all) != 1 || all[0] != (dialog.Transcript{Final: true}) || calls.Load() != 0 {
			t.Errorf("%v, %d readings", all, calls.Load())
		}
	})
}

func TestEmptyReadingOfSpeechIsRepeated(t *testing.T) {
	for silence, want := range map[float32]string{-0.6: "one two three", -0.01: ""} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := fake(t, 1, silence)
			defer r.Close()
			all, _, err := hear(t, r, "...xxxxxxxxxxxx...")
			require.NoError(t, err)
			s := r.Stats()
			if last := all[len(all)-1]; last.Text != want || (s.Retried == 1) != (want != "") || (s.Rejected == 1) != (want == "") {
				t.Errorf("silence with %v: %q, %+v", silence, last.Text, s)
			}
		})
	}
}

func TestDoubtfulSpeechIsReadWithoutSilence(t *testing.T) {
	for silence, want := range map[float32]string{-4: "one two three", -0.5: ""} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeReader{calls: new(atomic.Int64), silence: -0.6, bareSilence: silence}
			r := newRecognizer(Config{}, []reader{f}, testTokenizer(t, fakeWords...))
			defer r.Close()
			all, _, err := hear(t, r, ".....xxxxxxxxxxxxxxxxxxxxxx...")
			require.NoError(t, err)
			if last := all[len(all)-1]; last.Text != want {
				t.Errorf("silence with %v: %q", silence, last.Text)
			}
		})
	}
}

func TestAllFinalsArriveUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 2, 0)
		defer r.Close()
		var callers sync.WaitGroup
		const n = 30
		for range n {
			callers.Go(func() {
				all, delay, err := hear(t, r, "...xxxxxxxxxxxxxxxxxxxx....")
				if err != nil || !all[len(all)-1].Final || all[len(all)-1].Text != "one two three four" || delay > finalWait {
					t.Errorf("%v after %v, %v", all, delay, err)
				}
			})
		}
		callers.Wait()
		s := r.Stats()
		if s.Utterances != n || s.Pauses+s.Finals < n || s.Refused != 0 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCancelledUtteranceEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 1, 0)
		defer r.Close()
		l, err := r.Listen(t.Context(), nil)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2150*time.Millisecond) // while the end is read
		defer cancel()
		began := time.Now()
		for _, e := range l.(dialog.VoicedListener).VoicedUtterance(ctx, speech(strings.Repeat("x", 20))) {
			err = e
		}
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 2150*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestLongSpeechIsCutAtItsPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 1, 0)
		defer r.Close()
		all, _, err := hear(t, r, strings.Repeat("x", 60)+"...."+strings.Repeat("x", 136)+"...")
		require.NoError(t, err)
		words := strings.Fields(all[len(all)-1].Text)
		if i := slices.Index(words[1:], "one"); i < 11 || i > 12 || len(words) < 24 {
			t.Errorf("the first part has %d words: %v", i+1, words)
		}
	})
}

func TestPartsEndInTheLongestPause(t *testing.T) {
	voiced := func(script string) (a audio) {
		for frame, is := range speech(script) {
			a.pcm, a.voiced = append(a.pcm, frame...), append(a.voiced, is)
		}
		return a
	}
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			script string
			want   int // frames
		}{
			"pause":       {strings.Repeat("x", 50) + ".." + strings.Repeat("x", 30) + "...." + strings.Repeat("x", 100), 420},
			"early pause": {"xx......" + strings.Repeat("x", 60) + ".." + strings.Repeat("x", 120), 345},
		} {
			if got := voiced(c.script).cut(); got != c.want {
				t.Errorf("%s: frame %d, want %d", name, got, c.want)
			}
		}
		if got := voiced(strings.Repeat("x", 200)).cut(); got < 375 || got >= 750 {
			t.Errorf("without a pause: frame %d", got)
		}
	})
}

// TestReadingsDoNotShareWords: a reading that was replaced may go on beside its successor.
func TestReadingsDoNotShareWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := fake(t, 1, 0)
		defer r.Close()
		var a audio
		for frame, is := range speech(strings.Repeat("x", 160)) {
			a.pcm, a.voiced = append(a.pcm, frame...), append(a.voiced, is)
		}
		m := model{worker: &worker{reader: &fakeReader{calls: new(atomic.Int64)}}, tokenizer: r.tokenizer, expect: noExpectation{}, beam: 1}
		settled := make([]word, 1, 100)
		first, second := reading{settled: settled}, reading{settled: settled}
		require.NoError(t, first.read(t.Context(), m, a, false))
		require.NoError(t, second.read(t.Context(), m, a, false))
		if len(first.settled) < 2 || &first.settled[1] == &second.settled[1] {
			t.Errorf("both readings write the words after %d", len(settled))
		}
	})
}
