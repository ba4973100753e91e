package conversation

import (
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// timing is when the caller's part of a turn happened.
type timing struct {
	onset, speechEnd, endpoint, transcript time.Time
	why                                    string
}

// turn is an exchange under way. It ends when its replies and its tools have ended.
type turn struct {
	dialog.Turn
	replies int // under way
	tools   int // under way
	waiting bool
	filled  bool // a filler was said
	done    bool
}

// answer begins a turn with what is pending.
func (l *loop) answer() {
	l.turns++
	t := &turn{Turn: dialog.Turn{Number: l.turns, Status: dialog.Completed, EndpointReason: l.timing.why}}
	t.Times.Onset, t.Times.SpeechEnd = l.timing.onset, l.timing.speechEnd
	t.Times.Endpoint, t.Times.Transcript = l.timing.endpoint, l.timing.transcript
	var texts []string
	for _, m := range l.pending {
		texts = append(texts, m.Text)
		t.Typed = t.Typed || m.Typed
		l.history.add(m)
		l.scribe.note(m)
	}
	t.Caller = strings.Join(texts, " ")
	l.abandon()
	l.pending, l.wanted, l.timing = nil, false, timing{}
	l.floor.owes, l.spare = "", 0
	if isGoodbye(t.Caller) {
		l.discard()
		l.say(l.farewell(), t, dialog.Goodbye)
		return
	}
	if !t.Typed && isAside(t.Caller) {
		l.discard()
		l.say(takeYourTime, t, "")
		return
	}
	r := l.begin(t, "")
	l.commit(r)
	l.save(nil, nil)
	l.awaitWords(t)
	l.step(r)
}

func (l *loop) farewell() string {
	if l.agent.Farewell != "" {
		return l.agent.Farewell
	}
	return defaultFarewell
}

func (l *loop) greet() {
	if l.goOn() {
		return
	}
	greeting := l.agent.Greeting
	if l.o.Greeting != "" {
		greeting = l.o.Greeting
	}
	if len(l.o.History) > 0 || strings.TrimSpace(greeting) == "" {
		l.rearm()
		return
	}
	l.say(greeting, nil, "")
}

// endTurn records a turn once nothing of it is under way.
func (l *loop) endTurn(t *turn) {
	if t.done || t.replies > 0 || t.tools > 0 || t.waiting {
		return
	}
	t.done = true
	t.Reply, t.Written = strings.TrimSpace(t.Reply), strings.TrimSpace(t.Written)
	record := t.Turn
	l.tell(dialog.Event{Kind: dialog.TurnEnded, Turn: t.Number, Finished: &record})
	l.save(&record, nil)
	l.remember()
}

// fail marks a turn as failed.
func (t *turn) fail(err error) {
	if t != nil {
		t.Status, t.Error = dialog.Failed, string(fault.From(err).Code)
	}
}
