package dialog

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"

	"frontdesk/media"
	"frontdesk/tools"
)

// Handoff is a caller who is to be connected with a person.
type Handoff struct {
	Summary string // what the person should know, in a sentence or two
	Ticket  string // opened for it, or ""
	// Waits ends when the caller would rather be called back than wait any longer.
	Waits context.Context
}

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
	l.handoff = &Handoff{Summary: said.Summary, Ticket: result.Notes[i].ID}
}

// handOver connects the caller with a person. The agent is silent meanwhile, and goes on
// when nobody takes the call.
func (l *loop) handOver() {
	h := *l.handoff
	h.Waits, l.later = context.WithCancel(l.ctx)
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
		l.end(Transferred, nil)
	case l.later == nil:
		l.quiet.active()
		l.say(cmp.Or(l.agent.Handover.Later, calledBack), nil, "")
	default:
		l.tell(Event{Kind: Noticed, Turn: l.turns, Notice: &Notice{Code: "nobody_there", Text: nobodyThere, Err: err}})
		l.quiet.active()
		l.say(cmp.Or(l.agent.Handover.Failed, nobodyThere), nil, "")
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
func (l *loop) settled(h Handoff) {
	if _, ok := l.agent.Tools.Find(updateTicket); !ok || h.Ticket == "" {
		return
	}
	arguments, _ := json.Marshal(map[string]any{"ticket": h.Ticket, "note": "A person took the call.", "status": tools.Solved})
	_ = l.agent.Tools.Do(l.life, tools.Call{ID: l.o.NewID("call_"), Name: updateTicket, Arguments: arguments})
}

// Announce says text to sink in agent's voice, outside any conversation, and returns when
// it was heard or ctx ends. The error says that it could not be said to its end.
func Announce(ctx context.Context, agent *Agent, sink media.Sink, text string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	play := media.NewPlayout(sink)
	var err error
	var playing sync.WaitGroup
	playing.Go(func() {
		if err = play.Run(ctx); err != nil {
			cancel()
		}
	})
	mouth := newVoiceMouth(agent, play)
	_, said := mouth.Say(ctx, Clauses(oneOf(text)), func(string) {})
	broken := ctx.Err()
	cancel()
	playing.Wait()
	for _, e := range []error{err, said, broken} {
		if e != nil {
			return e
		}
	}
	return nil
}

func oneOf(text string) iter.Seq[string] { return slices.Values([]string{strings.TrimSpace(text)}) }
