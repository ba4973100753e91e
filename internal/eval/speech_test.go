package eval

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// slowRecognizer understands utterance number i as texts[i], delay after the last frame.
type slowRecognizer struct {
	texts      []string
	delay      time.Duration
	narrowband bool // of the last listener
	failures   int  // that come first
	frames     []int
	open       int
}

func (r *slowRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	r.open++
	r.narrowband = false
	return r, nil
}
func (r *slowRecognizer) SetNarrowband() { r.narrowband = true }
func (r *slowRecognizer) Close() error   { r.open--; return nil }
func (r *slowRecognizer) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		n := 0
		for f := range frames {
			if len(f) != media.EarFrame {
				yield(dialog.Transcript{}, errors.New("a frame of another length"))
				return
			}
			if n++; n == 20 && !yield(dialog.Transcript{Text: "so far"}, nil) {
				return
			}
		}
		if r.failures > 0 {
			r.failures--
			yield(dialog.Transcript{}, fault.New(fault.Unavailable, "busy").Retryable(0))
			return
		}
		select {
		case <-time.After(r.delay):
		case <-ctx.Done():
			return
		}
		text := r.texts[len(r.frames)%len(r.texts)]
		r.frames = append(r.frames, n)
		yield(dialog.Transcript{Text: text, Final: true}, nil)
	}
}

func speechCorpus() []*Recording {
	list := []*Recording{
		record("anna", [2]int{300, 1300}), record("anna", [2]int{300, 1105}),
		record("ben", [2]int{300, 1500}), record("ben", [2]int{300, 2500}),
	}
	for i, text := range []string{"order four two", "yes", "write to j o at example dot com", "where is my order please"} {
		list[i].Words = text
	}
	return list
}

func TestSpeechIsScoredByVoiceAndAltogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRecognizer{texts: []string{"Order 42.", "", "Write to joe@example.com", "where is an order please"}, delay: 130 * time.Millisecond}
		corpus := speechCorpus()
		scores, heard, err := RunSpeech(t.Context(), &dialog.Agent{Recognizer: r}, corpus, Condition{Name: "clean"}, SpeechOptions{})
		require.NoError(t, err)
		if len(scores) != 3 || len(heard) != 4 || r.open != 0 || r.narrowband {
			t.Fatalf("%d scores, %d utterances, %d open, %v", len(scores), len(heard), r.open, r.narrowband)
		}
		anna, all := scores[0], scores[2]
		if anna.Voice != "anna" || anna.Utterances != 2 || anna.Deleted != 1 || anna.Wrong != 25 || anna.Empty != 1 ||
			anna.ShortWords != 1 || anna.ShortWrong != 100 || anna.Numbers != 1 || anna.NumbersExact != 1 {
			t.Errorf("anna: %+v", anna)
		}
		if all.Voice != "" || all.Utterances != 4 || all.Emails != 1 || all.EmailsExact != 0 || all.Substituted < 2 ||
			all.FinalP50 != 130 || all.FinalP95 != 130 || all.Partials != 1 {
			t.Errorf("all: %+v", all)
		}
		for i, r := range corpus {
			if got := heard[i]; got.Recording != r || got.Errors != CompareWords(r.Words, got.Transcript) {
				t.Errorf("%d: %+v", i, got)
			}
		}
		if want := (corpus[1].End + shortestWait + 19) / 20; r.frames[1] != want {
			t.Errorf("%d frames, want %d", r.frames[1], want)
		}
	})
}

func TestRealtimeSpeechTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		r := &slowRecognizer{texts: []string{"yes"}}
		telephone, err := FindCondition("telephone")
		require.NoError(t, err)
		corpus := speechCorpus()[:2]
		_, _, err = RunSpeech(t.Context(), &dialog.Agent{Recognizer: r}, corpus, telephone, SpeechOptions{Realtime: true})
		require.NoError(t, err)
		want := time.Duration(r.frames[0]+r.frames[1]) * media.FrameTime
		if took := time.Since(began); took != want || !r.narrowband {
			t.Errorf("took %v, want %v; narrowband %v", took, want, r.narrowband)
		}
	})
}

func TestSpeechFailsWithoutFinalTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &slowRecognizer{texts: []string{"yes"}, delay: time.Hour}
		began := time.Now()
		_, _, err := RunSpeech(t.Context(), &dialog.Agent{Recognizer: r}, speechCorpus(), Condition{Name: "clean"}, SpeechOptions{})
		if err == nil || time.Since(began) > 2*finalTimeout || r.open != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestOverloadedRecognizerIsAskedOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for failures, wantFailed := range []int{0, 0, 1} {
			r := &slowRecognizer{texts: []string{"order 42"}, failures: failures}
			scores, heard, err := RunSpeech(t.Context(), &dialog.Agent{Recognizer: r}, speechCorpus()[:1], Condition{Name: "clean"}, SpeechOptions{})
			require.NoError(t, err)
			if s := scores[0]; s.Failed != wantFailed || s.Empty != wantFailed || s.Deleted != 3*wantFailed || (heard[0].Err != nil) != (wantFailed == 1) {
				t.Errorf("after %d failures: %+v", failures, s)
			}
		}
	})
}

// voicedRecognizer also counts the frames of each utterance that are speech.
type voicedRecognizer struct {
	*slowRecognizer
	voiced []int
}

func (r *voicedRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return r, nil
}

func (r *voicedRecognizer) VoicedUtterance(ctx context.Context, frames iter.Seq2[[]int16, bool]) iter.Seq2[dialog.Transcript, error] {
	r.voiced = append(r.voiced, 0)
	return r.Utterance(ctx, func(yield func([]int16) bool) {
		for frame, isVoiced := range frames {
			if isVoiced {
				r.voiced[len(r.voiced)-1]++
			}
			if !yield(frame) {
				return
			}
		}
	})
}

func TestRecognizerIsToldWhatIsSpeech(t *testing.T) {
	r := &voicedRecognizer{slowRecognizer: &slowRecognizer{texts: []string{"yes"}}}
	a := newAgent(time.Second)
	a.Recognizer = r
	_, _, err := RunSpeech(t.Context(), a, speechCorpus(), Condition{Name: "clean"}, SpeechOptions{})
	require.NoError(t, err)
	for i, spoken := range []int{1000, 805, 1200, 2200} { // ms
		if all, voiced := r.frames[i], r.voiced[i]; voiced < spoken/20*3/4 || voiced > spoken/20+1 || all < voiced+20 {
			t.Errorf("utterance %d: %d of %d frames are speech, want %d", i+1, voiced, all, spoken/20)
		}
	}
}
