// Package storetest is the conformance suite of session stores. The tests of each store
// call Run with a function that opens it. It imports session and internal/fault.
package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

const (
	long    = time.Minute          // a TTL that does not expire during a test
	short   = 5 * time.Millisecond // a TTL whose expiry a test waits for
	timeout = 20 * time.Second     // of a test, more than any operation needs
)

// Store is what every store implements.
type Store interface {
	session.Store
	session.CallerMemory
	// List calls each with every session, with some maybe twice, until each returns an
	// error, and returns that error.
	List(ctx context.Context, each func(id string, state session.State) error) error
	// Delete removes a session and all of its entries. Its errors are those of
	// session.Store.
	Delete(ctx context.Context, l session.Lease) error
}

// Sweeper is a Store that must be told to delete expired sessions.
type Sweeper interface {
	// Sweep deletes expired sessions and returns how many.
	Sweep(ctx context.Context) (int, error)
}

// Run tests a store. Each call of open returns another handle to the same storage, as
// another process would have it. The handle is open until the test t of that call ends,
// the storage until the test t of Run ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"UnknownSessionIsNotFound", unknownSession},
		{"NewSessionIsEmpty", newSession},
		{"LoadReturnsWhatWasCommitted", loadReturnsCommitted},
		{"HeldLeaseIsRefusedToOthers", heldLease},
		{"OnlyOneOfManyGetsTheLease", contention},
		{"TakeoverFencesTheFormerOwner", takeover},
		{"OwnerMayAcquireItsLeaseAgain", ownLease},
		{"ReleasedLeaseIsFree", release},
		{"ExpiredLeaseIsFreeAndCannotWrite", expiredLease},
		{"RenewKeepsTheLease", renew},
		{"EpochGrowsWithEachLease", epochs},
		{"RetryAddsNoDuplicate", retry},
		{"LateRetryDoesNotRestoreAnOldState", lateRetry},
		{"ChangedContentIsAConflict", changedContent},
		{"RefusedCommitChangesNothing", allOrNothing},
		{"EntriesAreOrderedByNumber", order},
		{"EntryBeforeTheLastIsAConflict", growingIDs},
		{"MalformedEntryIsInvalid", malformedEntries},
		{"SessionExpires", sessionExpiry},
		{"LeaseKeepsAnExpiredSession", leaseOutlastsSession},
		{"ExpiredSessionBeginsEmpty", expiredSessionBeginsEmpty},
		{"SweepDeletesOnlyExpiredSessions", sweep},
		{"ListReturnsSessions", list},
		{"DeletedSessionIsGone", deletion},
		{"CallerMemoryExpires", callerMemory},
		{"ConcurrentCommitsAreAllStored", concurrentCommits},
		{"LargeBodiesAreStored", largeBodies},
		{"CommitsSurviveReopening", reopening},
		{"CancelledContextIsAnError", cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			test.test(t, &fixture{ctx: ctx, store: open(t), open: open, session: "sess_" + rand.Text()})
		})
	}
}

// fixture is what a test uses: a store, and the ID of a session of its own.
type fixture struct {
	ctx     context.Context
	store   Store
	open    func(t *testing.T) Store
	session string
}

func (f *fixture) acquire(t *testing.T, owner string, ttl time.Duration) session.Lease {
	t.Helper()
	l, err := f.store.Acquire(f.ctx, f.session, owner, ttl, true)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return l
}

func (f *fixture) commit(t *testing.T, l session.Lease, ttl time.Duration, entries ...session.Entry) {
	t.Helper()
	if err := f.store.Commit(f.ctx, l, entries, session.State{Agent: "demo"}, ttl); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

func (f *fixture) load(t *testing.T) (session.State, []session.Entry) {
	t.Helper()
	state, entries, err := f.store.Load(f.ctx, f.session)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return state, entries
}

func (f *fixture) ids(t *testing.T) []string {
	t.Helper()
	_, entries := f.load(t)
	ids := []string{}
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// waitUntil polls ok until it returns true or the test times out. It waits for the
// store's own clock, which sends no signal.
func (f *fixture) waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			t.Fatalf("%s did not happen", what)
		}
	}
}

