//go:build cgo

package piper

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/loudness"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
	"frontdesk/internal/phonemes"
	"frontdesk/internal/spoken"
	"frontdesk/media"
)

const sentence = "Thanks for calling, how can I help you today?"

// TestVoice has one synthesizer for all its parts, because opening one takes seconds.
func TestVoice(t *testing.T) {
	s := open(t)
	for name, test := range map[string]func(*testing.T, *Synthesizer){
		"speech has the right length and level": checkSpeech,
		"audio comes in pieces":                 checkPieces,
		"pieces equal the whole":                checkPiecesEqualTheWhole,
		"speed":                                 checkSpeed,
		"pronunciation":                         checkPronunciation,
		"voices of other services":              checkNames,
		"no words, no audio":                    checkSilence,
		"cancellation":                          checkCancellation,
		"another speaker":                       checkCalibration,
		"espeak-ng fails":                       checkFailingPhonemizer,
		"long text":                             checkLongText,
		"many callers":                          checkManyCallers,
		"overload":                              checkOverload,
		"ends of words":                         checkWords,
		"a pause ends words":                    checkWordsAtPause,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
}

func checkSpeech(t *testing.T, s *Synthesizer) {
	for text, want := range map[string][2]float64{ // the shortest and longest length in seconds
		sentence:                      {1.8, 4},
		"Yes.":                        {0.2, 1},
		"Your order number is 47329.": {2, 4.5},
	} {
		got := say(t.Context(), t, s, text, dialog.Voice{Language: "en-US"})
		if seconds := float64(len(got.pcm)) / media.MouthRate; seconds < want[0] || seconds > want[1] {
			t.Errorf("%q lasts %.2f s, want %v", text, seconds, want)
		}
		if db := 20 * math.Log10(loudness.RMS(got.pcm)/loudness.Target); math.Abs(db) > 4 {
			t.Errorf("%q: %.1f dB from the common loudness", text, db)
		}
		if peak := max(slices.Max(got.pcm), -slices.Min(got.pcm)); float64(peak) > 1.02*loudness.MaxPeak {
			t.Errorf("%q: peak %d", text, peak)
		}
		// The silence around the speech is that of the other voices.
		const allowed = 0.03
		if n := len(got.pcm) - len(loudness.Trim(slices.Clone(got.pcm), media.MouthRate)); float64(n) > allowed*media.MouthRate {
			t.Errorf("%q: %d samples of silence too many", text, n)
		}
	}
}

func checkPieces(t *testing.T, s *Synthesizer) {
	got := say(t.Context(), t, s, "Refunds take three to five working days, and we send you an email when the money is on its way.", dialog.Voice{})
	if len(got.pieces) < 4 {
		t.Errorf("%d pieces", len(got.pieces))
	}
	if first := float64(got.pieces[0]) / media.MouthRate; first < 0.1 || first > 0.4 {
		t.Errorf("the first piece lasts %.2f s", first)
	}
}

// checkPiecesEqualTheWhole decodes an utterance as a whole and in pieces: joins must not click.
func checkPiecesEqualTheWhole(t *testing.T, s *Synthesizer) {
	v, err := s.load(testVoice)
	if err != nil {
		t.Fatal(err)
	}
	utterances, err := v.utterances(t.Context(), []spoken.Part{{Text: sentence}})
	if err != nil || len(utterances) != 1 {
		t.Fatalf("%d utterances, %v", len(utterances), err)
	}
	l, err := v.engine.encode(numbers(v.settings.frame(utterances[0])), v.scales(1), 0)
	if err != nil {
		t.Fatal(err)
	}
	want, err := v.engine.decode(l, 0, l.frames)
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for from := 0; from < l.frames; from += 30 {
		audio, err := v.decode(l, from, min(from+30, l.frames))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, audio...)
	}
	if len(got) != len(want) || !equal(got, want) {
		t.Errorf("%d samples in pieces differ from %d as a whole", len(got), len(want))
	}
}

func checkSpeed(t *testing.T, s *Synthesizer) {
	slow := say(t.Context(), t, s.With(spoken.Style{Speed: minSpeed}), sentence, dialog.Voice{})
	fast := say(t.Context(), t, s.With(spoken.Style{Speed: maxSpeed}), sentence, dialog.Voice{})
	if ratio := float64(len(slow.pcm)) / float64(len(fast.pcm)); ratio < 2 || ratio > 6 {
		t.Errorf("at a quarter of the speed the clause is %.2f times as long", ratio)
	}
}

