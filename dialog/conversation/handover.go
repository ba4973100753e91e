package conversation

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"frontdesk/dialog"
	"frontdesk/tools"
)

const (
	handoverNote = "handover" // Kind of the note of a tool that asks for a person
	updateTicket = "update_ticket"
	laterKey     = "*" // pressed while it rings
	calledBack   = "All right. Your request is noted, and a colleague will call you back."
	nobodyThere  = "I'm sorry, nobody can take your call right now. Your request is noted, and a colleague will call you back."
)

// wishes takes note that a tool asked for a person.
func (l *loop) wishes(c tools.Call, result tools.Result) {
	i := slices.IndexFunc(result.Notes, func(n tools.Note) bool { return n.Kind == handoverNote })
	if i < 0 || result.Failed || l.line.Transfer == nil {
		return
	}
	var said struct {
		Reason  string `json:"reason"`
		Summary string `json:"summary"`
	}
	_ = json.Unmarshal(c.Arguments, &said) // the tool took them
	if said.Summary == "" {
		said.Summary = said.Reason
	}
	l.handoff = &dialog.HandoverRequest{Summary: said.Summary, Ticket: result.Notes[i].ID}
}

// handOver connects the caller with a person. The agent is silent meanwhile, and goes on
// when nobody takes the call.
func (l *loop) handOver() {
	h := *l.handoff
	h.Waiting, l.later = context.WithCancel(l.ctx)
	l.handoff, l.handing = nil, true
	l.quiet.alarm.Stop()
	l.discard()
	l.spawn(func() func() {
		err := l.line.Transfer(l.ctx, h)
		if err == nil {
			l.settled(h)
		}
		return func() { l.handed(err) }
	})
}

// handed ends the conversation, or goes on with it.
func (l *loop) handed(err error) {
	l.handing = false
	if l.later != nil {
		defer l.later()
	}
	switch {
	case l.outcome != "":
	case err == nil:
		l.end(dialog.Transferred, nil)
	case l.later == nil:
		l.quiet.active()
		l.say(cmp.Or(l.agent.Handover.CallBackMessage, calledBack), nil, "")
	default:
		l.tell(dialog.Event{Kind: dialog.NoticeRaised, Turn: l.turns, Notice: &dialog.Notice{Code: "nobody_there", Text: nobodyThere, Err: err}})
		l.quiet.active()
		l.say(cmp.Or(l.agent.Handover.FailedMessage, nobodyThere), nil, "")
	}
}

// keyWhileHanding takes a key that is pressed while the caller waits for a person, or talks
// to one: it is not for the agent.
func (l *loop) keyWhileHanding(key string) {
	if key == laterKey && l.later != nil {
		l.later()
		l.later = nil
	}
}

// settled notes on the ticket that somebody took the call. It runs beside the loop.
func (l *loop) settled(h dialog.HandoverRequest) {
	if _, ok := l.agent.Tools.Find(updateTicket); !ok || h.Ticket == "" {
		return
	}
	arguments, _ := json.Marshal(map[string]any{"ticket": h.Ticket, "note": "A person took the call.", "status": tools.Solved})
	_ = l.agent.Tools.Do(l.life, tools.Call{ID: l.o.NewID("call_"), Name: updateTicket, Arguments: arguments})
}