func entry(id, text string) session.Entry {
	body, _ := json.Marshal(map[string]string{"text": text})
	return session.Entry{ID: id, Kind: "message", At: time.Date(2031, 5, 6, 7, 8, 9, 123456789, time.UTC), Body: body}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if got := fault.From(err).Code; got != want {
		t.Fatalf("error %q has the code %s, want %s", err, got, want)
	}
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
}

func unknownSession(t *testing.T, f *fixture) {
	l := session.Lease{Session: f.session, Owner: "a", Nonce: "n"}
	_, _, err := f.store.Load(f.ctx, f.session)
	wantCode(t, err, fault.NotFound)
	_, err = f.store.Renew(f.ctx, l, long)
	wantCode(t, err, fault.NotFound)
	wantCode(t, f.store.Release(f.ctx, l), fault.NotFound)
	wantCode(t, f.store.Commit(f.ctx, l, nil, session.State{}, long), fault.NotFound)
}

func newSession(t *testing.T, f *fixture) {
	f.acquire(t, "a", long)
	state, entries := f.load(t)
	wantEqual(t, "state", state, session.State{})
	wantEqual(t, "number of entries", len(entries), 0)
}

func loadReturnsCommitted(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	state := session.State{Agent: "demo", Created: time.Date(2031, 1, 2, 3, 4, 5, 6000, time.UTC), Seq: 2, Turn: 1}
	entries := []session.Entry{entry("0-1", "héllo\u2028 \x00 \"quoted\""), entry("1-2", "two")}
	entries[1].Kind = "turn"
	require.NoError(t, f.store.Commit(f.ctx, l, entries, state, long))
	gotState, got := f.load(t)
	wantEqual(t, "state", gotState, state)
	wantEqual(t, "entries", got, entries)

	state.Ended = "done"
	require.NoError(t, f.store.Commit(f.ctx, l, nil, state, long))
	gotState, got = f.load(t)
	wantEqual(t, "rewritten state", gotState, state)
	wantEqual(t, "entries after a commit without any", got, entries)
}

func concurrentCommits(t *testing.T, f *fixture) {
	const sessions, commits = 8, 20
	var all sync.WaitGroup
	for i := range sessions {
		all.Go(func() {
			own := *f
			own.session = fmt.Sprint(f.session, "_", i)
			l, err := own.store.Acquire(own.ctx, own.session, "a", long, false)
			for n := 1; err == nil && n <= commits; n++ {
				err = own.store.Commit(own.ctx, l, []session.Entry{entry(fmt.Sprint("0-", n), own.session)}, session.State{Seq: n}, long)
			}
			if err != nil {
				t.Errorf("%s: %v", own.session, err)
			}
		})
	}
	all.Wait()
	for i := range sessions {
		own := *f
		own.session = fmt.Sprint(f.session, "_", i)
		state, entries := own.load(t)
		wantEqual(t, "last seq", state.Seq, commits)
		wantEqual(t, "number of entries", len(entries), commits)
	}
}

func largeBodies(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	body, err := json.Marshal(bytes.Repeat([]byte{0xa5, 0x00, 0xff}, 1<<20))
	require.NoError(t, err)
	large := session.Entry{ID: "0-1", Kind: "message", At: time.Unix(1, 0).UTC(), Body: body}
	f.commit(t, l, long, large)
	f.commit(t, l, long, large)
	_, entries := f.load(t)
	if len(entries) != 1 || !bytes.Equal(entries[0].Body, body) {
		t.Fatal("the loaded body differs from the committed one")
	}
}

func reopening(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	t.Run("reopened", func(t *testing.T) {
		reopened := *f
		reopened.store = f.open(t)
		wantEqual(t, "ids", reopened.ids(t), []string{"0-1"})
		_, err := reopened.store.Acquire(f.ctx, f.session, "b", long, false)
		wantCode(t, err, fault.Conflict)
		reopened.commit(t, l, long, entry("0-2", "under the same lease"))
	})
	wantEqual(t, "ids", f.ids(t), []string{"0-1", "0-2"})
}

func cancelled(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	wantCode(t, f.store.Commit(ctx, l, []session.Entry{entry("0-1", "no")}, session.State{}, long), fault.Unavailable)
	f.commit(t, l, long, entry("0-1", "the store still works"))
}
