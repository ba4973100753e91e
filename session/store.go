package session

import (
	"context"
	"encoding/json"
	"time"

	"frontdesk/dialog"
)

// Entry is one record in a session's log. Its ID orders it and makes a retry
// recognisable.
type Entry struct {
	ID   string          `json:"id"`   // "TURN-SEQ", both decimal; unique and growing within the session
	Kind string          `json:"kind"` // "message", "turn", "memory", "ending"
	At   time.Time       `json:"at"`
	Body json.RawMessage `json:"body"`
}

// State is the small record of a session that is rewritten whole.
type State struct {
	Agent   string    `json:"agent"`
	Created time.Time `json:"created"`
	Seq     int       `json:"seq"`            // last entry's SEQ
	Turn    int       `json:"turn"`           // last turn's number
	Version int       `json:"version"`        // grows with every commit, so that a late one is known as such
	Ended   string    `json:"ended,omitzero"` // the Ending's result, "" while it may be resumed

	Until   time.Time `json:"until,omitzero"`   // it may be resumed
	Summary string    `json:"summary,omitzero"` // of a session that is over

	Saying *dialog.ResumeState `json:"saying,omitempty"` // the reply that was under way
}

// Over reports whether a session cannot be resumed any more.
func (s State) Over() bool { return s.Ended != "" || !s.Until.IsZero() && time.Now().After(s.Until) }

// Lease is the right to write a session. Every write carries it.
type Lease struct {
	Session string
	Owner   string    // who holds it, for people
	Nonce   string    // random; a write under another nonce than the stored one is refused
	Epoch   int64     // grows with every acquisition: max(previous+1, store's clock in ms)
	Expires time.Time // by the local monotonic clock; the holder stops acting before it
	History string    // which history of the store it was taken in; another one may lack recent writes
}

// Store keeps sessions: one writer each, an ordered log and a state. Every method
// has the deadline of its ctx. Errors are fault.Error: NotFound for a session the
// store does not hold, Conflict for a lease that is held or lost and for an entry
// that exists with other content, Storage when the store refuses to write,
// Unavailable when it cannot be reached.
//
// A store that runs on several servers may lose its latest writes when another server
// takes over. It then has another history, and commits under a lease of the one before
// are refused with Conflict. Their holders renew, and commit again what they committed
// lately.
type Store interface {
	// Acquire takes the session's lease for ttl, creating the session if it is new.
	// It fails with Conflict while another owner's lease runs, unless take is set:
	// then the other owner loses it at once.
	Acquire(ctx context.Context, session, owner string, ttl time.Duration, take bool) (Lease, error)
	// Renew extends a lease that is still held, Release gives it up. The lease that Renew
	// returns may be of another history than l: it is restored there, unless a later one
	// (by its epoch) is.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	Release(ctx context.Context, l Lease) error
	// Commit appends entries, replaces the state and extends the session's life to
	// life from now, all or nothing. Entries that are already there with the same
	// content are skipped, and a state of a lower version than the one that is there is
	// not written: a retry does no harm, however late it arrives.
	Commit(ctx context.Context, l Lease, entries []Entry, s State, life time.Duration) error
	// Load reads a session whole. It needs no lease.
	Load(ctx context.Context, session string) (State, []Entry, error)
	// Remember keeps what is known of a caller for so long, in place of what was before;
	// nothing forgets them. Recall gives it, nothing when there is none.
	Remember(ctx context.Context, caller string, known []byte, life time.Duration) error
	Recall(ctx context.Context, caller string) ([]byte, error)
	// Watch calls taken, which must not block, with each session whose lease was taken
	// from its owner while it ran. It returns when ctx ends or the store is away; what
	// happens then is not told later. A store of a single process never calls it.
	Watch(ctx context.Context, taken func(session string)) error
	// List calls each, until it returns an error, which List returns, with every session
	// that is there, maybe with some twice.
	List(ctx context.Context, each func(session string, s State) error) error
	// Delete removes a session and all of its entries.
	Delete(ctx context.Context, l Lease) error
	// Sweep deletes sessions whose life is over and returns how many.
	Sweep(ctx context.Context) (int, error)
}
