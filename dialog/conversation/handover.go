package conversation

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"frontdesk/dialog"
	"frontdesk/tools"
)

const (
	handoverNote = "handover" // Kind of the note with which a tool asks for a person
	updateTicket = "update_ticket"
	callBackKey  = "*" // pressed while the person's telephone rings
)

// handover is how the caller is connected with a person.
type handover struct {
	request    *dialog.HandoverRequest // a tool asked for a person, or nil
	isActive   bool                    // the person is being called, or talks to the caller
	stopRing   func()                  // stops waiting for the person; nil once it was called
	isCallBack bool                    // the caller asked to be called back instead
	escalation escalation
	isClosed   bool // nobody answered when the tool ran that asked for a person last
}

// withHours returns ctx with when a person can call back, and what to say of it. Outside the opening hours the call
// is not transferred.
func (c *conversation) withHours(ctx context.Context) context.Context {
	h, now := c.agent.Handover.Hours, c.o.Now()
	c.handover.isClosed = !h.IsOpen(now)
	caller, t := tools.CallerOf(ctx), c.texts()
	caller.CallBack = tools.CallBack{
		IsClosed: c.handover.isClosed, Soon: t.callBack.soon, Closed: t.callBack.closed, Named: t.callBack.named,
		Subject: t.callBack.subject, Promise: t.callBack.promised, Hours: h,
	}
	if c.handover.isClosed {
		caller.CanTransfer = false
		if opening, ok := h.NextOpening(now); ok {
			said := h.SayWhen(c.agent.Language, opening, now)
			caller.CallBack.From, caller.CallBack.Said = h.In(opening), said
			caller.CallBack.Closed = fmt.Sprintf(t.callBack.atOpening, said)
		}
	}
	return tools.WithCaller(ctx, caller)
}

// requestHandover notes that the result of a tool asks for a person. Without a line that
// can transfer, and outside the opening hours, only the ticket that the tool opened remains.
func (c *conversation) requestHandover(call tools.Call, result tools.Result) {
	i := slices.IndexFunc(result.Notes, func(n tools.Note) bool { return n.Kind == handoverNote })
	if i < 0 || result.Failed || c.line.Transfer == nil || c.handover.isClosed {
		return
	}
	var arguments struct {
		Reason  string `json:"reason"`
		Summary string `json:"summary"`
		When    string `json:"when"`
	}
	_ = json.Unmarshal(call.Arguments, &arguments) // the tool has accepted them
	if arguments.When != "" {
		return // the caller wants to be called back then
	}
	c.handover.request = &dialog.HandoverRequest{
		Summary: cmp.Or(arguments.Summary, arguments.Reason),
		Ticket:  result.Notes[i].ID,
	}
}

// startHandover connects the caller with a person. The agent is silent meanwhile, and
// continues if nobody answers.
func (c *conversation) startHandover() {
	request := *c.handover.request
	request.Waiting, c.handover.stopRing = context.WithCancel(c.tasks.ctx)
	c.handover.request, c.handover.isActive, c.handover.isCallBack = nil, true, false
	c.input.silence.timeout.Stop()
	c.discardSpeculation()
	c.spawn(func() {
		err := c.line.Transfer(c.tasks.ctx, request)
		if err == nil {
			c.solveTicket(request.Ticket)
		}
		c.do(func() { c.handoverEnded(err) })
	})
}

// handoverEnded ends the conversation if a person took over, and continues it otherwise.
func (c *conversation) handoverEnded(err error) {
	c.handover.isActive = false
	if c.handover.stopRing != nil {
		c.handover.stopRing()
		c.handover.stopRing = nil
	}
	switch {
	case c.outcome != "":
	case err == nil:
		c.end(dialog.Transferred, nil)
	case c.handover.isCallBack:
		c.input.silence.prompts = 0
		c.say(cmp.Or(c.agent.Handover.CallBackMessage, c.texts().callBackPromised), nil, "")
	default:
		c.emit(dialog.Event{Kind: dialog.NoticeRaised, Turn: c.turns, Notice: &dialog.Notice{Code: "nobody_there", Text: c.texts().nobodyThere, Err: err}})
		c.input.silence.prompts = 0
		c.say(cmp.Or(c.agent.Handover.FailedMessage, c.texts().nobodyThere), nil, "")
	}
}

// digitDuringHandover handles a DTMF digit of a caller who waits for a person or talks to
// one.
func (c *conversation) digitDuringHandover(digit string) {
	if digit == callBackKey && c.handover.stopRing != nil {
		c.handover.stopRing()
		c.handover.stopRing, c.handover.isCallBack = nil, true
	}
}

// solveTicket notes on the hand-over's ticket, if there is one, that a person took the call.
func (c *conversation) solveTicket(ticket string) {
	if _, ok := c.agent.Tools.Find(updateTicket); !ok || ticket == "" {
		return
	}
	arguments, _ := json.Marshal(map[string]any{"ticket": ticket, "note": c.texts().tookCall, "status": tools.Solved})
	_ = c.agent.Tools.DoAsOperator(c.tasks.session, tools.Call{ID: c.o.NewID("call_"), Name: updateTicket, Arguments: arguments})
}
