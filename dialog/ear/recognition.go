package ear

import (
	"context"
	"errors"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	openWait  = 10 * time.Second // for a recogniser to be ready for a call
	finalWait = 8 * time.Second  // for the final text after the end of an utterance
)

// recognition turns a voiceEar's utterances into text, one after the other.
type recognition struct {
	ear      *Voice
	heard    chan<- dialog.Heard
	listener dialog.Listener         // nil when it is to be opened
	cancel   context.CancelCauseFunc // with listener
}

// run recognises until ctx ends or the recogniser fails twice in a row; then it says
// that the ear is deaf.
func (r *recognition) run(ctx context.Context) {
	defer r.close()
	defer r.drain()
	err := r.open(ctx)
	if err != nil && fault.IsRetryable(err) {
		err = r.open(ctx)
	}
	for err == nil {
		select {
		case s := <-r.ear.queue:
			err = r.recognise(ctx, s)
			s.done()
		case <-ctx.Done():
			return
		}
	}
	if ctx.Err() == nil {
		r.ear.deaf.Store(true)
		r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.EarFailed, At: time.Now(), Err: err})
	}
}

// recognise tells the words of an utterance. When the recogniser fails for now, it
// is opened anew and gets the whole utterance again.
func (r *recognition) recognise(ctx context.Context, s *utterance) error {
	text, err := r.transcribe(ctx, s)
	if err != nil && fault.IsRetryable(err) && ctx.Err() == nil {
		r.close()
		text, err = r.transcribe(ctx, s)
	}
	if err != nil {
		return err
	}
	if s.over() && s.own {
		text = ""
	}
	r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.Final, Item: s.item, Text: text, MayBeEcho: s.echo, At: time.Now()})
	return nil
}

var (
	errNoFinal = errors.New("no final text")
	errNotOpen = fault.New(fault.Timeout, "the recogniser took too long to open").Retryable(0)
)

func (r *recognition) transcribe(ctx context.Context, s *utterance) (string, error) {
	if err := r.open(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if r.ear.replay == nil { // which runs at its own pace
			watch(ctx, s, cancel)
		}
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	recognise := r.stream
	if _, ok := r.listener.(dialog.BatchListener); ok && r.ear.replay == nil { // a replay has no time to wait for
		recognise = r.batch
	}
	text, err := recognise(ctx, s)
	switch {
	case err != nil:
		return "", r.failure(ctx, err)
	case ctx.Err() != nil:
		return "", r.failure(ctx, context.Cause(ctx))
	}
	return text, nil
}

// stream recognises an utterance while it is spoken.
func (r *recognition) stream(ctx context.Context, s *utterance) (text string, err error) {
	for t, err := range r.listener.Utterance(ctx, s.read(ctx)) {
		if err != nil {
			return "", err
		}
		changed := t.Text != text
		text = t.Text
		if r.ear.latest.Store(&latest{speech: s, Transcript: t}); changed {
			r.partial(ctx, s, text, "")
		}
	}
	return text, nil
}

// partial tells the words so far, until the utterance is over.
func (r *recognition) partial(ctx context.Context, s *utterance, text, why string) {
	if !s.over() {
		r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.Partial, Item: s.item, Text: text, Reason: why, MayBeEcho: s.echo, At: time.Now()})
	}
}

// watch gives the recogniser finalWait from the end of the utterance.
func watch(ctx context.Context, s *utterance, cancel context.CancelCauseFunc) {
	select {
	case <-s.ended:
	case <-ctx.Done():
		return
	}
	deadline := time.NewTimer(finalWait)
	defer deadline.Stop()
	select {
	case <-deadline.C:
		cancel(errNoFinal)
	case <-ctx.Done():
	}
}

func (r *recognition) failure(ctx context.Context, err error) error {
	if context.Cause(ctx) == errNoFinal {
		return fault.Wrap(errNoFinal, fault.Timeout, "the recogniser took too long").Retryable(0)
	}
	return err
}

func (r *recognition) open(ctx context.Context) error {
	if r.listener != nil {
		return nil
	}
	// ctx is the listener's until it is closed, so only the opening has a deadline.
	ctx, cancel := context.WithCancelCause(ctx)
	deadline := time.AfterFunc(openWait, func() { cancel(errNotOpen) })
	listener, err := r.ear.agent.OpenListener(ctx, r.ear.Narrowband)
	late := !deadline.Stop()
	if err == nil && !late {
		r.listener, r.cancel = listener, cancel
		return nil
	}
	cancel(nil)
	if err == nil {
		_ = listener.Close() // it is of no use any more
	}
	if late {
		return errNotOpen
	}
	return err
}

func (r *recognition) close() {
	if r.listener != nil {
		_ = r.listener.Close() // nothing can be done about it
		r.cancel(nil)
		r.listener = nil
	}
}

// drain releases the utterances that nobody will recognise.
func (r *recognition) drain() {
	for {
		select {
		case s := <-r.ear.queue:
			s.done()
		default:
			return
		}
	}
}
