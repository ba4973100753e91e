package ear

import (
	"context"
	"errors"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	openTimeout  = 10 * time.Second // for a recognizer to be ready for a call
	finalTimeout = 8 * time.Second  // for the final transcript, from the end of the utterance
)

// recognition transcribes a Voice's utterances, one after the other.
type recognition struct {
	ear      *Voice
	heard    chan<- dialog.Heard
	listener dialog.Listener         // nil while it is closed
	cancel   context.CancelCauseFunc // of listener
}

// run transcribes until ctx ends, or until the recognizer fails twice in a row; then it
// sends EarFailed.
func (r *recognition) run(ctx context.Context) {
	defer r.close()
	defer r.discardQueue()
	err := r.open(ctx)
	if err != nil && fault.IsRetryable(err) {
		err = r.open(ctx)
	}
	for err == nil {
		select {
		case u := <-r.ear.queue:
			err = r.recognize(ctx, u)
			u.done()
		case <-ctx.Done():
			return
		}
	}
	if ctx.Err() == nil {
		r.ear.hasFailed.Store(true)
		r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.EarFailed, At: time.Now(), Err: err})
	}
}

// recognize sends the final transcript of u. After a retryable error the recognizer is
// opened again and reads u from its beginning.
func (r *recognition) recognize(ctx context.Context, u *utterance) error {
	text, err := r.transcribe(ctx, u)
	if err != nil && fault.IsRetryable(err) && ctx.Err() == nil {
		r.close()
		text, err = r.transcribe(ctx, u)
	}
	if err != nil {
		return err
	}
	if u.hasEnded() && u.isEcho {
		text = ""
	}
	r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.Final, Item: u.item, Text: text, MayBeEcho: u.mayBeEcho, IsNoisy: u.hasEnded() && u.isNoisy, At: time.Now()})
	return nil
}

var (
	errNoFinal     = errors.New("no final transcript")
	errOpenTimeout = fault.New(fault.Timeout, "the recognizer took too long to open").Retryable(0)
)

// transcribe returns the final transcript of u.
func (r *recognition) transcribe(ctx context.Context, u *utterance) (string, error) {
	if err := r.open(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watchdog := make(chan struct{})
	go func() {
		defer close(watchdog)
		if r.ear.replay == nil { // a replay does not run in real time
			cancelAfterEnd(ctx, u, cancel)
		}
	}()
	defer func() {
		cancel(nil)
		<-watchdog
	}()
	if l, ok := r.listener.(dialog.ContextListener); ok {
		if reply := r.ear.lastReply.Load(); reply != nil {
			l.SetLastReply(*reply)
		}
	}
	transcribe := r.stream
	if _, isBatch := r.listener.(dialog.BatchListener); isBatch && r.ear.replay == nil {
		transcribe = r.batch
	}
	text, err := transcribe(ctx, u)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil && context.Cause(ctx) == errNoFinal {
		err = fault.Wrap(errNoFinal, fault.Timeout, "the recognizer took too long").Retryable(0)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// stream transcribes u while it is spoken.
func (r *recognition) stream(ctx context.Context, u *utterance) (text string, err error) {
	transcripts := r.listener.Utterance(ctx, u.all(ctx))
	if l, ok := r.listener.(dialog.VoicedListener); ok {
		transcripts = l.VoicedUtterance(ctx, u.voiced(ctx))
	}
	for t, err := range transcripts {
		if err != nil {
			return "", err
		}
		hasChanged := t.Text != text
		text = t.Text
		r.ear.latest.Store(&latest{utterance: u, Transcript: t})
		if hasChanged {
			r.sendPartial(ctx, u, text, "")
		}
	}
	return text, nil
}

// sendPartial sends a partial transcript, unless u has ended.
func (r *recognition) sendPartial(ctx context.Context, u *utterance, text, reason string) {
	if !u.hasEnded() {
		r.ear.send(ctx, r.heard, dialog.Heard{Kind: dialog.Partial, Item: u.item, Text: text, Reason: reason, MayBeEcho: u.mayBeEcho, At: time.Now()})
	}
}

// cancelAfterEnd cancels the transcription finalTimeout after the end of u.
func cancelAfterEnd(ctx context.Context, u *utterance, cancel context.CancelCauseFunc) {
	select {
	case <-u.ended:
	case <-ctx.Done():
		return
	}
	timeout := time.NewTimer(finalTimeout)
	defer timeout.Stop()
	select {
	case <-timeout.C:
		cancel(errNoFinal)
	case <-ctx.Done():
	}
}

// open opens the recognizer, unless it is open.
func (r *recognition) open(ctx context.Context) error {
	if r.listener != nil {
		return nil
	}
	// The listener lives as long as ctx, so the timeout is only for opening it.
	ctx, cancel := context.WithCancelCause(ctx)
	timeout := time.AfterFunc(openTimeout, func() { cancel(errOpenTimeout) })
	listener, err := r.ear.agent.OpenListener(ctx, r.ear.Narrowband)
	isLate := !timeout.Stop()
	if err == nil && !isLate {
		if l, ok := listener.(dialog.ReplayListener); ok && r.ear.replay != nil {
			l.SetReplay()
		}
		r.listener, r.cancel = listener, cancel
		return nil
	}
	cancel(nil)
	if err == nil {
		_ = listener.Close()
	}
	if isLate {
		return errOpenTimeout
	}
	return err
}

func (r *recognition) close() {
	if r.listener != nil {
		_ = r.listener.Close()
		r.cancel(nil)
		r.listener = nil
	}
}

// discardQueue releases the utterances that are not transcribed any more.
func (r *recognition) discardQueue() {
	for {
		select {
		case u := <-r.ear.queue:
			u.done()
		default:
			return
		}
	}
}
