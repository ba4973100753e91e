package session_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"frontdesk/internal/fault"
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
	t.Parallel() // it waits more than it works
	nodes := valkeytest.Cluster(t, 3)
	storetest.Run(t, func(t *testing.T) session.Store {
		return openValkey(t, session.ValkeyOptions{Addresses: []string{nodes[2].Addr, nodes[0].Addr}})
	})
}

func TestValkeyWithAReplicaKeepsTheContract(t *testing.T) {
	primary := valkeytest.Start(t)
	primary.Replica(t, primary.Addr)
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
	t.Parallel() // it waits more than it works
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
	for range 64 { // so that all of the client's connections are there
		if _, _, err := store.Load(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	relay.Mute()
	got := make(chan session.Lease)
	go func() {
		l, err := store.Acquire(t.Context(), "new", "b", time.Minute, true)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	server.Until(t, "b", "HGET", "fd:{new}:lease", "owner")
	epoch := server.Must(t, "HGET", "fd:{new}:lease", "epoch")
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

func TestAnAcquisitionOfLongAgoTakesNothing(t *testing.T) {
	late, server, relay := away(t)
	store := openValkey(t, session.ValkeyOptions{Addresses: []string{server.Addr}})
	for range 64 { // so that all connections of the one that will be late are there
		if _, err := late.Acquire(t.Context(), "s", "a", time.Minute, true); err != nil {
			t.Fatal(err)
		}
	}
	relay.Deafen()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := late.Acquire(ctx, "s", "a", time.Minute, true)
	wantFault(t, err, fault.Unavailable)
	l, err := store.Acquire(t.Context(), "s", "b", time.Minute, true)
	if err != nil {
		t.Fatal(err)
	}
	server.Must(t, "CONFIG", "RESETSTAT")
	relay.Up()
	server.Until(t, "cmdstat_evalsha:calls=", "INFO", "commandstats")
	if err := store.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Errorf("b lost its lease: %v", err)
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
	t.Parallel() // it waits more than it works
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

// replicated is a store with one replica, which the relay connects to it.
func replicated(t *testing.T) (primary, replica *valkeytest.Server, link *valkeytest.Relay) {
	t.Helper()
	primary = valkeytest.Start(t)
	link = valkeytest.NewRelay(t, primary.Addr)
	return primary, primary.Replica(t, link.Addr), link
}

func TestACommitWaitsForReplicas(t *testing.T) {
	primary, replica, link := replicated(t)
	o := session.ValkeyOptions{Addresses: []string{primary.Addr}, Replicas: 1, ReplicaWait: 50 * time.Millisecond}
	lenient := openValkey(t, o)
	o.RequireReplicas = true
	hasty := openValkey(t, o)
	o.ReplicaWait = time.Minute
	strict := openValkey(t, o)
	l, err := strict.Acquire(t.Context(), "s", "a", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := strict.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Fatal(err)
	}
	link.Mute() // the replica is connected and gets nothing
	wantFault(t, hasty.Commit(t.Context(), l, line("1-2"), session.State{}, time.Minute), fault.Unavailable)
	if err := lenient.Commit(t.Context(), l, line("1-3"), session.State{}, time.Minute); err != nil {
		t.Errorf("without durability.require: %v", err)
	}
	link.Up()
	for _, id := range []string{"1-2", "1-3"} {
		if err := strict.Commit(t.Context(), l, line(id), session.State{}, time.Minute); err != nil {
			t.Errorf("once the replica is there again: %v", err)
		}
	}
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	_, entries, err := openValkey(t, session.ValkeyOptions{Addresses: []string{replica.Addr}}).Load(t.Context(), "s")
	if err != nil || len(entries) != 3 {
		t.Errorf("the replica has %v, %v", entries, err)
	}
	o.Addresses = []string{replica.Addr}
	alone := openValkey(t, o) // nobody copies what it writes
	_, err = alone.Acquire(t.Context(), "s", "a", time.Minute, false)
	wantFault(t, err, fault.Unavailable)
}

func TestALeaseEndsWithItsServer(t *testing.T) {
	primary, replica, _ := replicated(t)
	front := valkeytest.NewRelay(t, primary.Addr)
	store := openValkey(t, session.ValkeyOptions{Addresses: []string{front.Addr}, Replicas: 1, ReplicaWait: time.Second})
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	front.To(replica.Addr)
	err = store.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute)
	if fault.From(err).Code != fault.Conflict {
		t.Errorf("a commit went on as if nothing had happened: %v", err)
	}
	if _, err := store.Acquire(t.Context(), "s", "b", time.Minute, false); fault.From(err).Code != fault.Conflict {
		t.Errorf("another owner took what is still a's: %v", err)
	}
	again, err := store.Renew(t.Context(), l, time.Minute)
	if err != nil || again.History == l.History {
		t.Fatalf("%+v after %+v, %v", again, l, err)
	}
	if err := store.Commit(t.Context(), again, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestAClusterFailsOver(t *testing.T) {
	t.Parallel() // it waits more than it works
	nodes := valkeytest.Cluster(t, 3)
	slot, err := strconv.Atoi(nodes[0].Must(t, "CLUSTER", "KEYSLOT", "s"))
	if err != nil {
		t.Fatal(err)
	}
	primary := nodes[slot*3/16384]
	valkeytest.ClusterReplica(t, nodes, primary)
	var others []string
	for _, n := range nodes {
		if n != primary {
			others = append(others, n.Addr)
		}
	}
	store := openValkey(t, session.ValkeyOptions{Addresses: others, Replicas: 1, ReplicaWait: time.Second})
	goesOn(t, store, primary)

	var all []string // as an operator named them once, the dead one too
	for _, n := range nodes {
		all = append(all, n.Addr)
	}
	late := openValkey(t, session.ValkeyOptions{Addresses: all})
	if _, entries, err := late.Load(t.Context(), "s"); err != nil || len(entries) != 2 {
		t.Errorf("who starts now reads %v, %v", entries, err)
	}
	var listed []string
	_ = late.List(t.Context(), func(session string, _ session.State) error {
		listed = append(listed, session)
		return nil
	})
	if !slices.Contains(listed, "s") {
		t.Errorf("there are %v", listed)
	}
}

// goesOn checks that the session s survives the death of its primary.
func goesOn(t *testing.T, store *session.Valkey, primary *valkeytest.Server) {
	t.Helper()
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Commit(t.Context(), l, line("1-1"), session.State{}, time.Minute); err != nil {
		t.Fatal(err)
	}
	primary.Kill()
	end := time.Now().Add(20 * time.Second)
	var again session.Lease
	for again.Nonce == "" {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		again, err = store.Renew(ctx, l, time.Minute)
		cancel()
		if err != nil && (fault.From(err).Code != fault.Unavailable || time.Now().After(end)) {
			t.Fatal(err)
		}
	}
	if again.History == l.History {
		t.Error("the new server is not known as such")
	}
	if err := store.Commit(t.Context(), again, line("1-2"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
	if _, entries, err := store.Load(t.Context(), "s"); err != nil || len(entries) != 2 {
		t.Errorf("the log holds %v, %v", entries, err)
	}
}

func TestASentinelFailsOver(t *testing.T) {
	t.Parallel() // it waits more than it works
	primary := valkeytest.Start(t)
	primary.Replica(t, primary.Addr)
	sentinel := valkeytest.Sentinel(t, "desk", primary)
	store := openValkey(t, session.ValkeyOptions{Addresses: []string{sentinel.Addr}, Sentinel: "desk", Replicas: 1, ReplicaWait: time.Second})
	goesOn(t, store, primary)
}

func TestALeaseThatTheNewServerMissedGoesByItsEpoch(t *testing.T) {
	primary, replica, link := replicated(t)
	front := valkeytest.NewRelay(t, primary.Addr)
	store := openValkey(t, session.ValkeyOptions{Addresses: []string{front.Addr}})
	acquire := func(session, owner string) session.Lease {
		l, err := store.Acquire(t.Context(), session, owner, time.Minute, true)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := acquire("s", "a")
	replica.Until(t, "a", "HGET", "fd:{s}:lease", "owner")
	link.Mute()
	second := acquire("s", "b")
	unheard := acquire("t", "b")
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	front.To(replica.Addr)
	for _, l := range []session.Lease{second, unheard} {
		again, err := store.Renew(t.Context(), l, time.Minute)
		if err != nil || again.Epoch != l.Epoch {
			t.Fatalf("%+v after %+v, %v", again, l, err)
		}
		if err := store.Commit(t.Context(), again, line("1-1"), session.State{}, time.Minute); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.Renew(t.Context(), first, time.Minute); fault.From(err).Code != fault.Conflict {
		t.Errorf("the owner before has it again: %v", err)
	}
}

func TestFewRightsAreEnough(t *testing.T) {
	rights := []string{"~fd:*", "&fd:*", "+@read", "+@write", "+@scripting", "+@connection", "+info", "+time", "+wait", "+cluster", "+publish", "+subscribe"}
	server := valkeytest.Start(t)
	server.Must(t, append([]string{"ACL", "SETUSER", "desk", "on", ">word"}, rights...)...)
	storetest.Run(t, func(t *testing.T) session.Store {
		return openValkey(t, session.ValkeyOptions{Addresses: []string{server.Addr}, Username: "desk", Password: "word"})
	})
}
