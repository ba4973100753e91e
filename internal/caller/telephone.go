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
	ringTimeout      = time.Minute
	telephoneSilence = 1200 * time.Millisecond // silence that ends a reply, because a telephone sends no event for its end
)

// Ring calls a SIP address and returns the line once the call is answered.
type Ring func(ctx context.Context, uri string) (line dialog.Line, hangUp func(), err error)

// dialTelephone opens a line to a SIP address. Only audio and DTMF travel over it.
func dialTelephone(ctx context.Context, uri string, ring Ring) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, ringTimeout)
	defer cancel()
	remote, hangUp, err := ring(ctx, uri)
	if err != nil {
		return nil, err
	}
	l := newLine()
	l.isTelephone = true
	l.sendDTMF = remote.SendDTMF
	l.audio = newAudio(remote.Sink.WriteFrame)
	l.send = func([]byte) error { return fault.New(fault.Invalid, "a telephone cannot send text") }
	var work sync.WaitGroup
	work.Go(func() { l.audio.speaker.playSource(remote.Source) })
	work.Go(func() { _ = media.NewPlayout(l.audio.microphone).Run(l.live) })
	work.Go(func() {
		for {
			select {
			case _, ok := <-remote.Inputs:
				if !ok {
					l.markEnded()
					return
				}
			case <-l.live.Done():
				return
			}
		}
	})
	l.disconnect = func() {
		hangUp()
		work.Wait()
	}
	return l, nil
}

// playSource plays a source until it ends. The source has a jitter buffer, so its audio is
// heard about 40 ms after it arrived.
func (s *speaker) playSource(source media.Source) {
	frame := make([]int16, media.EarFrame)
	for position := time.Duration(0); source.ReadFrame(frame) == nil; position += media.FrameTime {
		s.play(frame, position, time.Now())
	}
}
