package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const callerRingTimeout = 45 * time.Second // of the telephone of a caller who is called back

// ConnectBack calls an agent's person, tells them why a caller wants to be called back, and when
// they have pressed the key that takes the call, calls the caller and connects the two until one
// hangs up. Otherwise a fault.Error says why not: that of DialFunc, or NoAnswer. hasPerson
// reports whether the person took the call and waited for the caller.
func (d *Desk) ConnectBack(ctx context.Context, agent *dialog.Agent, number, summary string) (hasPerson bool, err error) {
	if d.o.Dial == nil || agent.Handover.To == "" {
		return false, fault.New(fault.Unavailable, "no person can be called: set handover.to and sip")
	}
	h := agent.Handover
	if h.RingTimeout == 0 {
		h.RingTimeout = defaultRingTimeout
	}
	ringing, cancel := context.WithTimeout(ctx, h.RingTimeout)
	defer cancel()
	person, hangUp, err := d.o.Dial(ringing, h.To)
	if err != nil {
		return false, err
	}
	defer hangUp()
	text, prompt := conversation.CallBackTexts(agent.Language, agent.Title)
	if err := announce(ctx, agent, person, text+" "+summary, prompt); err != nil {
		return false, err
	}
	caller, hangUpCaller, err := d.ringFor(ctx, person, number)
	if err != nil {
		d.o.Log.Info("call-back by a person not connected", zap.String("to", h.To), zap.Error(err))
		return !errors.Is(err, errPersonGone), err
	}
	defer hangUpCaller()
	began := time.Now()
	connectLines(ctx, person, caller)
	d.o.Log.Info("call-back by a person ended", zap.String("to", h.To), zap.Duration("lasted", time.Since(began)))
	return true, nil
}

// ringFor dials a number while a person hears a ring-back tone. It gives up when they hang up.
func (d *Desk) ringFor(ctx context.Context, person dialog.Line, number string) (dialog.Line, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, callerRingTimeout)
	ringCtx, stop := context.WithCancelCause(ctx)
	var tone sync.WaitGroup
	tone.Go(func() { playRingBack(ringCtx, person, func() { stop(errPersonGone) }) })
	line, hangUp, err := d.o.Dial(ringCtx, number)
	isGone := context.Cause(ringCtx) == errPersonGone
	stop(nil)
	tone.Wait()
	cancel()
	if !isGone {
		return line, hangUp, err
	}
	if err == nil {
		hangUp()
	}
	return dialog.Line{}, nil, errPersonGone
}

// playRingBack plays a ring-back tone until ctx ends. It calls gone when the other side hangs up.
func playRingBack(ctx context.Context, line dialog.Line, gone func()) {
	ring, frame := media.NewRingBack(), make([]int16, media.MouthFrame)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ring.Fill(frame)
			if line.Sink.WriteFrame(frame) != nil {
				gone()
				return
			}
		case _, ok := <-line.Inputs:
			if !ok {
				gone()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// connectLines connects two lines until one hangs up or ctx ends.
func connectLines(ctx context.Context, a, b dialog.Line) {
	ctx, stop := context.WithCancel(ctx)
	var forwarders sync.WaitGroup
	defer forwarders.Wait()
	defer stop()
	forwarders.Go(func() { forward(ctx, a.Source, b.Sink) })
	forwarders.Go(func() { forward(ctx, b.Source, a.Sink) })
	for {
		select {
		case _, ok := <-a.Inputs:
			if !ok {
				return
			}
		case _, ok := <-b.Inputs:
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// forward writes what one line says to the other one until ctx ends.
func forward(ctx context.Context, from media.Source, to media.Sink) {
	up := media.NewResampler(media.EarRate, media.MouthRate)
	in, out := make([]int16, media.EarFrame), make([]int16, 0, 2*media.MouthFrame)
	for ctx.Err() == nil {
		if from.ReadFrame(in) != nil {
			return
		}
		if out = up.Process(out[:0], in); len(out) == media.MouthFrame {
			_ = to.WriteFrame(out) // a failed line closes its Inputs
		}
	}
}
