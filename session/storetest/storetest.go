// Package storetest holds every session.Store to its contract. A store's own test
// calls Run with a way to open it; nothing here knows how it is made.
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

	"frontdesk/fault"
	"frontdesk/session"
)

const (
	long    = time.Minute          // a lease or life that does not end within a test
	short   = 5 * time.Millisecond // one whose end a test waits for
	patient = 20 * time.Second     // more than any operation needs
)

// Run tests the store. Each call of open gives another handle to the same storage,
// as another process would have it, for as long as the test t of that call runs;
// the storage lasts as long as the test t of Run.
func Run(t *testing.T, open func(t *testing.T) session.Store) {
	tests := []struct {
		name string
		test func(*testing.T, *fixture)
	}{
		{"UnknownSessionIsNotFound", unknownSession},
		{"NewSessionIsEmpty", newSession},
		{"LoadGivesWhatWasCommitted", loadGivesCommitted},
		{"HeldLeaseIsRefusedToOthers", heldLease},
		{"OnlyOneOfManyGetsTheLease", contention},
		{"TakeoverFencesTheOldWriter", takeover},
		{"OwnLeaseIsTakenAnew", ownLease},
		{"ReleasedLeaseIsFree", release},
		{"ExpiredLeaseIsFreeAndCannotWrite", expiry},
		{"RenewKeepsTheLease", renew},
		{"EpochOnlyGrows", epochs},
		{"RetryIsADuplicate", retry},
		{"ChangedContentIsAConflict", changedContent},
		{"RefusedCommitChangesNothing", allOrNothing},
		{"EntriesAreOrderedByNumber", order},
		{"EntryIDsOnlyGrow", growingIDs},
		{"BrokenEntryIsInvalid", brokenEntries},
		{"SessionEndsWithItsLife", life},
		{"LeaseKeepsSessionAlive", leaseOutlastsLife},
		{"EndedSessionBeginsAnew", rebirth},
		{"SweepLeavesTheLiving", sweep},
		{"ConcurrentCommitsAllArrive", concurrentCommits},
		{"BigBodiesAreKept", bigBodies},
		{"CommittedSurvivesReopening", reopening},
		{"CancelledContextIsTold", cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			test.test(t, &fixture{ctx: ctx, store: open(t), open: open, session: "sess_" + rand.Text()})
		})
	}
}

// fixture is what a test works with: a store and a session of its own.
type fixture struct {
	ctx     context.Context
	store   session.Store
	open    func(t *testing.T) session.Store
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

func (f *fixture) commit(t *testing.T, l session.Lease, life time.Duration, entries ...session.Entry) {
	t.Helper()
	if err := f.store.Commit(f.ctx, l, entries, session.State{Agent: "demo"}, life); err != nil {
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

// until tries again until ok or the test's time is over: what it waits for is the
// store's own clock.
func (f *fixture) until(t *testing.T, what string, ok func() bool) {
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
		t.Fatalf("error %q is of code %s, want %s", err, got, want)
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

func loadGivesCommitted(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	state := session.State{Agent: "demo", Created: time.Date(2031, 1, 2, 3, 4, 5, 6000, time.UTC), Seq: 2, Turn: 1}
	entries := []session.Entry{entry("0-1", "héllo\u2028 \x00 \"quoted\""), entry("1-2", "two")}
	entries[1].Kind = "turn"
	if err := f.store.Commit(f.ctx, l, entries, state, long); err != nil {
		t.Fatal(err)
	}
	gotState, got := f.load(t)
	wantEqual(t, "state", gotState, state)
	wantEqual(t, "entries", got, entries)

	state.Ended = "done"
	if err := f.store.Commit(f.ctx, l, nil, state, long); err != nil {
		t.Fatal(err)
	}
	gotState, got = f.load(t)
	wantEqual(t, "rewritten state", gotState, state)
	wantEqual(t, "kept entries", got, entries)
}

func heldLease(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	_, err := f.store.Acquire(f.ctx, f.session, "b", long, false)
	wantCode(t, err, fault.Conflict)
	f.commit(t, l, long, entry("0-1", "still mine"))
}

func contention(t *testing.T, f *fixture) {
	var mu sync.Mutex
	var winners []session.Lease
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			l, err := f.store.Acquire(f.ctx, f.session, fmt.Sprint("owner ", i), long, false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners = append(winners, l)
			} else if code := fault.From(err).Code; code != fault.Conflict {
				t.Errorf("a loser got %s: %v", code, err)
			}
		})
	}
	all.Wait()
	wantEqual(t, "number of winners", len(winners), 1)
	f.commit(t, winners[0], long, entry("0-1", "I won"))
}

func takeover(t *testing.T, f *fixture) {
	old := f.acquire(t, "a", long)
	f.commit(t, old, long, entry("0-1", "from a"))
	l := f.acquire(t, "b", long)
	if l.Nonce == old.Nonce {
		t.Fatal("both leases have the same nonce")
	}
	wantCode(t, f.store.Commit(f.ctx, old, []session.Entry{entry("0-2", "stale")}, session.State{}, long), fault.Conflict)
	_, err := f.store.Renew(f.ctx, old, long)
	wantCode(t, err, fault.Conflict)
	wantCode(t, f.store.Release(f.ctx, old), fault.Conflict)
	f.commit(t, l, long, entry("0-2", "from b"))
	_, entries := f.load(t)
	wantEqual(t, "entries", entries, []session.Entry{entry("0-1", "from a"), entry("0-2", "from b")})
}

func ownLease(t *testing.T, f *fixture) {
	old := f.acquire(t, "a", long)
	l, err := f.store.Acquire(f.ctx, f.session, "a", long, false)
	if err != nil {
		t.Fatalf("its own owner was refused: %v", err)
	}
	wantCode(t, f.store.Commit(f.ctx, old, nil, session.State{}, long), fault.Conflict)
	f.commit(t, l, long)
}

func release(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "bye"))
	if err := f.store.Release(f.ctx, l); err != nil {
		t.Fatal(err)
	}
	wantCode(t, f.store.Commit(f.ctx, l, nil, session.State{}, long), fault.Conflict)
	if _, err := f.store.Acquire(f.ctx, f.session, "b", long, false); err != nil {
		t.Fatalf("a released lease was refused: %v", err)
	}
	wantEqual(t, "entries", f.ids(t), []string{"0-1"})
}

