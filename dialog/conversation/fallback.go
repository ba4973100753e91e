package conversation

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	// fallbackPatience is how long all models but the last together may take to
	// their first chunk. It is less than the loop waits.
	fallbackPatience = 8 * time.Second
	// fallbackRest is how long a model that failed is not asked while another can be.
	fallbackRest = 20 * time.Second
)

// Fallback is a Model that asks models in order until one answers. A model that
// fails before its first chunk is passed over; one that fails later fails the reply,
// since the caller may have heard its beginning. The first chunk of a model that is
// not the first carries a Notice.
func Fallback(models ...dialog.Model) dialog.Model {
	if len(models) == 1 {
		return models[0]
	}
	return &fallback{models: models, rest: make([]atomic.Int64, len(models))}
}

type fallback struct {
	models []dialog.Model
	rest   []atomic.Int64 // Unix nanoseconds until which a model is not asked
}

// Reply implements Model.
func (f *fallback) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		last := len(f.models) - 1
		lost := error(fault.New(fault.Unavailable, "there is no model"))
		for i := range f.models {
			if i < last && time.Now().UnixNano() < f.rest[i].Load() {
				lost = fault.New(fault.Provider, "the model failed a moment ago")
				continue
			}
			var notice *dialog.Notice
			if i > 0 {
				notice = &dialog.Notice{Code: "model_replaced", Text: modelSwitched, Err: lost}
			}
			err := f.ask(ctx, i, p, notice, yield)
			if err == nil {
				return
			}
			if ctx.Err() != nil || i == last {
				yield(dialog.Chunk{}, err)
				return
			}
			f.rest[i].Store(time.Now().Add(fallbackRest).UnixNano())
			lost = err
		}
	}
}

var errNoFirstChunk = fault.New(fault.Timeout, "the model took too long to begin")

// ask streams model i's reply. The error is why it did not even begin; what happens
// after the first chunk is the caller's to see.
func (f *fallback) ask(ctx context.Context, i int, p dialog.Prompt, notice *dialog.Notice, yield func(dialog.Chunk, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := func() bool { return true }
	if last := len(f.models) - 1; i < last {
		impatience := time.AfterFunc(fallbackPatience/time.Duration(last), func() { cancel(errNoFirstChunk) })
		defer impatience.Stop()
		begun = impatience.Stop
	}
	started := false
	for chunk, err := range f.models[i].Reply(ctx, p) {
		if err != nil && !started {
			return err
		}
		if !started {
			if !begun() { // too late, and cancelled already
				return errNoFirstChunk
			}
			started = true
			chunk.Notice = notice
		}
		if !yield(chunk, err) || err != nil {
			return nil
		}
	}
	switch {
	case started:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	default:
		return fault.New(fault.Provider, "the model gave no answer")
	}
}
