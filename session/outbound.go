package session

import (
	"context"
	"errors"
	"strings"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/amd"
	"frontdesk/dialog/mouth"
	"frontdesk/internal/fault"
)

// dialable is a telephone number as people dial it, "" for what is none.
func dialable(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < 3 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return number
}

// Outbound is how a call we make is held.
type Outbound struct {
	// Screen tells answering machines from people before the agent speaks.
	Screen bool
	// Message is left on an answering machine, after its beep; "" leaves none.
	Message string
}

// Dial holds a call we make: connect rings and returns the line once somebody took the
// call; its error is as Ring's. The call ends as Run's do, or as Busy, NoAnswer,
// Declined, Unreachable or Machine.
func (c *Call) Dial(ctx context.Context, o Outbound, connect func(context.Context) (dialog.Line, error)) Ending {
	return c.run(ctx, func(ctx context.Context) Ending {
		line, err := connect(ctx)
		if err != nil {
			return unanswered(ctx, err)
		}
		if !o.Screen || line.Source == nil || line.Sink == nil {
			return c.converse(ctx, line)
		}
		s, err := amd.Detect(ctx, c.agent, line)
		if err != nil {
			return judge(ctx, dialog.CallerGone, nil)
		}
		c.log.Info("call taken", zap.Bool("machine", s.IsMachine), zap.String("why", s.Reason))
		if s.IsMachine {
			return c.leaveMessage(ctx, line, o.Message, s.Reason)
		}
		talk, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		taken := line
		taken.Source = s.Watch(line.Source, func() { stop(errBeeped) })
		ending := c.converse(talk, taken)
		if context.Cause(talk) == errBeeped {
			return c.leaveMessage(ctx, line, o.Message, s.Reason)
		}
		return ending
	})
}

// ErrGone says that a caller hung up before their call was answered.
var ErrGone = errors.New("the caller hung up before the call was answered")

// Answer holds a call that comes in: connect answers it and returns the line; its error
// is ErrGone, or as Ring's. The call ends as Run's do, or as Dial's.
func (c *Call) Answer(ctx context.Context, connect func(context.Context) (dialog.Line, error)) Ending {
	return c.run(ctx, func(ctx context.Context) Ending {
		line, err := connect(ctx)
		if err != nil {
			return unanswered(ctx, err)
		}
		return c.converse(ctx, line)
	})
}

var errBeeped = errors.New("it was a machine")

// unanswered is the ending of a call that nobody took.
func unanswered(ctx context.Context, err error) Ending {
	if ctx.Err() != nil {
		return judge(ctx, "", nil)
	}
	if errors.Is(err, ErrGone) {
		return Ending{Result: HungUp, Reason: ErrGone.Error()}
	}
	f := fault.From(err)
	e := Ending{Result: Broken, Reason: f.Message, Err: err}
	switch f.Code {
	case fault.Busy:
		e.Result = Busy
	case fault.NoAnswer:
		e.Result = NoAnswer
	case fault.Declined:
		e.Result = Declined
	case fault.NotFound, fault.Media:
		e.Result = Unreachable
	}
	return e
}

// leaveMessage speaks to an answering machine, and records that.
func (c *Call) leaveMessage(ctx context.Context, line dialog.Line, text, why string) Ending {
	e := Ending{Result: Machine, Reason: "an answering machine (" + why + ")"}
	if text == "" || c.agent.Synthesizer == nil {
		return e
	}
	line, finish := c.record(line)
	defer finish()
	if err := mouth.Announce(ctx, c.agent, line.Sink, text); err != nil {
		e.Reason, e.Err = e.Reason+"; its message was cut short", err
		return e
	}
	e.Reason += "; the message was left"
	m := dialog.Message{ID: newID("item_"), Role: dialog.Assistant, Text: text}
	if err := c.journal.Append(ctx, dialog.JournalEntry{Messages: []dialog.Message{m}}); err != nil {
		c.log.Error("message not recorded", zap.Error(err))
	}
	return e
}
