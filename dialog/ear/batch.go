package ear

import (
	"context"
	"time"

	"frontdesk/dialog"
)

const (
	earlySilence = 120 * time.Millisecond // after it, what was said so far is transcribed
	maxEarly     = 6                      // early transcriptions of one utterance; they may cost money
)

// early is the transcription of the beginning of an utterance, made at a pause.
type early struct {
	frames int // length of the beginning
	cancel context.CancelFunc
	done   chan struct{} // closed when text and err are set
	text   string
	err    error
}

// startEarly transcribes the frames that u has now.
func startEarly(ctx context.Context, l dialog.Listener, u *utterance) *early {
	frames, _ := u.lengths()
	e := &early{frames: frames, done: make(chan struct{})}
	ctx, e.cancel = context.WithCancel(ctx)
	go func() {
		defer close(e.done)
		for t, err := range l.Utterance(ctx, u.first(e.frames)) {
			e.text, e.err = t.Text, err
		}
		if e.err == nil {
			e.err = ctx.Err()
		}
	}()
	return e
}

// stop cancels the transcription and waits for it; it is a no-op on nil.
func (e *early) stop() {
	if e != nil {
		e.cancel()
		<-e.done
	}
}

// batch transcribes u with a recognizer that needs whole utterances. At each pause it
// transcribes what was said so far: that is a partial transcript, and the final one if the
// caller says no more.
func (r *recognition) batch(ctx context.Context, u *utterance) (string, error) {
	var last *early
	defer func() { last.stop() }()
	var ready <-chan struct{}
	for count := 0; ; {
		select {
		case <-u.paused:
			if count == maxEarly {
				continue
			}
			count++
			last.stop()
			last = startEarly(ctx, r.listener, u)
			ready = last.done
		case <-ready:
			ready = nil
			if last.err == nil {
				r.ear.latest.Store(&latest{utterance: u, Transcript: dialog.Transcript{Text: last.text}})
				r.sendPartial(ctx, u, last.text, "the caller pauses")
			}
		case <-u.ended:
			if _, speechEnd := u.lengths(); last != nil && last.frames >= speechEnd {
				<-last.done
				if last.err == nil {
					return last.text, nil
				}
			}
			return r.stream(ctx, u)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