func expiry(t *testing.T, f *fixture) {
	first := f.acquire(t, "a", long)
	f.commit(t, first, long, entry("0-1", "one"))
	old := f.acquire(t, "a", short)
	f.until(t, "the end of the lease", func() bool {
		return f.store.Commit(f.ctx, old, nil, session.State{}, long) != nil
	})
	wantCode(t, f.store.Commit(f.ctx, old, nil, session.State{}, long), fault.Conflict)
	_, err := f.store.Renew(f.ctx, old, long)
	wantCode(t, err, fault.Conflict)
	if time.Now().Before(old.Expires) {
		t.Error("the store ended the lease before the holder would have stopped")
	}
	l, err := f.store.Acquire(f.ctx, f.session, "b", long, false)
	if err != nil {
		t.Fatalf("an expired lease was refused: %v", err)
	}
	f.commit(t, l, long)
	wantEqual(t, "entries", f.ids(t), []string{"0-1"})
}

func renew(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	renewed, err := f.store.Renew(f.ctx, l, 2*long)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "nonce", renewed.Nonce, l.Nonce)
	wantEqual(t, "epoch", renewed.Epoch, l.Epoch)
	if !renewed.Expires.After(l.Expires) {
		t.Errorf("renewed until %v, was %v", renewed.Expires, l.Expires)
	}
	if _, err := f.store.Renew(f.ctx, renewed, short); err != nil {
		t.Fatal(err)
	}
	f.until(t, "the end of the renewed lease", func() bool {
		_, err := f.store.Acquire(f.ctx, f.session, "b", long, false)
		return err == nil
	})
}

func epochs(t *testing.T, f *fixture) {
	last := f.acquire(t, "a", long)
	if ms := time.Now().Add(-time.Hour).UnixMilli(); last.Epoch < ms {
		t.Errorf("the first epoch is %d, not the store's clock in milliseconds", last.Epoch)
	}
	for i := range 20 {
		next := f.acquire(t, fmt.Sprint("owner ", i%2), long)
		if next.Epoch <= last.Epoch {
			t.Fatalf("epoch %d follows %d", next.Epoch, last.Epoch)
		}
		last = next
	}
}

func retry(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"), entry("1-2", "two"))
	f.commit(t, l, long, entry("0-1", "one"), entry("1-2", "two"))
	f.commit(t, l, long, entry("1-2", "two"), entry("1-3", "three"))
	_, entries := f.load(t)
	wantEqual(t, "entries", entries, []session.Entry{entry("0-1", "one"), entry("1-2", "two"), entry("1-3", "three")})
}

func changedContent(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	other := entry("0-1", "one")
	other.Kind = "turn"
	for _, e := range []session.Entry{entry("0-1", "uno"), other} {
		wantCode(t, f.store.Commit(f.ctx, l, []session.Entry{e}, session.State{}, long), fault.Conflict)
	}
	_, entries := f.load(t)
	wantEqual(t, "entries", entries, []session.Entry{entry("0-1", "one")})
}

