package storetest

import (
	"errors"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

func list(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	if err := f.store.Commit(f.ctx, l, nil, session.State{Agent: "demo", Seq: 7}, long); err != nil {
		t.Fatal(err)
	}
	found := 0
	err := f.store.List(f.ctx, func(id string, s session.State) error {
		if id == f.session {
			found++
			wantEqual(t, "state", s, session.State{Agent: "demo", Seq: 7})
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Fatalf("the session was listed %d times, %v", found, err)
	}
	enough := errors.New("enough")
	if err := f.store.List(f.ctx, func(string, session.State) error { return enough }); err != enough {
		t.Fatalf("List returned %v", err)
	}
}

func deletion(t *testing.T, f *fixture) {
	old := f.acquire(t, "a", long)
	l := f.acquire(t, "b", long)
	f.commit(t, l, long, entry("0-1", "one"))
	wantCode(t, f.store.Delete(f.ctx, old), fault.Conflict)
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	if err := f.store.Delete(f.ctx, l); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.store.Load(f.ctx, f.session)
	wantCode(t, err, fault.NotFound)
	wantCode(t, f.store.Delete(f.ctx, l), fault.NotFound)
	l = f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "another"))
}

func callers(t *testing.T, f *fixture) {
	recall := func() string {
		known, err := f.store.Recall(f.ctx, f.session)
		if err != nil {
			t.Fatal(err)
		}
		return string(known)
	}
	remember := func(known string, life time.Duration) {
		if err := f.store.Remember(f.ctx, f.session, []byte(known), life); err != nil {
			t.Fatal(err)
		}
	}
	wantEqual(t, "of a stranger", recall(), "")
	remember("one", long)
	remember("two \x00 \"quoted\"", long)
	wantEqual(t, "what is known", recall(), "two \x00 \"quoted\"")
	remember("", long)
	wantEqual(t, "what is forgotten", recall(), "")
	remember("three", short)
	f.until(t, "forgetting", func() bool { return recall() == "" })
}
