package conversation

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

const (
	// fallbackTimeout is how long all models but the last may take together for their first
	// chunk. It is shorter than firstTokenTimeout.
	fallbackTimeout = 8 * time.Second
	// fallbackPause is how long a model that failed is skipped, unless all others are, too.
	fallbackPause = 20 * time.Second
)

// Fallback returns a Model that asks models in order until one answers. A model that fails
// before its first chunk is skipped, and is not asked again for 20 s. A later failure fails
// the reply, because the caller may have heard its beginning. The first chunk of any model
// but the first carries a Notice.
func Fallback(models ...dialog.Model) dialog.Model {
	if len(models) == 1 {
		return models[0]
	}
	return &fallback{models: models, pausedUntil: make([]atomic.Int64, len(models))}
}

type fallback struct {
	models      []dialog.Model
	pausedUntil []atomic.Int64 // Unix nanoseconds, for each model
}

// Reply implements dialog.Model.
func (f *fallback) Reply(ctx context.Context, p dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) {
		last := len(f.models) - 1
		language := ""
		if p.Agent != nil {
			language = p.Agent.Language
		}
		failure := error(fault.New(fault.Unavailable, "no model is configured"))
		for i := range f.models {
			if i < last && time.Now().UnixNano() < f.pausedUntil[i].Load() {
				failure = fault.New(fault.Provider, "the model failed a moment ago")
				continue
			}
			var notice *dialog.Notice
			if i > 0 {
				notice = &dialog.Notice{Code: "model_replaced", Text: textsFor(language).notices.modelSwitched, Err: failure}
			}
			err := f.ask(ctx, i, p, notice, yield)
			if err == nil {
				return
			}
			if ctx.Err() != nil || i == last {
				yield(dialog.Chunk{}, err)
				return
			}
			f.pausedUntil[i].Store(time.Now().Add(fallbackPause).UnixNano())
			failure = err
		}
	}
}

// Unfinished implements dialog.Collector. It asks the models in order.
func (f *fallback) Unfinished(p dialog.Prompt) (tools.Call, bool) {
	for _, m := range f.models {
		if collector, ok := m.(dialog.Collector); ok {
			if call, ok := collector.Unfinished(p); ok {
				return call, true
			}
		}
	}
	return tools.Call{}, false
}

var errNoFirstChunk = fault.New(fault.Timeout, "the model took too long to start")

// ask streams the reply of model i. The error is why it did not start; later errors go to
// yield.
func (f *fallback) ask(ctx context.Context, i int, p dialog.Prompt, notice *dialog.Notice, yield func(dialog.Chunk, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	isInTime := func() bool { return true }
	if last := len(f.models) - 1; i < last {
		timeout := time.AfterFunc(fallbackTimeout/time.Duration(last), func() { cancel(errNoFirstChunk) })
		defer timeout.Stop()
		isInTime = timeout.Stop
	}
	hasStarted := false
	for chunk, err := range f.models[i].Reply(ctx, p) {
		if err != nil && !hasStarted {
			return err
		}
		if !hasStarted {
			if !isInTime() { // ctx is cancelled
				return errNoFirstChunk
			}
			hasStarted = true
			chunk.Notice = notice
		}
		if !yield(chunk, err) || err != nil {
			return nil
		}
	}
	switch {
	case hasStarted:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	default:
		return fault.New(fault.Provider, "the model gave no answer")
	}
}