func allOrNothing(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	// The last entry is refused, so the first ones and the state are too.
	mixed := []session.Entry{entry("0-2", "two"), entry("0-3", "three"), entry("0-1", "changed")}
	wantCode(t, f.store.Commit(f.ctx, l, mixed, session.State{Agent: "other"}, long), fault.Conflict)
	state, _ := f.load(t)
	wantEqual(t, "agent", state.Agent, "demo")
	wantEqual(t, "entries", f.ids(t), []string{"0-1"})
}

func order(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	want := []string{"0-1", "0-2", "0-9", "0-10", "2-11", "9-12", "10-100", "10-1000"}
	for _, id := range want {
		f.commit(t, l, long, entry(id, id))
	}
	wantEqual(t, "ids", f.ids(t), want)
}

func growingIDs(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("1-10", "ten"))
	for _, id := range []string{"1-9", "0-11"} {
		wantCode(t, f.store.Commit(f.ctx, l, []session.Entry{entry(id, "late")}, session.State{}, long), fault.Conflict)
	}
	wantEqual(t, "ids", f.ids(t), []string{"1-10"})
}

func brokenEntries(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	for _, id := range []string{"", "1", "-1", "1-", "a-1", "1-b", "0-0", "1-1-1", "1--1", "99999999999999999999-1"} {
		wantCode(t, f.store.Commit(f.ctx, l, []session.Entry{entry(id, "x")}, session.State{}, long), fault.Invalid)
	}
	for _, body := range []string{"", "{", "nonsense"} {
		e := entry("0-1", "")
		e.Body = json.RawMessage(body)
		wantCode(t, f.store.Commit(f.ctx, l, []session.Entry{e}, session.State{}, long), fault.Invalid)
	}
	wantEqual(t, "ids", f.ids(t), []string{})
}

// end lets the session's life run out.
func (f *fixture) end(t *testing.T, l session.Lease) {
	t.Helper()
	f.commit(t, l, time.Millisecond)
	if err := f.store.Release(f.ctx, l); err != nil {
		t.Fatal(err)
	}
	f.until(t, "the end of the session", func() bool {
		_, _, err := f.store.Load(f.ctx, f.session)
		return err != nil
	})
}

func life(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	f.end(t, l)
	_, _, err := f.store.Load(f.ctx, f.session)
	wantCode(t, err, fault.NotFound)
}

func leaseOutlastsLife(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, time.Millisecond, entry("0-1", "one"))
	<-time.After(short)
	if _, err := f.store.Sweep(f.ctx); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	f.commit(t, l, long, entry("0-2", "two"))
	wantEqual(t, "ids", f.ids(t), []string{"0-1", "0-2"})
}

func rebirth(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("5-1", "of the first life"))
	f.end(t, l)
	next := f.acquire(t, "b", long)
	if next.Epoch <= l.Epoch {
		t.Errorf("epoch %d follows %d", next.Epoch, l.Epoch)
	}
	state, entries := f.load(t)
	wantEqual(t, "state", state, session.State{})
	wantEqual(t, "number of entries", len(entries), 0)
	f.commit(t, next, long, entry("0-1", "of the second life"))
}

func sweep(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "alive"))
	over := *f
	over.session += "_over"
	ended := over.acquire(t, "a", long)
	over.commit(t, ended, long, entry("0-1", "over"))
	over.end(t, ended)
	// A store that expires sessions by itself has nothing left to sweep.
	if _, err := f.store.Sweep(f.ctx); err != nil {
		t.Fatal(err)
	}
	n, err := f.store.Sweep(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "swept the second time", n, 0)
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	_, _, err = f.store.Load(f.ctx, over.session)
	wantCode(t, err, fault.NotFound)
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

func bigBodies(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	body, err := json.Marshal(bytes.Repeat([]byte{0xa5, 0x00, 0xff}, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	big := session.Entry{ID: "0-1", Kind: "message", At: time.Unix(1, 0).UTC(), Body: body}
	f.commit(t, l, long, big)
	f.commit(t, l, long, big)
	_, entries := f.load(t)
	if len(entries) != 1 || !bytes.Equal(entries[0].Body, body) {
		t.Fatal("the body came back changed")
	}
}

func reopening(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	t.Run("again", func(t *testing.T) {
		again := *f
		again.store = f.open(t)
		wantEqual(t, "ids", again.ids(t), []string{"0-1"})
		_, err := again.store.Acquire(f.ctx, f.session, "b", long, false)
		wantCode(t, err, fault.Conflict)
		again.commit(t, l, long, entry("0-2", "the lease lasts too"))
	})
	wantEqual(t, "ids", f.ids(t), []string{"0-1", "0-2"})
}

func cancelled(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	ctx, cancel := context.WithCancel(f.ctx)
	cancel()
	wantCode(t, f.store.Commit(ctx, l, []session.Entry{entry("0-1", "no")}, session.State{}, long), fault.Unavailable)
	f.commit(t, l, long, entry("0-1", "the store works on"))
}
