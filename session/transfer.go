package session

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/conversation"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
	"frontdesk/media"
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

// transferState is how a call is transferred. The call's mu guards it.
type transferState struct {
	refer         func(context.Context, string) error // the line's blind transfer, or nil
	personQuality *media.Quality                      // see Ending.PersonQuality
	failed        map[string]chan struct{}            // closed when the transfer for a ticket has failed
}

// failedTransfer returns a channel that is closed when the transfer for a ticket has failed.
func (c *Call) failedTransfer(ticket string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transfer.failed == nil {
		c.transfer.failed = make(map[string]chan struct{})
	}
	if c.transfer.failed[ticket] == nil {
		c.transfer.failed[ticket] = make(chan struct{})
	}
	return c.transfer.failed[ticket]
}

// AwaitTransfer returns when nobody takes over the call of a session any more: when the transfer
// for a ticket has failed, or the session has no call in this process. If a person takes over,
// that is when they hang up.
func (d *Desk) AwaitTransfer(ctx context.Context, session, ticket string) error {
	d.mu.Lock()
	c := d.sessions[session]
	d.mu.Unlock()
	if c == nil {
		return nil
	}
	select {
	case <-c.failedTransfer(ticket):
	case <-c.released:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

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
	transfer := c.blindTransfer(line.Refer)
	if line.Refer == nil || !c.agent.Handover.Blind && c.desk.o.Dial != nil {
		b := newBridge(line.Source, line.Sink)
		line.Source, line.Sink = b, b
		transfer = func(ctx context.Context, r dialog.HandoverRequest) error {
			err := c.transferAttended(ctx, b, r)
			b.mode.Store(withAgent)
			c.log.Info("attended transfer ended", zap.String("to", c.agent.Handover.To), zap.Error(err))
			return err
		}
	}
	line.Transfer = func(ctx context.Context, r dialog.HandoverRequest) error {
		err := transfer(ctx, r)
		if err != nil {
			c.transferFailed(r.Ticket)
		}
		return err
	}
	return line
}

// blindTransfer returns a transfer by the caller's own network.
func (c *Call) blindTransfer(refer func(context.Context, string) error) func(context.Context, dialog.HandoverRequest) error {
	to := c.agent.Handover.To
	return func(ctx context.Context, _ dialog.HandoverRequest) error {
		c.log.Info("blind transfer", zap.String("to", to))
		return refer(ctx, to)
	}
}

// transferFailed ends AwaitTransfer for a ticket.
func (c *Call) transferFailed(ticket string) {
	failed := c.failedTransfer(ticket)
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-failed: // an earlier one
	default:
		close(failed)
	}
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
		c.transfer.personQuality = &q
		c.mu.Unlock()
	}
	return nil
}

// announceCaller tells the person, in the agent's language, who calls and why, and waits until
// they confirm that they take the call, unless the agent skips that.
func (c *Call) announceCaller(ctx context.Context, person dialog.Line, r dialog.HandoverRequest) error {
	text, prompt := conversation.HandoverTexts(c.agent.Language, c.agent.Title)
	return announce(ctx, c.agent, person, strings.TrimSpace(text+" "+r.Summary), prompt)
}

// announce says text to a person and waits until they press the key that prompt names, unless the
// agent skips that.
func announce(ctx context.Context, agent *dialog.Agent, person dialog.Line, text, prompt string) error {
	if agent.Synthesizer == nil {
		return nil
	}
	if agent.Handover.SkipConfirmation {
		return mouth.Announce(ctx, agent, person.Sink, text)
	}
	for range announcements {
		if isConfirmed, err := askToConfirm(ctx, agent, person, text+" "+prompt); isConfirmed || err != nil {
			return err
		}
	}
	return errNotConfirmed
}

// askToConfirm says text to the person and reports whether they press the key that takes
// the call.
func askToConfirm(ctx context.Context, agent *dialog.Agent, person dialog.Line, text string) (isConfirmed bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	announced := make(chan error, 1)
	var announcement sync.WaitGroup
	announcement.Go(func() { announced <- mouth.Announce(ctx, agent, person.Sink, text) })
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
