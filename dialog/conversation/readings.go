package conversation

import (
	"cmp"
	"context"
	"slices"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/understanding"
	"frontdesk/internal/fault"
)

const (
	maxReadings          = 4 // turns that wait for the model; then the oldest is dropped
	defaultReadingTokens = 20_000
	readingTimeout       = 10 * time.Second
)

// readings are the finished turns that a model reads, one after the other, while the call goes
// on. The caller never waits for it.
type readings struct {
	waiting []finishedTurn
	isBusy  bool
	spent   int // tokens
}

// finishedTurn is a turn for a model to read, and what the rules have read.
type finishedTurn struct {
	turn    understanding.Turn
	byRules dialog.Understanding
}

// startReading makes the model read a finished turn, if the agent wants that.
func (c *conversation) startReading(f finishedTurn) {
	policy, q := c.agent.Memory.Reading, &c.recall.readings
	if !policy.ByModel || c.o.Reader == nil || f.turn.Caller == "" || c.outcome != "" {
		return
	}
	if q.spent >= cmp.Or(policy.MaxTokens, defaultReadingTokens) {
		c.turnRead(f, dialog.Reading{Failure: dialog.ReadingDropped})
		return
	}
	if len(q.waiting) == maxReadings {
		c.turnRead(q.waiting[0], dialog.Reading{Failure: dialog.ReadingDropped})
		q.waiting = slices.Delete(q.waiting, 0, 1)
	}
	q.waiting = append(q.waiting, f)
	if !q.isBusy {
		q.isBusy = true
		c.spawn(c.readTurns)
	}
}

// readTurns asks the model about each turn that waits. The end of the conversation cancels it.
func (c *conversation) readTurns() {
	for {
		var f finishedTurn
		isDone := false
		c.do(func() {
			q := &c.recall.readings
			if isDone = c.outcome != "" || len(q.waiting) == 0; isDone {
				q.waiting, q.isBusy = nil, false
				return
			}
			f, q.waiting = q.waiting[0], q.waiting[1:]
		})
		if isDone {
			return
		}
		r := c.askReader(f)
		c.do(func() { c.turnRead(f, r) })
	}
}

func (c *conversation) askReader(f finishedTurn) dialog.Reading {
	ctx, cancel := context.WithTimeout(c.tasks.ctx, cmp.Or(c.agent.Memory.Reading.Timeout, readingTimeout))
	defer cancel()
	started := time.Now()
	r, err := understanding.Ask(ctx, c.o.Reader, f.turn, f.byRules)
	r.Took = time.Since(started)
	switch {
	case err == nil:
	case c.tasks.ctx.Err() != nil:
		r.Failure = dialog.ReadingCancelled
	default:
		r.Failure = string(fault.From(err).Code)
	}
	return r
}

// turnRead records what the model read of a turn. A later turn may be escalated for it.
func (c *conversation) turnRead(f finishedTurn, r dialog.Reading) {
	r.Turn = f.turn.Number
	c.recall.readings.spent += r.Usage.Input + r.Usage.Output
	if u := r.Understanding; u != nil {
		c.handover.escalation.revise(r.Turn, *u)
	}
	c.emit(dialog.Event{Kind: dialog.TurnRead, Turn: r.Turn, Reading: &r})
	if r.Understanding != nil {
		o, changed := understanding.Revise(c.recall.overview, f.turn, r)
		c.setOverview(r.Turn, o, changed)
	}
	if c.o.Journal != nil && r.Usage != (dialog.Usage{}) {
		c.appendEntry(entry{JournalEntry: dialog.JournalEntry{Reading: &r, Resume: c.resumeState()}})
	}
}
