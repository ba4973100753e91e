package session

import (
	"context"
	"encoding/json"
	"errors"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/amd"
	"frontdesk/dialog/mouth"
	"frontdesk/tools"
)

// Outbound says how to treat an answering machine in an outbound call.
type Outbound struct {
	// DetectMachine runs answering-machine detection before the agent speaks.
	DetectMachine bool
	// MachineMessage is left on an answering machine after its beep; "" leaves none.
	MachineMessage string
}

var errMachineBeeped = errors.New("an answering machine beeped")

// Dial runs an outbound call. connect dials, and returns the line when somebody answers;
// its errors are those of DialFunc. The call ends as in Run, or as Busy, NoAnswer,
// Declined, Unreachable or Machine.
func (c *Call) Dial(ctx context.Context, o Outbound, connect func(context.Context) (dialog.Line, error)) Ending {
	return c.run(ctx, func(ctx context.Context) Ending {
		line, err := connect(ctx)
		if err != nil {
			return endingOfUnanswered(ctx, err)
		}
		if !o.DetectMachine || line.Source == nil || line.Sink == nil {
			return c.converse(ctx, line)
		}
		detected, err := amd.Detect(ctx, c.agent, line)
		if err != nil {
			return endingOf(ctx, dialog.CallerGone, nil)
		}
		c.log.Info("call answered", zap.Bool("machine", detected.IsMachine), zap.String("why", detected.Reason))
		if detected.IsMachine {
			return c.leaveMessage(ctx, line, o.MachineMessage, detected.Reason)
		}
		talkCtx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		watched := line
		watched.Source = detected.Watch(line.Source, func() { stop(errMachineBeeped) })
		ending := c.converse(talkCtx, watched)
		if context.Cause(talkCtx) == errMachineBeeped {
			return c.leaveMessage(ctx, line, o.MachineMessage, detected.Reason)
		}
		return ending
	})
}

// ErrCallerGone says that the caller hung up before the call was answered.
var ErrCallerGone = errors.New("the caller hung up before the call was answered")

// Answer runs an inbound call. connect answers it and returns the line; its errors are
// ErrCallerGone and those of DialFunc. The call ends as in Run or Dial.
func (c *Call) Answer(ctx context.Context, connect func(context.Context) (dialog.Line, error)) Ending {
	return c.run(ctx, func(ctx context.Context) Ending {
		line, err := connect(ctx)
		if err != nil {
			return endingOfUnanswered(ctx, err)
		}
		return c.converse(ctx, line)
	})
}

// opening returns what the model is told of the purpose of an outbound call, and the messages
// that hold its record, which it also writes to the journal.
func (c *Call) opening(ctx context.Context) (purpose string, messages []dialog.Message) {
	about := c.caller.About
	if about == nil {
		return "", nil
	}
	call := tools.Call{ID: newID("call_"), Name: about.Tool, Arguments: json.RawMessage("{}")}
	messages = []dialog.Message{
		{ID: newID("item_"), Role: dialog.Assistant, Calls: []tools.Call{call}},
		{ID: newID("item_"), Role: dialog.ToolRole, Result: &tools.Result{CallID: call.ID, Output: about.Record}},
	}
	if err := c.journal.Append(ctx, dialog.JournalEntry{Messages: messages}); err != nil {
		c.log.Warn("what the call is about is not recorded yet", zap.Error(err))
	}
	return about.Purpose, messages
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
