package ear

import (
	"context"
	"time"

	"frontdesk/dialog"
)

const (
	earlyWait = 120 * time.Millisecond // of silence before what was said so far is transcribed
	maxEarly  = 6                      // such transcriptions of one utterance; they may cost money
)

// early is the transcription of the beginning of an utterance, at a pause.
type early struct {
	frames int // so many
	cancel context.CancelFunc
	done   chan struct{} // closed behind text and err
	text   string
	err    error
}

// begin transcribes what there is of s.
func begin(ctx context.Context, l dialog.Listener, s *utterance) *early {
	e := &early{frames: s.len(), done: make(chan struct{})}
	ctx, e.cancel = context.WithCancel(ctx)
	go func() {
		defer close(e.done)
		for t, err := range l.Utterance(ctx, s.first(e.frames)) {
			e.text, e.err = t.Text, err
		}
		if e.err == nil {
			e.err = ctx.Err()
		}
	}()
	return e
}

// end stops it and waits until it has stopped. Nil has.
func (e *early) end() {
	if e != nil {
		e.cancel()
		<-e.done
	}
}

// batch recognises an utterance by a recogniser that needs the whole: the words at each
// pause are partial results, and the final one when no more was said.
func (r *recognition) batch(ctx context.Context, s *utterance) (string, error) {
	var last *early
	defer func() { last.end() }()
	var ready <-chan struct{}
	for asked := 0; ; {
		select {
		case <-s.pauses:
			if asked == maxEarly {
				continue
			}
			asked++
			last.end()
			last = begin(ctx, r.listener, s)
			ready = last.done
		case <-ready:
			ready = nil
			if last.err == nil {
				r.ear.latest.Store(&latest{speech: s, Transcript: dialog.Transcript{Text: last.text}})
				r.partial(ctx, s, last.text, "the caller pauses")
			}
		case <-s.ended:
			if last != nil && last.frames >= s.spoken() {
				<-last.done
				if last.err == nil {
					return last.text, nil
				}
			}
			return r.stream(ctx, s)
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
