package dialog

import (
	"context"
	"time"

	"frontdesk/internal/fault"
)

const (
	saveTimeout = 5 * time.Second
	maxUnsaved  = 256 // records that wait for a slow journal; then the oldest are given up
)

// scribe hands the journal what is new, one record at a time, beside the loop.
type scribe struct {
	fresh  []Message // not yet in any record
	queue  []record
	saving bool
}

type record struct {
	Record
	saved chan<- error // gets the outcome, unless nil; never blocks
}

func (s *scribe) note(m Message) { s.fresh = append(s.fresh, m) }

// save makes durable what is new, and turn unless nil. saved, unless nil, must have
// room for the outcome.
func (l *loop) save(turn *Turn, saved chan<- error) {
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
	s.queue = append(s.queue, record{Record{Messages: s.fresh, Turn: turn, Saying: l.saying()}, saved})
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
		err := l.o.Journal.Append(ctx, r.Record)
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
	l.scribe.queue = append(l.scribe.queue, record{Record: Record{Memory: l.memory, Saying: l.saying()}})
	l.saveNext()
}
