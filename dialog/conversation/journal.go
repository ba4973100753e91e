package conversation

import (
	"context"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	saveTimeout = 5 * time.Second
	maxUnsaved  = 256 // entries that wait for a slow journal; then the oldest is lost
)

// journal appends what is new in a conversation to its durable journal, one entry at a time.
type journal struct {
	messages []dialog.Message // not yet in an entry
	queue    []entry
	isSaving bool
}

type entry struct {
	dialog.JournalEntry
	saved chan<- error // receives the outcome, unless nil; has room for it
}

func (j *journal) add(m dialog.Message) { j.messages = append(j.messages, m) }

// save appends what is new, and turn unless it is nil. saved, unless nil, receives the
// outcome and must have room for it.
func (c *conversation) save(turn *dialog.Turn, saved chan<- error) {
	j := &c.journal
	if c.o.Journal == nil {
		j.messages = nil
		if saved != nil {
			saved <- nil
		}
		return
	}
	if len(j.messages) == 0 && turn == nil && saved == nil {
		return
	}
	if len(j.queue) == maxUnsaved {
		err := fault.New(fault.Storage, "the journal is too slow: %d entries wait", maxUnsaved)
		if first := j.queue[0]; first.saved != nil {
			first.saved <- err
		}
		j.queue = j.queue[1:]
		c.raiseNotice("not_saved", c.texts().notices.notSaved, err)
	}
	c.appendEntry(entry{dialog.JournalEntry{Messages: j.messages, Turn: turn, Resume: c.resumeState()}, saved})
	j.messages = nil
}

// saveResumeState appends the resume state. Of several that wait only the last is kept.
func (c *conversation) saveResumeState() {
	if c.o.Journal == nil {
		return
	}
	if n := len(c.journal.queue); n > 0 {
		c.journal.queue[n-1].Resume = c.resumeState()
		return
	}
	c.appendEntry(entry{JournalEntry: dialog.JournalEntry{Resume: c.resumeState()}})
}

// saveMemory appends the memory.
func (c *conversation) saveMemory() {
	if c.o.Journal != nil {
		c.appendEntry(entry{JournalEntry: dialog.JournalEntry{Memory: c.recall.memory, Resume: c.resumeState()}})
	}
}

func (c *conversation) appendEntry(e entry) {
	j := &c.journal
	if c.recall.isNewOverview {
		o := c.recall.overview
		e.Overview, c.recall.isNewOverview = &o, false
	}
	j.queue = append(j.queue, e)
	if !j.isSaving {
		j.isSaving = true
		first := j.next()
		c.spawn(func() { c.writeJournal(first) })
	}
}

// next takes the first entry out of the queue.
func (j *journal) next() entry {
	e := j.queue[0]
	j.queue = j.queue[1:]
	return e
}

// writeJournal appends e and the entries that are queued meanwhile.
func (c *conversation) writeJournal(e entry) {
	for more := true; more; {
		ctx, cancel := context.WithTimeout(c.tasks.session, saveTimeout)
		err := c.o.Journal.Append(ctx, e.JournalEntry)
		cancel()
		if e.saved != nil {
			e.saved <- err
		}
		c.do(func() {
			if err != nil {
				c.raiseNotice("not_saved", c.texts().notices.notSaved, err)
			} else {
				c.clearNotice("not_saved")
			}
			if more = len(c.journal.queue) > 0; more {
				e = c.journal.next()
			} else {
				c.journal.isSaving = false
			}
		})
	}
}
