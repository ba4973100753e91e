package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

func heldLease(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	_, err := f.store.Acquire(f.ctx, f.session, "b", long, false)
	wantCode(t, err, fault.Conflict)
	f.commit(t, l, long, entry("0-1", "a still holds the lease"))
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
				t.Errorf("Acquire failed with %s, want conflict: %v", code, err)
			}
		})
	}
	all.Wait()
	wantEqual(t, "number of winners", len(winners), 1)
	f.commit(t, winners[0], long, entry("0-1", "won"))
}

func takeover(t *testing.T, f *fixture) {
	former := f.acquire(t, "a", long)
	f.commit(t, former, long, entry("0-1", "from a"))
	l := f.acquire(t, "b", long)
	if l.Nonce == former.Nonce {
		t.Fatal("both leases have the same nonce")
	}
	wantCode(t, f.store.Commit(f.ctx, former, []session.Entry{entry("0-2", "stale")}, session.State{}, long), fault.Conflict)
	_, err := f.store.Renew(f.ctx, former, long)
	wantCode(t, err, fault.Conflict)
	wantCode(t, f.store.Release(f.ctx, former), fault.Conflict)
	f.commit(t, l, long, entry("0-2", "from b"))
	_, entries := f.load(t)
	wantEqual(t, "entries", entries, []session.Entry{entry("0-1", "from a"), entry("0-2", "from b")})
}

func ownLease(t *testing.T, f *fixture) {
	former := f.acquire(t, "a", long)
	l, err := f.store.Acquire(f.ctx, f.session, "a", long, false)
	if err != nil {
		t.Fatalf("Acquire by the owner of the lease: %v", err)
	}
	wantCode(t, f.store.Commit(f.ctx, former, nil, session.State{}, long), fault.Conflict)
	f.commit(t, l, long)
}

func release(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "bye"))
	require.NoError(t, f.store.Release(f.ctx, l))
	wantCode(t, f.store.Commit(f.ctx, l, nil, session.State{}, long), fault.Conflict)
	if _, err := f.store.Acquire(f.ctx, f.session, "b", long, false); err != nil {
		t.Fatalf("Acquire of a released lease: %v", err)
	}
	wantEqual(t, "entries", f.ids(t), []string{"0-1"})
}

func expiredLease(t *testing.T, f *fixture) {
	first := f.acquire(t, "a", long)
	f.commit(t, first, long, entry("0-1", "one"))
	expired := f.acquire(t, "a", short)
	f.waitUntil(t, "the expiry of the lease", func() bool {
		return f.store.Commit(f.ctx, expired, nil, session.State{}, long) != nil
	})
	wantCode(t, f.store.Commit(f.ctx, expired, nil, session.State{}, long), fault.Conflict)
	_, err := f.store.Renew(f.ctx, expired, long)
	wantCode(t, err, fault.Conflict)
	if time.Now().Before(expired.Expires) {
		t.Error("the store expired the lease before Lease.Expires")
	}
	l, err := f.store.Acquire(f.ctx, f.session, "b", long, false)
	if err != nil {
		t.Fatalf("Acquire of an expired lease: %v", err)
	}
	f.commit(t, l, long)
	wantEqual(t, "entries", f.ids(t), []string{"0-1"})
}

func renew(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	renewed, err := f.store.Renew(f.ctx, l, 2*long)
	require.NoError(t, err)
	wantEqual(t, "nonce", renewed.Nonce, l.Nonce)
	wantEqual(t, "epoch", renewed.Epoch, l.Epoch)
	if !renewed.Expires.After(l.Expires) {
		t.Errorf("renewed until %v, was %v", renewed.Expires, l.Expires)
	}
	if _, err := f.store.Renew(f.ctx, renewed, short); err != nil {
		t.Fatal(err)
	}
	f.waitUntil(t, "the expiry of the renewed lease", func() bool {
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
