package session_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"frontdesk/session"
)

// operation is a call of a Store or a fact that a client observed.
type operation struct {
	kind      string   // "acquire", "renew", "release", "commit", "load" or "acknowledged"
	owner     string   // of the acquired or renewed lease
	force     bool     // of an acquisition
	nonce     string   // of the lease
	expires   int64    // when the acquired lease can expire at the earliest
	returned  int64    // when the acquisition or renewal returned
	entries   []string // that were committed or loaded
	isUnknown bool     // the commit failed, but the store may have it
	message   string   // whose append was acknowledged
}

// history is what happened to one session. It records the operations that succeeded, and
// those that failed but may have changed the session.
type history struct {
	start time.Time

	mu         sync.Mutex
	operations []porcupine.Operation
}

func (h *history) now() int64 { return time.Since(h.start).Nanoseconds() }

func (h *history) add(called, returned int64, op operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{Input: op, Call: called, Return: returned})
}

// acknowledged records that the append of a message was acknowledged.
func (h *history) acknowledged(message string) {
	now := h.now()
	h.add(now, now, operation{kind: "acknowledged", message: message})
}

// recordedStore records the operations of a Store.
type recordedStore struct {
	session.Store
	history *history
}

func (r *recordedStore) Acquire(ctx context.Context, id, owner string, ttl time.Duration, force bool) (session.Lease, error) {
	called := r.history.now()
	l, err := r.Store.Acquire(ctx, id, owner, ttl, force)
	if err == nil {
		returned := r.history.now()
		r.history.add(called, returned, operation{
			kind: "acquire", owner: owner, force: force, nonce: l.Nonce,
			expires: l.Expires.Sub(r.history.start).Nanoseconds(), returned: returned,
		})
	}
	return l, err
}

func (r *recordedStore) Renew(ctx context.Context, l session.Lease, ttl time.Duration) (session.Lease, error) {
	called := r.history.now()
	renewed, err := r.Store.Renew(ctx, l, ttl)
	if err == nil {
		returned := r.history.now()
		r.history.add(called, returned, operation{kind: "renew", owner: l.Owner, nonce: l.Nonce, returned: returned})
	}
	return renewed, err
}

func (r *recordedStore) Release(ctx context.Context, l session.Lease) error {
	called := r.history.now()
	err := r.Store.Release(ctx, l)
	r.history.add(called, endOf(r.history.now(), err), operation{kind: "release", nonce: l.Nonce})
	return err
}

func (r *recordedStore) Commit(ctx context.Context, l session.Lease, entries []session.Entry, s session.State, ttl time.Duration) error {
	called := r.history.now()
	err := r.Store.Commit(ctx, l, entries, s, ttl)
	r.history.add(called, endOf(r.history.now(), err), operation{
		kind: "commit", nonce: l.Nonce, entries: contents(entries), isUnknown: err != nil,
	})
	return err
}

func (r *recordedStore) Load(ctx context.Context, id string) (session.State, []session.Entry, error) {
	called := r.history.now()
	state, entries, err := r.Store.Load(ctx, id)
	if err == nil {
		r.history.add(called, r.history.now(), operation{kind: "load", entries: contents(entries)})
	}
	return state, entries, err
}

// endOf returns when an operation ended: one that failed may take effect at any later time.
func endOf(now int64, err error) int64 {
	if err != nil {
		return math.MaxInt64
	}
	return now
}

func contents(entries []session.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.ID+" "+string(e.Body))
	}
	return out
}

// leaseState is a state of the model: who holds the session's lease, and how many entries
// of the final log are written.
type leaseState struct {
	owner, nonce string
	expires      int64
	isReleased   bool
	written      int
}

// leaseModel is the contract of leases and commits. Because the final log is known, and
// every operation came before it was read, a state has only the length of the log: a commit
// can write nothing but the next entries of the final log.
type leaseModel struct {
	final    []string
	position map[string]int // by entry
	messages map[string]int // position by message ID
}

func newLeaseModel(final []session.Entry) *leaseModel {
	m := &leaseModel{final: contents(final), position: make(map[string]int), messages: make(map[string]int)}
	for i, e := range m.final {
		m.position[e] = i
	}
	for i, e := range final {
		for _, id := range messageIDs([]session.Entry{e}) {
			m.messages[id] = i
		}
	}
	return m
}

// step returns whether op is possible in state s, and the next state.
func (m *leaseModel) step(s leaseState, op operation) (bool, leaseState) {
	switch op.kind {
	case "acquire":
		isFree := s.isReleased || s.nonce == "" || s.expires <= op.returned
		if !op.force && !isFree && s.owner != op.owner {
			return false, s
		}
		return true, leaseState{owner: op.owner, nonce: op.nonce, expires: op.expires, written: s.written}
	case "renew":
		// A session without entries expires with its lease. After a restart of the server, a
		// former owner can then restore its lease, because the store has forgotten the later one.
		isForgotten := s.written == 0 && s.expires <= op.returned
		if isForgotten {
			s.owner, s.nonce, s.isReleased = op.owner, op.nonce, false
		}
		return s.nonce == op.nonce, s
	case "release":
		s.isReleased = s.isReleased || s.nonce == op.nonce
		return true, s
	case "commit":
		return m.commit(s, op)
	case "load":
		return slices.Equal(op.entries, m.final[:s.written]), s
	case "acknowledged":
		position, isWritten := m.messages[op.message]
		return isWritten && position < s.written, s
	}
	panic("unknown operation " + op.kind)
}

func (m *leaseModel) commit(s leaseState, op operation) (bool, leaseState) {
	before := s.written
	for _, e := range op.entries {
		switch position, isFinal := m.position[e]; {
		case !isFinal || position > s.written:
			return false, s
		case position == s.written:
			s.written++
		}
	}
	holdsLease := s.nonce == op.nonce && !s.isReleased
	hadNoEffect := op.isUnknown && s.written == before
	return holdsLease || hadNoEffect, s
}

// mayHaveEffect reports whether an operation can have changed the session. A failed commit
// whose entries are not in the final log cannot.
func (m *leaseModel) mayHaveEffect(o porcupine.Operation) bool {
	op := o.Input.(operation)
	isFinal := func(e string) bool { _, ok := m.position[e]; return ok }
	return !op.isUnknown || len(op.entries) > 0 && !slices.ContainsFunc(op.entries, func(e string) bool { return !isFinal(e) })
}

// checkHistory fails the test unless the history of a session, which ended with the final
// log, conforms to the model.
func checkHistory(t *testing.T, name string, h *history, final []session.Entry) {
	t.Helper()
	m := newLeaseModel(final)
	operations := slices.DeleteFunc(slices.Clone(h.operations), func(o porcupine.Operation) bool { return !m.mayHaveEffect(o) })
	result := porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return leaseState{} },
		Step: func(state, input, _ any) (bool, any) { return m.step(state.(leaseState), input.(operation)) },
	}, operations, time.Minute)
	if result == porcupine.Ok {
		return
	}
	slices.SortFunc(operations, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var lines strings.Builder
	for _, o := range operations {
		fmt.Fprintf(&lines, "\n%v to %v: %+v", time.Duration(o.Call), time.Duration(o.Return), o.Input)
	}
	t.Errorf("%s: the history breaks the contract of leases and commits (%s):%s\nfinal log: %v", name, result, lines.String(), m.final)
}
