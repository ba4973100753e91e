package session

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Kinds of entries.
const (
	messageEntry = "message"
	turnEntry    = "turn"
	memoryEntry  = "memory"
	endingEntry  = "ending"
)

const (
	maxPending = 1000 // entries that wait for a store that is away; further ones are refused
	// What was acknowledged lately, for a server that takes over without it. The oldest
	// goes first: it has been on the replicas for longest.
	maxRecent      = 100
	maxRecentBytes = 256 << 10 // of their bodies
)

// pace is how long a lease lasts, how often it is renewed, and how long the store may
// take. A holder that cannot renew has several tries before its lease can be taken.
type pace struct{ ttl, renewal, timeout time.Duration }

var usualPace = pace{ttl: leaseTTL, renewal: leaseRenewal, timeout: storeTimeout}

// journal is a session's log under one lease. What the store refused is kept and
// written with the next append, so a store that comes back has missed nothing. A store
// that lost what it had acknowledged gets it again.
type journal struct {
	store Store
	life  time.Duration
	spare time.Duration // that the store has the session beyond its life
	pace  pace
	doubt <-chan struct{} // the lease may be another's

	mu      sync.Mutex
	lease   Lease
	state   State
	known   map[string]bool // ids of the messages already in the log
	pending []Entry
	recent  []Entry // acknowledged, in order
	bytes   int     // of recent's bodies
}

// newJournal goes on with a log that holds entries.
func newJournal(store Store, lease Lease, state State, entries []Entry, life time.Duration) *journal {
	j := &journal{store: store, lease: lease, state: state, life: life, pace: usualPace, known: make(map[string]bool)}
	for _, m := range messages(entries) {
		j.known[m.ID] = true
	}
	j.acknowledge(entries)
	return j
}

// Append implements dialog.Journal.
func (j *journal) Append(ctx context.Context, r dialog.JournalEntry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range r.Messages {
		if !j.known[m.ID] {
			if err := j.add(messageEntry, m); err != nil {
				return err
			}
			j.known[m.ID] = true
		}
	}
	if r.Turn != nil {
		j.state.Turn = r.Turn.Number
		if err := j.add(turnEntry, r.Turn); err != nil {
			return err
		}
	}
	if r.Memory != nil {
		if err := j.add(memoryEntry, r.Memory); err != nil {
			return err
		}
	}
	j.state.Saying = r.Resume
	return j.commit(ctx)
}

func (j *journal) end(ctx context.Context, e Ending) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Result == Done || e.Result == Transferred {
		j.state.Ended = string(e.Result)
	}
	if !e.Result.breaks() {
		j.state.Saying = nil
	}
	body := struct {
		Result  Result         `json:"result"`
		Reason  string         `json:"reason"`
		Quality *media.Quality `json:"quality,omitempty"`
		Person  *media.Quality `json:"person_quality,omitempty"`
	}{e.Result, e.Reason, e.Quality, e.Person}
	if err := j.add(endingEntry, body); err != nil {
		return err
	}
	return j.commit(ctx)
}

func (j *journal) add(kind string, body any) error {
	if len(j.pending) >= maxPending {
		return fault.New(fault.Storage, "the conversation cannot be recorded any more")
	}
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode %s entry: %w", kind, err)
	}
	j.state.Seq++
	j.pending = append(j.pending, Entry{
		ID:   fmt.Sprintf("%d-%d", j.state.Turn, j.state.Seq),
		Kind: kind, At: time.Now().UTC(), Body: b,
	})
	return nil
}

// commit writes what is pending. It outlives an interruption of the caller's turn.
func (j *journal) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.pace.timeout)
	defer cancel()
	j.state.Version++
	j.state.Until = time.Now().UTC().Add(j.life)
	err := j.store.Commit(ctx, j.lease, j.pending, j.state, j.life+j.spare)
	if isConflict(err) {
		return j.regain(ctx)
	}
	if err == nil {
		j.acknowledge(j.pending)
		j.pending = nil
	}
	return err
}

// acknowledge remembers entries that the store has.
func (j *journal) acknowledge(entries []Entry) {
	for _, e := range entries {
		j.bytes += len(e.Body)
	}
	j.recent = append(j.recent, entries...)
	for len(j.recent) > maxRecent || j.bytes > maxRecentBytes {
		j.bytes -= len(j.recent[0].Body)
		j.recent[0] = Entry{} // its body can go
		j.recent = j.recent[1:]
	}
}

// regain gets a lease back that ran out while the store was away, or that another
// server of the store does not know, unless another owner has it. Then it writes what is
// pending, after what may be missing there.
func (j *journal) regain(ctx context.Context) error {
	lease, err := j.store.Renew(ctx, j.lease, j.pace.ttl)
	if isConflict(err) {
		lease, err = j.store.Acquire(ctx, j.lease.Session, j.lease.Owner, j.pace.ttl, false)
	}
	if err != nil {
		return err
	}
	entries := j.pending
	if lease.History != j.lease.History {
		entries = slices.Concat(j.recent, j.pending)
	}
	if err := j.store.Commit(ctx, lease, entries, j.state, j.life+j.spare); err != nil {
		if isConflict(err) { // somebody else's entries are there
			_ = j.store.Release(ctx, lease)
		}
		return err
	}
	j.lease = lease
	j.acknowledge(j.pending)
	j.pending = nil
	return nil
}

func isConflict(err error) bool { return err != nil && fault.From(err).Code == fault.Conflict }

// keep renews the lease until ctx ends, and tells each how that went. It returns the
// error when the lease is another's.
func (j *journal) keep(ctx context.Context, each func(error)) error {
	tick := time.NewTicker(j.pace.renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-j.doubt:
		}
		err := j.renew(ctx)
		if isConflict(err) {
			return err
		}
		if ctx.Err() == nil {
			each(err)
		}
	}
}

// renew extends the lease, or takes it again when it ran out and nobody has it.
func (j *journal) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, j.pace.timeout)
	defer cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	lease, err := j.store.Renew(ctx, j.lease, j.pace.ttl)
	if isConflict(err) || err == nil && lease.History != j.lease.History {
		return j.regain(ctx)
	}
	if err == nil {
		j.lease = lease
	}
	return err
}

func (j *journal) currentLease() Lease {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lease
}

// newID makes an id of 128 random bits behind prefix.
func newID(prefix string) string { return prefix + rand.Text() }
