package session

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
)

const (
	defaultRingTimeout = 30 * time.Second // of the person's telephone
	confirmTimeout     = 8 * time.Second  // for the person to press the key after each announcement
	confirmKey         = "1"              // conversation.HandoverTexts names it
	announcements      = 2
)

// DialFunc dials a telephone number or SIP address and returns the line when somebody
// answers. The caller must call hangUp. The error is a fault.Error: Busy, NoAnswer,
// Declined, NotFound, Forbidden when the dial plan does not allow the number, Limited,
// Unavailable.
type DialFunc func(ctx context.Context, to string) (line dialog.Line, hangUp func(), err error)

var (
	errNotConfirmed = fault.New(fault.NoAnswer, "nobody pressed the key that takes the call")
	errPersonGone   = fault.New(fault.NoAnswer, "the person hung up before taking the call")
)

// canTransfer reports whether the caller on line can be transferred to a person.
func (c *Call) canTransfer(line dialog.Line) bool {
	canDial := c.desk.o.Dial != nil && line.Sink != nil && line.Source != nil
	return c.agent.Handover.To != "" && (canDial || line.Refer != nil)
}

// withTransfer returns line with a blind or attended transfer to a person, if the agent
// and the line allow one.
func (c *Call) withTransfer(line dialog.Line) dialog.Line {
	if !c.canTransfer(line) {
		return line
	}
	h := c.agent.Handover
	refer := line.Refer
	if refer != nil && (h.Blind || c.desk.o.Dial == nil) {
		line.Transfer = func(ctx context.Context, _ dialog.HandoverRequest) error {
			c.log.Info("blind transfer", zap.String("to", h.To))
			return refer(ctx, h.To)
		}
		return line
	}
	b := newBridge(line.Source, line.Sink)
	line.Source, line.Sink = b, b
	line.Transfer = func(ctx context.Context, r dialog.HandoverRequest) error {
		err := c.transferAttended(ctx, b, r)
		b.mode.Store(withAgent)
		c.log.Info("attended transfer ended", zap.String("to", h.To), zap.Error(err))
		return err
	}
	return line
}

// transferAttended dials the person, tells them why the caller calls, and connects the two
// until one hangs up. The caller hears a ring-back tone meanwhile.
func (c *Call) transferAttended(ctx context.Context, b *bridge, r dialog.HandoverRequest) error {
	h := c.agent.Handover
	b.mode.Store(ringing)
	if h.RingTimeout == 0 {
		h.RingTimeout = defaultRingTimeout
	}
	announceCtx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	keepWaiting := context.AfterFunc(r.Waiting, giveUp)
	ringCtx, cancel := context.WithTimeout(announceCtx, h.RingTimeout)
	defer cancel()
	line, hangUp, err := c.desk.o.Dial(ringCtx, h.To)
	if err != nil {
		return err
	}
	defer hangUp()
	if err := c.announceCaller(announceCtx, line, r); err != nil {
		return err
	}
	keepWaiting()
	select {
	case _, ok := <-line.Inputs:
		if !ok {
			return errPersonGone
		}
	default:
	}
	b.connect(ctx, line)
	if line.Quality != nil {
		q := line.Quality()
		c.mu.Lock()
		c.personQuality = &q
		c.mu.Unlock()
	}
	return nil
}

// announceCaller tells the person, in the agent's language, who calls and why, and waits until
// they confirm that they take the call, unless the agent skips that.
func (c *Call) announceCaller(ctx context.Context, person dialog.Line, r dialog.HandoverRequest) error {
	text, prompt := conversation.HandoverTexts(c.agent.Language, c.agent.Title)
	if r.Summary != "" {
		text += " " + r.Summary
	}
	if c.agent.Synthesizer == nil {
		return nil
	}
	if c.agent.Handover.SkipConfirmation {
		return mouth.Announce(ctx, c.agent, person.Sink, text)
	}
	for range announcements {
		if isConfirmed, err := c.askToConfirm(ctx, person, text+" "+prompt); isConfirmed || err != nil {
			return err
		}
	}
	return errNotConfirmed
}

// askToConfirm says text to the person and reports whether they press the key that takes
// the call.
func (c *Call) askToConfirm(ctx context.Context, person dialog.Line, text string) (isConfirmed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	announced := make(chan error, 1)
	var announcement sync.WaitGroup
	announcement.Go(func() { announced <- mouth.Announce(ctx, c.agent, person.Sink, text) })
	defer announcement.Wait()
	defer cancel()
	var timeout <-chan time.Time
	for {
		select {
		case err := <-announced:
			if err != nil {
				return false, err
			}
			timeout = time.After(confirmTimeout)
		case h, ok := <-person.Inputs:
			if !ok {
				return false, errPersonGone
			}
			if h.Kind == dialog.DTMF && h.Text == confirmKey {
				return true, nil
			}
		case <-timeout:
			return false, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