func checkPronunciation(t *testing.T, s *Synthesizer) {
	lexicon, err := spoken.NewLexicon(map[string]string{"Nguyen": "/ˈwɪn/", "Frontdesk": "front desk"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.load(testVoice)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.utterances(t.Context(), lexicon.Parts("Frontdesk calls Nguyen, please", "en"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := v.utterances(t.Context(), []spoken.Part{{Text: "front desk calls"}, {IPA: "ˈwɪn"}, {Text: ", please"}})
	if err != nil || len(got) != 1 || !slices.Equal(got[0], want[0]) {
		t.Errorf("got %v, want %v, %v", got, want, err)
	}
	if comma := v.settings.symbols(","); !slices.Contains(got[0], comma[0]) {
		t.Error("the comma behind the word is lost")
	}
}

func checkNames(t *testing.T, s *Synthesizer) {
	for _, v := range []dialog.Voice{{}, {Name: testVoice}, {Name: "marin"}, {Name: testVoice + "#0"}, {Language: "en-GB"}} {
		if got := say(t.Context(), t, s, "Yes.", v); len(got.pcm) == 0 {
			t.Errorf("%v: no audio", v)
		}
	}
	if !s.Speaks("en-AU") || s.Speaks("de-DE") {
		t.Error("the English voice must speak English only")
	}
	for _, err := range s.Speak(t.Context(), "Guten Tag", dialog.Voice{Language: "de-DE"}) {
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid {
			t.Errorf("German: %v", err)
		}
	}
}

func checkSilence(t *testing.T, s *Synthesizer) {
	for _, text := range []string{"", " ", "...", "🙂", "\xff"} {
		if got := say(t.Context(), t, s, text, dialog.Voice{}); len(got.pcm) > 0 {
			t.Errorf("%q: %d samples", text, len(got.pcm))
		}
	}
}

func checkCancellation(t *testing.T, s *Synthesizer) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pieces := 0
	var last error
	for pcm, err := range s.Speak(ctx, strings.Repeat("One more word, ", 20), dialog.Voice{}) {
		if last = err; len(pcm) > 0 {
			pieces++
		}
		cancel()
	}
	if pieces != 1 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d pieces after the cancellation, then %v", pieces-1, last)
	}
	for range s.Speak(t.Context(), sentence, dialog.Voice{}) {
		break // the receiver may stop, too
	}
}

func checkFailingPhonemizer(t *testing.T, s *Synthesizer) {
	v, err := s.load(testVoice)
	if err != nil {
		t.Fatal(err)
	}
	// A phonemizer that cannot translate is an error; the next clause may work again.
	working := v.phonemizer
	if v.phonemizer, err = phonemes.New(v.settings.Espeak.Voice); err != nil {
		t.Fatal(err)
	}
	v.phonemizer.Close()
	for _, err := range s.Speak(t.Context(), "Yes.", dialog.Voice{}) {
		if !fault.IsRetryable(err) {
			t.Errorf("got %v, want an error that says to try again", err)
		}
	}
	v.phonemizer = working
	if got := say(t.Context(), t, s, "Yes.", dialog.Voice{}); len(got.pcm) == 0 {
		t.Error("no audio")
	}
}

// checkCalibration lets a speaker speak whose level is not known, while all workers are busy:
// the clause waits for its turn, and only as long as its caller does.
func checkCalibration(t *testing.T, s *Synthesizer) {
	v, err := s.load(testVoice)
	if err != nil {
		t.Fatal(err)
	}
	delete(v.levels, 0)
	started, done := make(chan struct{}), make(chan struct{})
	var busy sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		busy.Go(func() {
			_ = s.workers.Do(t.Context(), time.Now(), 0, func() error { started <- struct{}{}; <-done; return nil })
		})
		<-started
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var last error
	for _, err := range s.Speak(ctx, "Yes.", dialog.Voice{}) {
		last = err
	}
	if _, ok := v.level(0); ok || !errors.Is(last, context.DeadlineExceeded) {
		t.Errorf("got %v, level known: %v, while no worker is free", last, ok)
	}
	close(done)
	busy.Wait()
	if got := say(t.Context(), t, s, "Yes.", dialog.Voice{}); len(got.pcm) == 0 {
		t.Error("no audio")
	}
	if l, ok := v.level(0); !ok || l.gain == 0 {
		t.Errorf("level %v, known: %v", l, ok)
	}
}

func checkLongText(t *testing.T, s *Synthesizer) {
	text := strings.Repeat("word ", 150) // without a pause
	v, err := s.load(testVoice)
	if err != nil {
		t.Fatal(err)
	}
	utterances, err := v.utterances(t.Context(), []spoken.Part{{Text: text}})
	if err != nil || len(utterances) < 2 {
		t.Errorf("%d utterances, %v", len(utterances), err)
	}
	for _, u := range utterances {
		if len(u) > maxSymbols+8 {
			t.Errorf("an utterance of %d symbols", len(u))
		}
	}
}

func checkManyCallers(t *testing.T, s *Synthesizer) {
	var callers sync.WaitGroup
	for i := range 6 {
		callers.Go(func() {
			text := strings.Repeat("one ", i%3+1)
			got := 0
			for pcm, err := range s.Speak(context.Background(), text, dialog.Voice{}) {
				if err != nil {
					t.Error(err)
				}
				got += len(pcm)
			}
			if got < media.MouthRate/8 {
				t.Errorf("%q: %d samples", text, got)
			}
		})
	}
	callers.Wait()
}

// checkOverload lets far more callers speak at once than the voice can serve in time: some
// clauses are refused, before any audio, and the others are said whole. Then it is as before.
func checkOverload(t *testing.T, s *Synthesizer) {
	defer func(d time.Duration) { s.workers.Patience = d }(s.workers.Patience)
	// On any machine that is enough for some of the callers, and far too little for all.
	alone := say(t.Context(), t, s, "One moment, please.", dialog.Voice{})
	s.workers.Patience = max(300*time.Millisecond, 4*alone.first)
	before := s.Stats()
	var whole, refused atomic.Int64
	var callers sync.WaitGroup
	const n = 60
	for range n {
		callers.Go(func() {
			samples := 0
			for pcm, err := range s.Speak(context.Background(), "One moment, please.", dialog.Voice{}) {
				switch {
				case err == nil:
					samples += len(pcm)
				case !errors.Is(err, workers.ErrLate) || !fault.IsRetryable(err) || samples > 0:
					t.Errorf("after %d samples: %v", samples, err)
				default:
					refused.Add(1)
				}
			}
			if samples > media.MouthRate/2 {
				whole.Add(1)
			}
		})
	}
	callers.Wait()
	if whole.Load() == 0 || refused.Load() == 0 || whole.Load()+refused.Load() != n {
		t.Errorf("%d clauses were said and %d refused", whole.Load(), refused.Load())
	}
	after := s.Stats()
	if after.Clauses-before.Clauses != n || after.Refused-before.Refused != uint64(refused.Load()) || after.Waiting != 0 {
		t.Errorf("counted %+v, then %+v", before, after)
	}
	if got := say(t.Context(), t, s, "Yes.", dialog.Voice{}); len(got.pcm) == 0 {
		t.Error("no audio after the overload")
	}
}

func TestMissingVoiceIsNamed(t *testing.T) {
	for _, c := range []Config{
		{},
		{Default: "de_DE-thorsten-medium", Voices: map[string]string{testVoice: "x"}},
		{Default: t.TempDir()},
		{Voices: map[string]string{"en_US-none": t.TempDir() + "/voice.onnx"}},
	} {
		c.Runtime = &onnx.Runtime{}
		s, err := Open(c)
		if e, ok := errors.AsType[*fault.Error](err); s != nil || !ok || e.Code != fault.Invalid {
			t.Errorf("%v: got %v", c, err)
		}
	}
}

func BenchmarkFirstAudio(b *testing.B) {
	s := open(b)
	for name, text := range map[string]string{
		"3 words":  "Thanks for calling.",
		"8 words":  "Your order has been shipped this morning already.",
		"25 words": "Refunds take three to five working days, and we send you an email when the money is on its way, so please look there first.",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, err := range s.Speak(b.Context(), text, dialog.Voice{}) {
					if err != nil {
						b.Fatal(err)
					}
					break
				}
			}
		})
	}
}
