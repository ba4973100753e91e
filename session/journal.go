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
	readingEntry = "reading"
	endingEntry  = "ending"
)

const (
	maxPending = 1000 // entries that wait for a store that cannot be reached; further ones are refused

	// Bounds of the recent entries, which another server of the store may lack after a
	// failover. The oldest are dropped first: the replicas have had most time to get them.
	maxRecent      = 100
	maxRecentBytes = 256 << 10 // of their bodies
)

// LeaseTTL is how long a call's lease lasts after each renewal.
const LeaseTTL = 10 * time.Second

// leaseTiming is how long a lease lasts, how often it is renewed, and the timeout of the
// store. The holder can try to renew several times before the lease expires.
type leaseTiming struct{ ttl, renewal, timeout time.Duration }

var defaultTiming = leaseTiming{ttl: LeaseTTL, renewal: 3 * time.Second, timeout: storeTimeout}

// journal is a session's log under one lease. It keeps entries that the store refuses and
// writes them with the next append, so the store misses nothing when it works again. When
// a failover of the store loses acknowledged entries, the journal writes them again.
type journal struct {
	store        Store
	resumeWindow time.Duration
	grace        time.Duration // how long the store keeps the session after its resume window
	timing       leaseTiming
	leaseTaken   <-chan struct{} // signals that another node may hold the lease

	mu          sync.Mutex
	lease       Lease
	state       State
	known       map[string]bool // IDs of the messages that are in the log or pending
	pending     []Entry
	recent      []Entry // acknowledged, in order
	recentBytes int     // of recent's bodies
}

// newJournal returns the journal of a log that has entries.
func newJournal(store Store, lease Lease, state State, entries []Entry, resumeWindow time.Duration) *journal {
	j := &journal{store: store, lease: lease, state: state, resumeWindow: resumeWindow, timing: defaultTiming, known: make(map[string]bool)}
	for _, m := range messages(entries) {
		j.known[m.ID] = true
	}
	j.addRecent(entries)
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
	if r.Reading != nil {
		if err := j.add(readingEntry, r.Reading); err != nil {
			return err
		}
	}
	if r.Overview != nil {
		j.state.Overview = r.Overview
	}
	j.state.Resume = r.Resume
	return j.commit(ctx)
}

// setAgent makes agent the one that later lines of the session continue with. Nothing of
// what another agent was saying is continued.
func (j *journal) setAgent(ctx context.Context, agent string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state.Agent, j.state.Resume, j.state.Overview = agent, nil, nil
	return j.commit(ctx)
}

// appendEnding writes how the call ended.
func (j *journal) appendEnding(ctx context.Context, e Ending) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Result == Done || e.Result == Transferred {
		j.state.Ended = string(e.Result)
	}
	if !e.Result.isResumable() {
		j.state.Resume = nil
	}
	body := struct {
		Result  Result         `json:"result"`
		Reason  string         `json:"reason"`
		Quality *media.Quality `json:"quality,omitempty"`
		Person  *media.Quality `json:"person_quality,omitempty"`
	}{e.Result, e.Reason, e.Quality, e.PersonQuality}
	if err := j.add(endingEntry, body); err != nil {
		return err
	}
	return j.commit(ctx)
}

// add adds an entry to those that commit writes.
func (j *journal) add(kind string, body any) error {
	if len(j.pending) >= maxPending {
		return fault.New(fault.Storage, "the conversation can no longer be recorded")
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

// commit writes the pending entries. A barge-in, which cancels ctx, does not stop it.
func (j *journal) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.timing.timeout)
	defer cancel()
	j.state.Version++
	j.state.Until = time.Now().UTC().Add(j.resumeWindow)
	err := j.store.Commit(ctx, j.lease, j.pending, j.state, j.resumeWindow+j.grace)
	if isConflict(err) {
		return j.regainLease(ctx)
	}
	if err == nil {
		j.addRecent(j.pending)
		j.pending = nil
	}
	return err
}

