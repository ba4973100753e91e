package storetest

import (
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

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
