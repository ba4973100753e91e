package caller

import (
	"context"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	ringTime      = time.Minute             // for somebody to take the call
	telephoneHush = 1200 * time.Millisecond // of silence that ends a reply: nothing else tells
)

// Ring calls a SIP address and returns the line once somebody took the call.
type Ring func(ctx context.Context, uri string) (line dialog.Line, hangUp func(), err error)

// dialTelephone opens a line to a SIP address. Nothing is told over it but sound.
func dialTelephone(ctx context.Context, uri string, ring Ring) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, ringTime)
	defer cancel()
	there, hangUp, err := ring(ctx, uri)
	if err != nil {
		return nil, err
	}
	l := newLine()
	l.telephone = true
	l.press = there.SendDTMF
	l.phone = newPhone(there.Sink.WriteFrame)
	l.send = func([]byte) error { return fault.New(fault.Invalid, "nothing can be typed on a telephone") }
	var work sync.WaitGroup
	work.Go(func() { l.phone.ear.follow(there.Source) })
	work.Go(func() { _ = media.NewPlayout(l.phone.mouth).Run(l.live) })
	work.Go(func() {
		for {
			select {
			case _, ok := <-there.Inputs:
				if !ok {
					l.ended()
					return
				}
			case <-l.live.Done():
				return
			}
		}
	})
	l.hang = func() {
		hangUp()
		work.Wait()
	}
	return l, nil
}

// follow hears a source until it ends. What it gives has waited in a jitter buffer: it is
// heard some 40 ms later than it came.
func (e *earpiece) follow(source media.Source) {
	frame := make([]int16, media.EarFrame)
	for at := time.Duration(0); source.ReadFrame(frame) == nil; at += media.FrameTime {
		now := time.Now()
		e.heard(frame, now)
		e.tape.right(frame, at, now)
	}
}
