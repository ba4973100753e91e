package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	defaultRing = 30 * time.Second // of a person's telephone
	confirmTime = 8 * time.Second  // for a person to press the key, after each of the times they are asked
	confirmKey  = "1"
	pressOne    = "Press one to take the call."
)

// Ring calls a telephone number or SIP address and returns the line once somebody took the
// call. It must be hung up. The error is a fault.Error: Busy, NoAnswer, Declined,
// NotFound, Forbidden where the plan does not allow the number, Limited, Unavailable.
type Ring func(ctx context.Context, to string) (line dialog.Line, hangUp func(), err error)

var (
	errUntaken = fault.New(fault.NoAnswer, "nobody pressed the key that takes the call")
	errLeft    = fault.New(fault.NoAnswer, "the person hung up before taking the call")
)

// connects reports whether the caller on line can be connected with a person.
func (c *Call) connects(line dialog.Line) bool {
	return c.agent.Handover.To != "" && (c.desk.o.Ring != nil && line.Sink != nil && line.Source != nil || line.Refer != nil)
}

// transferable gives line a way to a person, where there is one.
func (c *Call) transferable(line dialog.Line) dialog.Line {
	if !c.connects(line) {
		return line
	}
	h := c.agent.Handover
	refer := line.Refer
	if refer != nil && (h.Blind || c.desk.o.Ring == nil) {
		line.Transfer = func(ctx context.Context, _ dialog.HandoverRequest) error {
			c.log.Info("caller is referred", zap.String("to", h.To))
			return refer(ctx, h.To)
		}
		return line
	}
	p := newPatch(line.Source, line.Sink)
	line.Source, line.Sink = p, p
	line.Transfer = func(ctx context.Context, t dialog.HandoverRequest) error {
		err := c.connect(ctx, p, t)
		p.mode.Store(talking)
		c.log.Info("caller was to be connected", zap.String("to", h.To), zap.Error(err))
		return err
	}
	return line
}

// connect rings the person, tells them what it is about, and leaves the two alone. The
// caller hears it ring meanwhile.
func (c *Call) connect(ctx context.Context, p *patch, t dialog.HandoverRequest) error {
	h := c.agent.Handover
	p.mode.Store(ringing)
	if h.RingTimeout == 0 {
		h.RingTimeout = defaultRing
	}
	taking, enough := context.WithCancel(ctx)
	defer enough()
	taken := context.AfterFunc(t.Waiting, enough)
	wait, cancel := context.WithTimeout(taking, h.RingTimeout)
	defer cancel()
	line, hangUp, err := c.desk.o.Ring(wait, h.To)
	if err != nil {
		return err
	}
	defer hangUp()
	if err := c.brief(taking, line, t); err != nil {
		return err
	}
	taken()
	select {
	case _, ok := <-line.Inputs:
		if !ok {
			return errLeft
		}
	default:
	}
	p.bridge(ctx, line)
	if line.Quality != nil {
		q := line.Quality()
		c.mu.Lock()
		c.person = &q
		c.mu.Unlock()
	}
	return nil
}

// brief tells the person who calls and why, and waits for them to take the call where
// that is wanted.
func (c *Call) brief(ctx context.Context, person dialog.Line, t dialog.HandoverRequest) error {
	text := "A call from " + c.agent.Title + "."
	if t.Summary != "" {
		text += " " + t.Summary
	}
	if c.agent.Synthesizer == nil {
		return nil
	}
	if c.agent.Handover.SkipConfirmation {
		return mouth.Announce(ctx, c.agent, person.Sink, text)
	}
	for range 2 {
		if taken, err := c.ask(ctx, person, text+" "+pressOne); taken || err != nil {
			return err
		}
	}
	return errUntaken
}

// ask says text to the person and reports whether they press the key that takes the call.
func (c *Call) ask(ctx context.Context, person dialog.Line, text string) (taken bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	said := make(chan error, 1)
	var saying sync.WaitGroup
	saying.Go(func() { said <- mouth.Announce(ctx, c.agent, person.Sink, text) })
	defer saying.Wait()
	defer cancel()
	var late <-chan time.Time
	for {
		select {
		case err := <-said:
			if err != nil {
				return false, err
			}
			late = time.After(confirmTime)
		case h, ok := <-person.Inputs:
			if !ok {
				return false, errLeft
			}
			if h.Kind == dialog.DTMF && h.Text == confirmKey {
				return true, nil
			}
		case <-late:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// What a patch does with the sound.
const (
	talking int32 = iota // the caller and the agent hear each other
	ringing              // the caller hears it ring, and is not heard
	bridged              // the caller and a person hear each other
)

// patch lies between a caller's line and the conversation, and connects the line with a
// person's while it is bridged.
type patch struct {
	source media.Source
	sink   media.Sink
	mode   atomic.Int32
	tone   *media.RingBack
	ring   [media.MouthFrame]int16

	person atomic.Pointer[media.Sink]
	up     *media.Resampler // of the caller's sound, for the person
	frame  []int16
}

func newPatch(source media.Source, sink media.Sink) *patch {
	return &patch{source: source, sink: sink, tone: media.NewRingBack(), up: media.NewResampler(media.EarRate, media.MouthRate)}
}

// ReadFrame implements media.Source for the agent's ear, which hears nothing of what is
// not said to it.
func (p *patch) ReadFrame(frame []int16) error {
	if err := p.source.ReadFrame(frame); err != nil {
		return err
	}
	mode := p.mode.Load()
	if mode == bridged {
		p.frame = p.up.Process(p.frame[:0], frame)
		if to := p.person.Load(); to != nil && len(p.frame) == media.MouthFrame {
			_ = (*to).WriteFrame(p.frame) // a line that fails tells so itself
		}
	}
	if mode != talking {
		clear(frame)
	}
	return nil
}

// WriteFrame implements media.Sink for the agent's voice.
func (p *patch) WriteFrame(frame []int16) error {
	switch p.mode.Load() {
	case ringing:
		p.tone.Fill(p.ring[:])
		return p.sink.WriteFrame(p.ring[:])
	case bridged: // the person's sound goes there
		return nil
	}
	return p.sink.WriteFrame(frame)
}

// bridge connects the caller with a person until the person hangs up or ctx ends.
func (p *patch) bridge(ctx context.Context, person dialog.Line) {
	p.person.Store(&person.Sink)
	p.mode.Store(bridged)
	var pump sync.WaitGroup
	pump.Go(func() { p.pump(person.Source) })
	defer pump.Wait()
	defer p.mode.Store(talking)
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

// pump brings the person's sound to the caller while they are bridged.
func (p *patch) pump(from media.Source) {
	up := media.NewResampler(media.EarRate, media.MouthRate)
	in, out := make([]int16, media.EarFrame), make([]int16, 0, 2*media.MouthFrame)
	for p.mode.Load() == bridged {
		if from.ReadFrame(in) != nil {
			return
		}
		if out = up.Process(out[:0], in); len(out) == media.MouthFrame && p.mode.Load() == bridged {
			_ = p.sink.WriteFrame(out)
		}
	}
}
