package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"frontdesk/fault"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/storetest"
)

func openValkey(t testing.TB, o session.ValkeyOptions) *session.Valkey {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := session.OpenValkey(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func TestValkeyKeepsTheContract(t *testing.T) {
	server := valkeytest.Start(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		return openValkey(t, session.ValkeyOptions{Addresses: []string{server.Addr}})
	})
}

func TestAValkeyClusterKeepsTheContract(t *testing.T) {
	nodes := valkeytest.Cluster(t, 3)
	storetest.Run(t, func(t *testing.T) session.Store {
		return openValkey(t, session.ValkeyOptions{Addresses: []string{nodes[2].Addr, nodes[0].Addr}})
	})
}

func TestValkeyWithAReplicaKeepsTheContract(t *testing.T) {
	primary := valkeytest.Start(t)
	primary.Replica(t)
	storetest.Run(t, func(t *testing.T) session.Store {
		return openValkey(t, session.ValkeyOptions{
			Addresses: []string{primary.Addr}, Replicas: 1, ReplicaWait: time.Second, RequireReplicas: true,
		})
	})
}

// away is a store behind a relay that a test can break.
func away(t *testing.T) (*session.Valkey, *valkeytest.Server, *valkeytest.Relay) {
	t.Helper()
	server := valkeytest.Start(t)
	relay := valkeytest.NewRelay(t, server.Addr)
	return openValkey(t, session.ValkeyOptions{Addresses: []string{relay.Addr}}), server, relay
}

func line(id string) []session.Entry {
	return []session.Entry{{ID: id, Kind: "message", At: time.Unix(1, 0).UTC(), Body: []byte(`"` + id + `"`)}}
}

func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if e := fault.From(err); e == nil || e.Code != code || !e.Retry {
		t.Errorf("got %v, want a retryable %s", err, code)
	}
}

func TestAValkeyThatIsAwayIsToldInTime(t *testing.T) {
	store, server, relay := away(t)
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	try := func(id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return store.Commit(ctx, l, line(id), session.State{}, time.Minute)
	}
	for name, fail := range map[string]func(){"refused": relay.Down, "dropped": relay.Deafen, "unanswered": relay.Mute} {
		fail()
		err := try("1-1")
		wantFault(t, err, fault.Unavailable)
		if fault.From(err).After <= 0 {
			t.Errorf("%s: nobody is told when to come back: %v", name, err)
		}
		relay.Up()
	}
	if err := store.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Errorf("back again: %v", err)
	}
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	wantFault(t, try("1-2"), fault.Unavailable)
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), l, line("1-2"), session.State{}, time.Minute); err != nil {
		t.Errorf("after a pause: %v", err)
	}
}

func TestAnAcquisitionWhoseAnswerWasLostIsTheSame(t *testing.T) {
	store, server, relay := away(t)
	if _, err := store.Acquire(t.Context(), "s", "a", time.Minute, false); err != nil {
		t.Fatal(err)
	}
	relay.Mute()
	got := make(chan session.Lease)
	go func() {
		l, err := store.Acquire(t.Context(), "s", "b", time.Minute, true)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	other := openValkey(t, session.ValkeyOptions{Addresses: []string{server.Addr}})
	for { // until the lease is b's, in the server
		_, err := other.Acquire(t.Context(), "s", "a", time.Minute, false)
		if err != nil {
			break
		}
	}
	epoch := server.Must(t, "HGET", "fd:{s}:lease", "epoch")
	relay.Break()
	relay.Up()
	l := <-got
	if fmt.Sprint(l.Epoch) != epoch {
		t.Errorf("epoch %d, the first try made it %s", l.Epoch, epoch)
	}
	if err := store.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAFullValkeyRefusesAllOrNothing(t *testing.T) {
	store, server, _ := away(t)
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "1")
	two := append(line("1-1"), line("1-2")...)
	wantFault(t, store.Commit(t.Context(), l, two, session.State{Agent: "new"}, time.Minute), fault.Storage)
	state, entries, err := store.Load(t.Context(), "s")
	if err != nil || state.Agent != "" || len(entries) != 0 {
		t.Errorf("of the refused commit there is %v, %v, %v", state, entries, err)
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "0")
	if err := store.Commit(t.Context(), l, two, session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAnUnfitValkeyIsRefusedAtTheStart(t *testing.T) {
	closed := valkeytest.Start(t)
	closed.Kill()
	locked := valkeytest.Start(t)
	locked.Must(t, "CONFIG", "SET", "requirepass", "right")
	forgetful := valkeytest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	silent := valkeytest.NewRelay(t, forgetful.Addr)
	silent.Mute()
	for name, test := range map[string]struct {
		o    session.ValkeyOptions
		code fault.Code
	}{
		"nobody listens": {session.ValkeyOptions{Addresses: []string{closed.Addr}}, fault.Unavailable},
		"nobody answers": {session.ValkeyOptions{Addresses: []string{silent.Addr}}, fault.Unavailable},
		"no password":    {session.ValkeyOptions{Addresses: []string{locked.Addr}}, fault.Storage},
		"wrong password": {session.ValkeyOptions{Addresses: []string{locked.Addr}, Password: "wrong"}, fault.Storage},
		"evicts keys":    {session.ValkeyOptions{Addresses: []string{forgetful.Addr}}, fault.Storage},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := session.OpenValkey(ctx, test.o)
			if e := fault.From(err); e == nil || e.Code != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
	openValkey(t, session.ValkeyOptions{Addresses: []string{locked.Addr}, Password: "right"})
}