// addRecent adds entries that the store has acknowledged.
func (j *journal) addRecent(entries []Entry) {
	for _, e := range entries {
		j.recentBytes += len(e.Body)
	}
	j.recent = append(j.recent, entries...)
	for len(j.recent) > maxRecent || j.recentBytes > maxRecentBytes {
		j.recentBytes -= len(j.recent[0].Body)
		j.recent[0] = Entry{} // release its body
		j.recent = j.recent[1:]
	}
}

// regainLease acquires a lease again that expired while the store could not be reached, or
// that another server of the store does not know, unless another owner holds it. Then it
// writes the entries that this server may lack, and the pending ones.
func (j *journal) regainLease(ctx context.Context) error {
	lease, err := j.store.Renew(ctx, j.lease, j.timing.ttl)
	if isConflict(err) {
		lease, err = j.acquireAgain(ctx)
	}
	if err != nil {
		return err
	}
	entries := j.pending
	if lease.History != j.lease.History {
		entries = slices.Concat(j.recent, j.pending)
	}
	if err := j.store.Commit(ctx, lease, entries, j.state, j.resumeWindow+j.grace); err != nil {
		if isConflict(err) { // another owner has written
			_ = j.store.Release(ctx, lease)
		}
		return err
	}
	j.lease = lease
	j.addRecent(j.pending)
	j.pending = nil
	return nil
}

// acquireAgain acquires the lease, unless another owner holds it or has written entries
// since. The second needs a check of its own, because a commit without entries conflicts
// with none.
func (j *journal) acquireAgain(ctx context.Context) (Lease, error) {
	lease, err := j.store.Acquire(ctx, j.lease.Session, j.lease.Owner, j.timing.ttl, false)
	if err != nil {
		return Lease{}, err
	}
	state, entries, err := j.store.Load(ctx, lease.Session)
	if n := len(entries); n > 0 && !j.hasWritten(entries[n-1]) {
		_ = j.store.Release(ctx, lease)
		err = ErrLeaseLost()
	}
	j.state.Version = max(j.state.Version, state.Version) // another owner may have raised it without an entry
	return lease, err
}

// hasWritten reports whether the log had e when the journal last wrote to it, or e is
// pending: then the answer to the commit that wrote it was lost.
func (j *journal) hasWritten(e Entry) bool {
	_, seq, err := e.Position()
	return err == nil && seq <= int64(j.state.Seq-len(j.pending)) ||
		slices.ContainsFunc(j.pending, func(p Entry) bool { return p.ID == e.ID })
}

// overview returns what the session is about; nil if nothing.
func (j *journal) overview() *dialog.Overview {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.Overview
}

func isConflict(err error) bool { return err != nil && fault.From(err).Code == fault.Conflict }

// KeepLease renews the lease until ctx ends, and calls onRenewal with the result of each
// renewal. It returns the error when another owner has the lease.
func (j *journal) KeepLease(ctx context.Context, onRenewal func(error)) error {
	tick := time.NewTicker(j.timing.renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-j.leaseTaken:
		}
		err := j.RenewLease(ctx)
		if isConflict(err) {
			return err
		}
		if ctx.Err() == nil {
			onRenewal(err)
		}
	}
}

// RenewLease extends the lease, or acquires it again when it has expired and nobody holds it.
func (j *journal) RenewLease(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, j.timing.timeout)
	defer cancel()
	j.mu.Lock()
	defer j.mu.Unlock()
	lease, err := j.store.Renew(ctx, j.lease, j.timing.ttl)
	if isConflict(err) || err == nil && lease.History != j.lease.History {
		return j.regainLease(ctx)
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

// messages returns the messages of a log in order.
func messages(entries []Entry) []dialog.Message {
	var out []dialog.Message
	for _, e := range entries {
		var m dialog.Message
		if e.Kind == messageEntry && json.Unmarshal(e.Body, &m) == nil {
			out = append(out, m)
		}
	}
	return out
}

// newID returns prefix and 128 random bits.
func newID(prefix string) string { return prefix + rand.Text() }
