package session

import (
	"context"
	"sync"
	"sync/atomic"

	"frontdesk/dialog"
	"frontdesk/media"
)

// Modes of a bridge.
const (
	withAgent  int32 = iota // the caller and the agent hear each other
	ringing                 // the caller hears a ring-back tone and is not heard
	withPerson              // the caller and a person hear each other
)

// bridge is the Source and Sink between a caller's line and the conversation. During an
// attended transfer it connects the caller with a person instead.
type bridge struct {
	source media.Source // the caller's
	sink   media.Sink
	mode   atomic.Int32

	ringBack *media.RingBack
	ring     [media.MouthFrame]int16

	personSink atomic.Pointer[media.Sink]
	up         *media.Resampler // of the caller's audio, for the person
	frame      []int16
}

func newBridge(source media.Source, sink media.Sink) *bridge {
	return &bridge{source: source, sink: sink, ringBack: media.NewRingBack(), up: media.NewResampler(media.EarRate, media.MouthRate)}
}

// ReadFrame implements media.Source for the agent's ear. It is silent while the caller
// is not connected with the agent.
func (b *bridge) ReadFrame(frame []int16) error {
	if err := b.source.ReadFrame(frame); err != nil {
		return err
	}
	mode := b.mode.Load()
	if mode == withPerson {
		b.frame = b.up.Process(b.frame[:0], frame)
		if to := b.personSink.Load(); to != nil && len(b.frame) == media.MouthFrame {
			_ = (*to).WriteFrame(b.frame) // a failed line closes its Inputs
		}
	}
	if mode != withAgent {
		clear(frame)
	}
	return nil
}

// WriteFrame implements media.Sink for the agent's voice.
func (b *bridge) WriteFrame(frame []int16) error {
	switch b.mode.Load() {
	case ringing:
		b.ringBack.Fill(b.ring[:])
		return b.sink.WriteFrame(b.ring[:])
	case withPerson: // forwardToCaller writes the person's audio
		return nil
	}
	return b.sink.WriteFrame(frame)
}

// connect connects the caller with a person until the person hangs up or ctx ends.
func (b *bridge) connect(ctx context.Context, person dialog.Line) {
	b.personSink.Store(&person.Sink)
	b.mode.Store(withPerson)
	var forwarder sync.WaitGroup
	forwarder.Go(func() { b.forwardToCaller(person.Source) })
	defer forwarder.Wait()
	defer b.mode.Store(withAgent)
	for {
		select {
		case _, ok := <-person.Inputs:
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// forwardToCaller writes the person's audio to the caller while they are connected.
func (b *bridge) forwardToCaller(from media.Source) {
	up := media.NewResampler(media.EarRate, media.MouthRate)
	in, out := make([]int16, media.EarFrame), make([]int16, 0, 2*media.MouthFrame)
	for b.mode.Load() == withPerson {
		if from.ReadFrame(in) != nil {
			return
		}
		if out = up.Process(out[:0], in); len(out) == media.MouthFrame && b.mode.Load() == withPerson {
			_ = b.sink.WriteFrame(out)
		}
	}
}
