package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

func list(t *testing.T, f *fixture) {
	l := f.acquire(t, "a", long)
	require.NoError(t, f.store.Commit(f.ctx, l, nil, session.State{Agent: "demo", Seq: 7}, long))
	n := 0
	err := f.store.List(f.ctx, func(id string, s session.State) error {
		if id == f.session {
			n++
			wantEqual(t, "state", s, session.State{Agent: "demo", Seq: 7})
		}
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("the session was listed %d times, error %v", n, err)
	}
	stop := errors.New("stop")
	if err := f.store.List(f.ctx, func(string, session.State) error { return stop }); err != stop {
		t.Fatalf("List returned %v, want the error of its callback", err)
	}
}

func deletion(t *testing.T, f *fixture) {
	former := f.acquire(t, "a", long)
	l := f.acquire(t, "b", long)
	f.commit(t, l, long, entry("0-1", "one"))
	wantCode(t, f.store.Delete(f.ctx, former), fault.Conflict)
	wantEqual(t, "ids", f.ids(t), []string{"0-1"})
	require.NoError(t, f.store.Delete(f.ctx, l))
	_, _, err := f.store.Load(f.ctx, f.session)
	wantCode(t, err, fault.NotFound)
	wantCode(t, f.store.Delete(f.ctx, l), fault.NotFound)
	l = f.acquire(t, "a", long)
	f.commit(t, l, long, entry("0-1", "another"))
}

func callerMemory(t *testing.T, f *fixture) {
	load := func() string {
		memory, err := f.store.LoadCaller(f.ctx, f.session)
		require.NoError(t, err)
		return string(memory)
	}
	save := func(memory string, ttl time.Duration) {
		require.NoError(t, f.store.SaveCaller(f.ctx, f.session, []byte(memory), ttl))
	}
	wantEqual(t, "memory of an unknown caller", load(), "")
	save("one", long)
	save("two \x00 \"quoted\"", long)
	wantEqual(t, "replaced memory", load(), "two \x00 \"quoted\"")
	known := f.session + "/*"
	list := func() string {
		callers, err := f.store.ListCaller(f.ctx, known)
		require.NoError(t, err)
		return strings.Join(callers, " ")
	}
	require.NoError(t, f.store.SaveCaller(f.ctx, "other/"+known, []byte("x"), long))
	require.NoError(t, f.store.SaveCaller(f.ctx, "other/x"+known, []byte("x"), long))
	require.NoError(t, f.store.SaveCaller(f.ctx, "shop/"+known, []byte("x"), long))
	wantEqual(t, "memories of all agents", list(), "other/"+known+" shop/"+known)
	require.NoError(t, f.store.SaveCaller(f.ctx, "shop/"+known, nil, 0))
	require.NoError(t, f.store.SaveCaller(f.ctx, "other/"+known, nil, 0))
	wantEqual(t, "memories after they were deleted", list(), "")
	save("", long)
	wantEqual(t, "deleted memory", load(), "")
	save("three", short)
	f.waitUntil(t, "the expiry of the memory", func() bool { return load() == "" })
}
