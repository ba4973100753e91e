package storetest

import (
	"encoding/json"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

func retry(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "one"), entry("1-2", "two"))
	f.commit(t, l, long, entry("0-1", "one"), entry("1-2", "two"))
	f.commit(t, l, long, entry("1-2", "two"), entry("1-3", "three"))
	_, entries := f.load(t)
	wantEqual(t, "entries", entries, []session.Entry{entry("0-1", "one"), entry("1-2", "two"), entry("1-3", "three")})
}

func lateRetry(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	commit := func(l session.Lease, version int, entries ...session.Entry) {
		t.Helper()
		if err := f.store.Commit(f.ctx, l, entries, session.State{Seq: len(entries), Version: version}, long); err != nil {
			t.Fatal(err)
		}
	}
	one, two := entry("0-1", "one"), entry("0-2", "two")
	commit(l, 1, one)
	commit(l, 2, one, two)
	commit(l, 1, one) // the first commit arrives a second time
	state, _ := f.load(t)
	wantEqual(t, "state", state, session.State{Seq: 2, Version: 2})
	wantEqual(t, "ids", f.ids(t), []string{"0-1", "0-2"})
	next := f.acquire(t, "b", long)
	commit(next, 2, one, two)
	commit(next, 3)
	state, _ = f.load(t)
	wantEqual(t, "state by another owner", state, session.State{Version: 3})
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
	// The store refuses the last entry, so it must not store the others and the state either.
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

func malformedEntries(t *testing.T, f *fixture) {
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
