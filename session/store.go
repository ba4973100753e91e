package session

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Entry is one record in a session's log. Its ID orders it, and tells a retry from a new
// entry.
type Entry struct {
	ID   string          `json:"id"`   // "TURN-SEQ", both decimal; unique and growing within the session
	Kind string          `json:"kind"` // "message", "turn", "memory", "reading", "ending"
	At   time.Time       `json:"at"`
	Body json.RawMessage `json:"body"`
}

// Position returns the two numbers of e.ID. The first position is 0-1, as in a Valkey
// stream. The error is Invalid when the ID is malformed or the Body is not JSON.
func (e Entry) Position() (turn, seq int64, err error) {
	before, after, _ := strings.Cut(e.ID, "-")
	t, err1 := strconv.ParseUint(before, 10, 63)
	n, err2 := strconv.ParseUint(after, 10, 63)
	if err1 != nil || err2 != nil || t == 0 && n == 0 {
		return 0, 0, fault.New(fault.Invalid, "malformed entry ID %q (want TURN-SEQ, from 0-1)", e.ID)
	}
	if !json.Valid(e.Body) {
		return 0, 0, fault.New(fault.Invalid, "the body of entry %s is not JSON", e.ID)
	}
	return int64(t), int64(n), nil
}

// State is the small record of a session that each commit replaces.
type State struct {
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Seq     int       `json:"seq"`            // SEQ of the last entry
	Turn    int       `json:"turn"`           // number of the last turn
	Version int       `json:"version"`        // grows with every commit, so that a late retry is detected
	Ended   string    `json:"ended,omitzero"` // the Ending's result; "" while the session may be resumed

	Until   time.Time `json:"until,omitzero"`   // until when the session may be resumed
	Summary string    `json:"summary,omitzero"` // written by the archive when the session is over
	Callers []string  `json:"callers,omitzero"` // who spoke in it, as Tokens.CallerKeys names them

	Resume   *dialog.ResumeState `json:"saying,omitempty"`   // the reply that was interrupted
	Overview *dialog.Overview    `json:"overview,omitempty"` // what the session is about; nil if nothing
}

// IsOver reports whether the session can no longer be resumed.
func (s State) IsOver() bool {
	return s.Ended != "" || !s.Until.IsZero() && time.Now().After(s.Until)
}

// Lease is the right to write a session. Every write carries it.
type Lease struct {
	Session string
	Owner   string    // the holder, for logs
	Nonce   string    // random; the store refuses a write under another nonce than the stored one
	Epoch   int64     // grows with every acquisition: max(previous+1, the store's clock in ms)
	Expires time.Time // by the local monotonic clock; the holder stops acting before it
	History string    // the store's history in which the lease was acquired; another history may lack recent writes
}

// Store keeps sessions: each has one writer at a time, an ordered log and a state. Every
// method respects the deadline of its ctx. Errors are fault.Error: NotFound for a session
// that the store does not have, Conflict for a lease that is held by another owner or
// lost and for an entry that exists with other content, Storage when the store refuses to
// write, Unavailable when it cannot be reached.
//
// A store that runs on several servers may lose its latest writes when another server
// takes over. That server has another history, and it refuses commits under a lease of
// the former history with Conflict. The holder then renews its lease, and commits its
// recent entries again.
type Store interface {
	// Acquire acquires the session's lease for ttl and creates the session if it is new.
	// It fails with Conflict while the lease of another owner runs, unless force is set:
	// then the other owner loses its lease at once.
	Acquire(ctx context.Context, session, owner string, ttl time.Duration, force bool) (Lease, error)
	// Renew extends a lease that l still holds. If the store has another history than l,
	// Renew restores the lease there, unless another owner has a lease of a later epoch or
	// has written entries later; the lease that it returns then has that history.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release gives the lease up. To release a lease that has expired is not an error.
	Release(ctx context.Context, l Lease) error
	// Commit appends entries, replaces the state, and keeps the session for ttl from now:
	// all of it or nothing. It skips entries that exist with the same content, and does
	// not replace a state of a higher version. So a retry does no harm, however late it
	// arrives.
	Commit(ctx context.Context, l Lease, entries []Entry, s State, ttl time.Duration) error
	// Load reads a whole session. It needs no lease.
	Load(ctx context.Context, session string) (State, []Entry, error)
	// Watch calls onTaken, which must not block, with each session whose running lease
	// another owner took. It returns when ctx ends or the store cannot be reached, and does
	// not report later what happened meanwhile. A store of a single process never calls
	// onTaken.
	Watch(ctx context.Context, onTaken func(session string)) error
}

// Milliseconds rounds d up to whole milliseconds, in which stores measure time, so that
// no positive duration becomes zero.
func Milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// LeaseExpiry returns when the holder must regard a lease that it acquires now as
// expired: not later than the store does, which counts in whole milliseconds.
func LeaseExpiry(ttl time.Duration) time.Time { return time.Now().Add(ttl - time.Millisecond) }

// ErrNoSession is the error of a Store that does not have the session.
func ErrNoSession() error {
	return fault.New(fault.NotFound, "this session does not exist or has expired")
}

// ErrLeaseHeld is the error of Store.Acquire while another owner's lease runs for wait.
func ErrLeaseHeld(wait time.Duration) error {
	return fault.New(fault.Conflict, "this session is in use elsewhere").Retryable(wait)
}

// ErrLeaseLost is the error of a Store when a lease has expired or belongs to another owner.
func ErrLeaseLost() error {
	return fault.New(fault.Conflict, "the lease of this session was lost")
}

// ErrEntryTooLate is the error of Store.Commit for an entry before the last stored one.
func ErrEntryTooLate(id string) error {
	return fault.New(fault.Conflict, "entry %s comes before an entry that is stored already", id)
}

// ErrEntryDiffers is the error of Store.Commit for an entry that is stored with other content.
func ErrEntryDiffers(id string) error {
	return fault.New(fault.Conflict, "entry %s is stored already with other content", id)
}
