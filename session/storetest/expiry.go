package storetest

import (
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

// expire lets the session expire.
func (f *fixture) expire(t *testing.T, l session.Lease) {
	t.Helper()
	f.commit(t, l, time.Millisecond)
	require.NoError(t, f.store.Release(f.ctx, l))
	f.waitUntil(t, "the expiry of the session", func() bool {
		_, _, err := f.store.Load(f.ctx, f.session)
		return err != nil
	})
}

// sweep deletes expired sessions and returns how many. A store that is not a Sweeper deletes
// them by itself.
func (f *fixture) sweep(t *testing.T) int {
	t.Helper()
	s, ok := f.store.(Sweeper)
	if !ok {
		return 0
	}
	n, err := s.Sweep(f.ctx)
	require.NoError(t, err)
	return n
}

func sessionExpiry(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"))
	f.expire(t, l)
	_, _, err := f.store.Load(f.ctx, f.session)
	wantCode(t, err, fault.NotFound)
}

func leaseOutlastsSession(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, time.Millisecond, entry("0-1", "one"))
	<-time.After(short)
	f.sweep(t)
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	f.commit(t, l, long, entry("0-2", "two"))
	wantEqual(t, "ids", f.ids(t), []string{"0-1", "0-2"})
}

func expiredSessionBeginsEmpty(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("5-1", "before the expiry"))
	f.expire(t, l)
	next := f.acquire(t, "b", long)
	if next.Epoch <= l.Epoch {
		t.Errorf("epoch %d follows %d", next.Epoch, l.Epoch)
	}
	state, entries := f.load(t)
	wantEqual(t, "state", state, session.State{})
	wantEqual(t, "number of entries", len(entries), 0)
	f.commit(t, next, long, entry("0-1", "after the expiry"))
}

func sweep(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "alive"))
	expired := *f
	expired.session += "_expired"
	lease := expired.acquire(t, "a", long)
	expired.commit(t, lease, long, entry("0-1", "expired"))
	expired.expire(t, lease)
	f.sweep(t)
	wantEqual(t, "sessions swept the second time", f.sweep(t), 0)
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	_, _, err := f.store.Load(f.ctx, expired.session)
	wantCode(t, err, fault.NotFound)
}
