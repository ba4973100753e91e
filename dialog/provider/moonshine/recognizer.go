package moonshine

import (
	"context"
	"errors"
	"iter"
	"runtime"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/media"
)

const minVoice = 0.5 // probability from which a frame holds speech

// Recognizer recognizes the callers of all agents. It is safe for concurrent use.
type Recognizer struct {
	queue     *queue
	tokenizer *tokenizer
	beam      int
	closeFile func() error
}

var (
	_ dialog.Recognizer      = (*Recognizer)(nil)
	_ dialog.VoicedListener  = (*listener)(nil)
	_ dialog.ReplayListener  = (*listener)(nil)
	_ dialog.ContextListener = (*listener)(nil)
)

// Open loads the model and runs it once. The error is fault.Invalid; it says which file is
// missing or wrong.
func Open(c Config) (*Recognizer, error) {
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	e, err := openEngine(c)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the speech recognizer's model cannot be used")
	}
	r := newRecognizer(c, e.readers, e.tokenizer)
	r.closeFile = e.close
	return r, nil
}

// engine is a loaded model.
type engine struct {
	readers   []reader
	tokenizer *tokenizer
	close     func() error
}

func newRecognizer(c Config, readers []reader, t *tokenizer) *Recognizer {
	return &Recognizer{queue: newQueue(readers), tokenizer: t, beam: max(1, c.Beam), closeFile: func() error { return nil }}
}

// Close stops the workers and frees the model. Utterances in progress fail.
func (r *Recognizer) Close() error {
	r.queue.close()
	return r.closeFile()
}

// Stats returns the counters.
func (r *Recognizer) Stats() Stats { return r.queue.snapshot() }

// Listen implements dialog.Recognizer. The error is fault.Invalid for an agent of another
// language than English.
func (r *Recognizer) Listen(_ context.Context, a *dialog.Agent) (dialog.Listener, error) {
	return r.listen(a, noExpectation{}, r.beam)
}

func (r *Recognizer) listen(a *dialog.Agent, e Expectation, beam int) (dialog.Listener, error) {
	if a != nil && !words.IsEnglish(a.Language) {
		return nil, fault.New(fault.Invalid, "moonshine recognizes English only, not %s: configure another recognizer (stt)", a.Language)
	}
	return &listener{recognizer: r, expect: e, beam: beam, detector: media.NewDetector()}, nil
}

// For returns a Recognizer that shares the model and the workers of r, but expects what the
// vocabulary says.
func (r *Recognizer) For(v *Vocabulary) dialog.Recognizer { return expecting{r, v} }

// vocabularyBeam is the least beam with a Vocabulary. Words that it favors can win late, so
// one hypothesis is not enough.
const vocabularyBeam = 4

type expecting struct {
	*Recognizer
	vocabulary *Vocabulary
}

// Listen implements dialog.Recognizer.
func (e expecting) Listen(_ context.Context, a *dialog.Agent) (dialog.Listener, error) {
	return e.listen(a, newVocabularyCall(e.vocabulary), max(e.beam, vocabularyBeam))
}

// listener recognizes one caller.
type listener struct {
	recognizer *Recognizer
	expect     Expectation
	beam       int
	isReplay   bool
	detector   *media.Detector // of Utterance
}

// Close does nothing, because a listener holds nothing between utterances.
func (l *listener) Close() error { return nil }

// SetLastReply implements dialog.ContextListener.
func (l *listener) SetLastReply(text string) { l.expect.SetLastReply(text) }

// SetReplay implements dialog.ReplayListener.
func (l *listener) SetReplay() { l.isReplay = true }

// Utterance implements dialog.Listener. It finds out by itself which frames hold speech.
func (l *listener) Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return l.VoicedUtterance(ctx, func(yield func([]int16, bool) bool) {
		for frame := range frames {
			if !yield(frame, l.detector.Detect(frame) >= minVoice) {
				return
			}
		}
	})
}

// VoicedUtterance implements dialog.VoicedListener. It reads at most the first minute.
func (l *listener) VoicedUtterance(ctx context.Context, frames iter.Seq2[[]int16, bool]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		u := newUtterance(ctx, l)
		defer u.stop()
		for frame, isVoiced := range frames {
			if ctx.Err() != nil {
				break
			}
			u.add(frame, isVoiced)
			if t, has := u.collect(); has && !yield(t, nil) {
				return
			}
			u.schedule()
		}
		t, err := u.finish()
		switch {
		case ctx.Err() != nil:
			yield(dialog.Transcript{}, context.Cause(ctx))
		case err != nil:
			if _, ok := errors.AsType[*fault.Error](err); !ok {
				err = fault.Wrap(err, fault.Provider, "the recognizer failed").Retryable(0)
			}
			yield(dialog.Transcript{}, err)
		default:
			yield(t, nil)
		}
	}
}
