package conversation

import (
	"context"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

const (
	saveTimeout = 5 * time.Second
	maxUnsaved  = 256 // records that wait for a slow journal; then the oldest are given up
)

// scribe hands the journal what is new, one record at a time, beside the loop.
type scribe struct {
	fresh  []dialog.Message // not yet in any record
	queue  []record
	saving bool
}

type record struct {
	dialog.JournalEntry
	saved chan<- error // gets the outcome, unless nil; never blocks
}

func (s *scribe) note(m dialog.Message) { s.fresh = append(s.fresh, m) }

// save makes durable what is new, and turn unless nil. saved, unless nil, must have
// room for the outcome.
func (l *loop) save(turn *dialog.Turn, saved chan<- error) {
	s := &l.scribe
	if l.o.Journal == nil {
		s.fresh = nil
		if saved != nil {
			saved <- nil
		}
		return
	}
	if len(s.fresh) == 0 && turn == nil && saved == nil {
		return
	}
	if len(s.queue) == maxUnsaved {
		lost := fault.New(fault.Storage, "the journal is too slow")
		if first := s.queue[0]; first.saved != nil {
			first.saved <- lost
		}
		s.queue = s.queue[1:]
		l.notice("not_saved", notSaved, lost)
	}
	s.queue = append(s.queue, record{dialog.JournalEntry{Messages: s.fresh, Turn: turn, Resume: l.saying()}, saved})
	s.fresh = nil
	l.saveNext()
}

func (l *loop) saveNext() {
	s := &l.scribe
	if s.saving || len(s.queue) == 0 {
		return
	}
	s.saving = true
	r := s.queue[0]
	s.queue = s.queue[1:]
	l.spawn(func() func() {
		ctx, cancel := context.WithTimeout(l.life, saveTimeout)
		defer cancel()
		err := l.o.Journal.Append(ctx, r.JournalEntry)
		if r.saved != nil {
			r.saved <- err
		}
		return func() {
			s.saving = false
			if err != nil {
				l.notice("not_saved", notSaved, err)
			} else {
				l.recovered("not_saved")
			}
			l.saveNext()
		}
	})
}

// keepMemory makes what is remembered durable.
func (l *loop) keepMemory() {
	if l.o.Journal == nil {
		return
	}
	l.scribe.queue = append(l.scribe.queue, record{JournalEntry: dialog.JournalEntry{Memory: l.memory, Resume: l.saying()}})
	l.saveNext()
}
