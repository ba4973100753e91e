package valkey_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/storetest"
	"frontdesk/session/valkey"
)

// open connects to the store until the test ends.
func open(t testing.TB, o valkey.Options) *valkey.Store {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	store, err := valkey.Open(ctx, o)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func TestStoreConforms(t *testing.T) {
	server := valkeytest.Start(t)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, valkey.Options{Addresses: []string{server.Addr}})
	})
}

func TestClusterConforms(t *testing.T) {
	t.Parallel()
	nodes := valkeytest.Cluster(t, 3)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, valkey.Options{Addresses: []string{nodes[2].Addr, nodes[0].Addr}})
	})
}

func TestStoreWithAReplicaConforms(t *testing.T) {
	primary := valkeytest.Start(t)
	primary.Replica(t, primary.Addr)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, valkey.Options{
			Addresses: []string{primary.Addr}, Replicas: 1, ReplicaWait: time.Second, RequireReplicas: true,
		})
	})
}

// openBehindRelay opens a store behind a relay that the test can break.
func openBehindRelay(t *testing.T) (*valkey.Store, *valkeytest.Server, *valkeytest.Relay) {
	t.Helper()
	server := valkeytest.Start(t)
	relay := valkeytest.NewRelay(t, server.Addr)
	return open(t, valkey.Options{Addresses: []string{relay.Addr}}), server, relay
}

// oneEntry returns a log of one entry.
func oneEntry(id string) []session.Entry {
	return []session.Entry{{ID: id, Kind: "message", At: time.Unix(1, 0).UTC(), Body: []byte(`"` + id + `"`)}}
}

func wantFault(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if e := fault.From(err); e == nil || e.Code != code || !e.Retry {
		t.Errorf("got %v, want a retryable %s", err, code)
	}
}

func TestUnreachableStoreFailsBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	store, server, relay := openBehindRelay(t)
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	require.NoError(t, err)
	commit := func(id string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return store.Commit(ctx, l, oneEntry(id), session.State{}, time.Minute)
	}
	for name, fail := range map[string]func(){"refused": relay.Down, "dropped": relay.HoldRequests, "unanswered": relay.HoldReplies} {
		fail()
		err := commit("1-1")
		wantFault(t, err, fault.Unavailable)
		if fault.From(err).After <= 0 {
			t.Errorf("%s: %v has no time to retry", name, err)
		}
		relay.Up()
	}
	if err := store.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute); err != nil {
		t.Errorf("reachable again: %v", err)
	}
	require.NoError(t, server.Pause())
	wantFault(t, commit("1-2"), fault.Unavailable)
	require.NoError(t, server.Resume())
	if err := store.Commit(t.Context(), l, oneEntry("1-2"), session.State{}, time.Minute); err != nil {
		t.Errorf("after the server's pause: %v", err)
	}
}

func TestRetryOfAnAcquireWhoseAnswerWasLostReturnsTheSameLease(t *testing.T) {
	store, server, relay := openBehindRelay(t)
	if _, err := store.Acquire(t.Context(), "s", "a", time.Minute, false); err != nil {
		t.Fatal(err)
	}
	for range 64 { // open all of the client's connections
		if _, _, err := store.Load(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	relay.HoldReplies()
	acquired := make(chan session.Lease)
	go func() {
		l, err := store.Acquire(t.Context(), "new", "b", time.Minute, true)
		if err != nil {
			t.Error(err)
		}
		acquired <- l
	}()
	server.Until(t, "b", "HGET", "fd:{new}:lease", "owner")
	epoch := server.Must(t, "HGET", "fd:{new}:lease", "epoch")
	relay.Break()
	relay.Up()
	l := <-acquired
	if fmt.Sprint(l.Epoch) != epoch {
		t.Errorf("epoch %d, want %s of the first try", l.Epoch, epoch)
	}
	if err := store.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestLateAcquireTakesNoLease(t *testing.T) {
	late, server, relay := openBehindRelay(t)
	store := open(t, valkey.Options{Addresses: []string{server.Addr}})
	for range 64 { // open all connections of the late client
		if _, err := late.Acquire(t.Context(), "s", "a", time.Minute, true); err != nil {
			t.Fatal(err)
		}
	}
	relay.HoldRequests()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := late.Acquire(ctx, "s", "a", time.Minute, true)
	wantFault(t, err, fault.Unavailable)
	l, err := store.Acquire(t.Context(), "s", "b", time.Minute, true)
	require.NoError(t, err)
	server.Must(t, "CONFIG", "RESETSTAT")
	relay.Up()
	server.Until(t, "cmdstat_evalsha:calls=", "INFO", "commandstats")
	if err := store.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute); err != nil {
		t.Errorf("b lost its lease: %v", err)
	}
}

func TestFullStoreRefusesTheWholeCommit(t *testing.T) {
	store, server, _ := openBehindRelay(t)
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	require.NoError(t, err)
	server.Must(t, "CONFIG", "SET", "maxmemory", "1")
	two := append(oneEntry("1-1"), oneEntry("1-2")...)
	wantFault(t, store.Commit(t.Context(), l, two, session.State{Agent: "new"}, time.Minute), fault.Storage)
	state, entries, err := store.Load(t.Context(), "s")
	if err != nil || state.Agent != "" || len(entries) != 0 {
		t.Errorf("after a refused commit: got %v, %v, error %v; want nothing", state, entries, err)
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "0")
	if err := store.Commit(t.Context(), l, two, session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestOpenRefusesUnusableServers(t *testing.T) {
	t.Parallel()
	stopped := valkeytest.Start(t)
	stopped.Kill()
	locked := valkeytest.Start(t)
	locked.Must(t, "CONFIG", "SET", "requirepass", "right")
	evicting := valkeytest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	silent := valkeytest.NewRelay(t, evicting.Addr)
	silent.HoldReplies()
	for name, test := range map[string]struct {
		o    valkey.Options
		code fault.Code
	}{
		"not listening":  {valkey.Options{Addresses: []string{stopped.Addr}}, fault.Unavailable},
		"not answering":  {valkey.Options{Addresses: []string{silent.Addr}}, fault.Unavailable},
		"no password":    {valkey.Options{Addresses: []string{locked.Addr}}, fault.Storage},
		"wrong password": {valkey.Options{Addresses: []string{locked.Addr}, Password: "wrong"}, fault.Storage},
		"evicting keys":  {valkey.Options{Addresses: []string{evicting.Addr}}, fault.Storage},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := valkey.Open(ctx, test.o)
			if e := fault.From(err); e == nil || e.Code != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
	open(t, valkey.Options{Addresses: []string{locked.Addr}, Password: "right"})
}

// startReplicated starts a primary and a replica, which reaches the primary through the relay.
func startReplicated(t *testing.T) (primary, replica *valkeytest.Server, replication *valkeytest.Relay) {
	t.Helper()
	primary = valkeytest.Start(t)
	replication = valkeytest.NewRelay(t, primary.Addr)
	return primary, primary.Replica(t, replication.Addr), replication
}

func TestCommitWaitsForReplicas(t *testing.T) {
	primary, replica, replication := startReplicated(t)
	o := valkey.Options{Addresses: []string{primary.Addr}, Replicas: 1, ReplicaWait: 50 * time.Millisecond}
	lenient := open(t, o)
	o.RequireReplicas = true
	impatient := open(t, o)
	o.ReplicaWait = time.Minute
	strict := open(t, o)
	l, err := strict.Acquire(t.Context(), "s", "a", time.Minute, false)
	require.NoError(t, err)
	require.NoError(t, strict.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute))
	replication.HoldReplies() // the replica is connected but gets nothing
	wantFault(t, impatient.Commit(t.Context(), l, oneEntry("1-2"), session.State{}, time.Minute), fault.Unavailable)
	if err := lenient.Commit(t.Context(), l, oneEntry("1-3"), session.State{}, time.Minute); err != nil {
		t.Errorf("without durability.require: %v", err)
	}
	replication.Up()
	for _, id := range []string{"1-2", "1-3"} {
		if err := strict.Commit(t.Context(), l, oneEntry(id), session.State{}, time.Minute); err != nil {
			t.Errorf("with the replica back: %v", err)
		}
	}
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	_, entries, err := open(t, valkey.Options{Addresses: []string{replica.Addr}}).Load(t.Context(), "s")
	if err != nil || len(entries) != 3 {
		t.Errorf("the replica has %v, error %v; want 3 entries", entries, err)
	}
	o.Addresses = []string{replica.Addr}
	alone := open(t, o) // without a replica
	_, err = alone.Acquire(t.Context(), "s", "a", time.Minute, false)
	wantFault(t, err, fault.Unavailable)
}

func TestLeaseMustBeRenewedAfterAFailover(t *testing.T) {
	primary, replica, _ := startReplicated(t)
	frontend := valkeytest.NewRelay(t, primary.Addr)
	store := open(t, valkey.Options{Addresses: []string{frontend.Addr}, Replicas: 1, ReplicaWait: time.Second})
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	require.NoError(t, err)
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	frontend.To(replica.Addr)
	err = store.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute)
	if fault.From(err).Code != fault.Conflict {
		t.Errorf("commit under the former lease: got %v, want conflict", err)
	}
	if _, err := store.Acquire(t.Context(), "s", "b", time.Minute, false); fault.From(err).Code != fault.Conflict {
		t.Errorf("another owner got a's lease: %v", err)
	}
	renewed, err := store.Renew(t.Context(), l, time.Minute)
	if err != nil || renewed.History == l.History {
		t.Fatalf("renewed %+v to %+v, error %v; want another history", l, renewed, err)
	}
	if err := store.Commit(t.Context(), renewed, oneEntry("1-1"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	nodes := valkeytest.Cluster(t, 3)
	slot, err := strconv.Atoi(nodes[0].Must(t, "CLUSTER", "KEYSLOT", "s"))
	require.NoError(t, err)
	primary := nodes[slot*3/16384]
	valkeytest.ClusterReplica(t, nodes, primary)
	var others []string
	for _, n := range nodes {
		if n != primary {
			others = append(others, n.Addr)
		}
	}
	store := open(t, valkey.Options{Addresses: others, Replicas: 1, ReplicaWait: time.Second})
	checkFailover(t, store, primary)

	var all []string // also the dead primary, as in a configuration file
	for _, n := range nodes {
		all = append(all, n.Addr)
	}
	restarted := open(t, valkey.Options{Addresses: all})
	if _, entries, err := restarted.Load(t.Context(), "s"); err != nil || len(entries) != 2 {
		t.Errorf("a client that starts now reads %v, error %v; want 2 entries", entries, err)
	}
	var listed []string
	_ = restarted.List(t.Context(), func(id string, _ session.State) error {
		listed = append(listed, id)
		return nil
	})
	if !slices.Contains(listed, "s") {
		t.Errorf("List returned %v, want s", listed)
	}
}

// checkFailover checks that the session s survives the death of its primary.
func checkFailover(t *testing.T, store *valkey.Store, primary *valkeytest.Server) {
	t.Helper()
	l, err := store.Acquire(t.Context(), "s", "a", time.Minute, false)
	require.NoError(t, err)
	require.NoError(t, store.Commit(t.Context(), l, oneEntry("1-1"), session.State{}, time.Minute))
	primary.Kill()
	deadline := time.Now().Add(20 * time.Second)
	var renewed session.Lease
	for renewed.Nonce == "" {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		renewed, err = store.Renew(ctx, l, time.Minute)
		cancel()
		if err != nil && (fault.From(err).Code != fault.Unavailable || time.Now().After(deadline)) {
			t.Fatal(err)
		}
	}
	if renewed.History == l.History {
		t.Error("the renewed lease has the history of the former server")
	}
	if err := store.Commit(t.Context(), renewed, oneEntry("1-2"), session.State{}, time.Minute); err != nil {
		t.Error(err)
	}
	if _, entries, err := store.Load(t.Context(), "s"); err != nil || len(entries) != 2 {
		t.Errorf("the log has %v, error %v; want 2 entries", entries, err)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	primary := valkeytest.Start(t)
	primary.Replica(t, primary.Addr)
	sentinel := valkeytest.Sentinel(t, "desk", primary)
	store := open(t, valkey.Options{Addresses: []string{sentinel.Addr}, Sentinel: "desk", Replicas: 1, ReplicaWait: time.Second})
	checkFailover(t, store, primary)
}

func TestLatestLeaseIsRestoredAfterAFailover(t *testing.T) {
	primary, replica, replication := startReplicated(t)
	frontend := valkeytest.NewRelay(t, primary.Addr)
	store := open(t, valkey.Options{Addresses: []string{frontend.Addr}})
	acquire := func(id, owner string) session.Lease {
		l, err := store.Acquire(t.Context(), id, owner, time.Minute, true)
		require.NoError(t, err)
		return l
	}
	first := acquire("s", "a")
	replica.Until(t, "a", "HGET", "fd:{s}:lease", "owner")
	replication.HoldReplies()
	second := acquire("s", "b")
	unknown := acquire("t", "b") // to the replica
	primary.Kill()
	replica.Must(t, "REPLICAOF", "NO", "ONE")
	frontend.To(replica.Addr)
	for _, l := range []session.Lease{second, unknown} {
		renewed, err := store.Renew(t.Context(), l, time.Minute)
		if err != nil || renewed.Epoch != l.Epoch {
			t.Fatalf("renewed %+v to %+v, error %v; want the same epoch", l, renewed, err)
		}
		if err := store.Commit(t.Context(), renewed, oneEntry("1-1"), session.State{}, time.Minute); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.Renew(t.Context(), first, time.Minute); fault.From(err).Code != fault.Conflict {
		t.Errorf("the former owner renewed its lease: %v", err)
	}
}

// restoreFormerLease returns two leases of the session s, of which a server that has lost
// both has restored the former.
func restoreFormerLease(t *testing.T) (server *valkeytest.Server, store *valkey.Store, former, latest session.Lease) {
	t.Helper()
	server = valkeytest.Start(t)
	store = open(t, valkey.Options{Addresses: []string{server.Addr}})
	former, err := store.Acquire(t.Context(), "s", "a", time.Minute, true)
	require.NoError(t, err)
	latest, err = store.Acquire(t.Context(), "s", "b", time.Minute, true)
	require.NoError(t, err)
	server.Restart(t)
	former, err = store.Renew(t.Context(), former, time.Minute)
	require.NoError(t, err)
	return server, store, former, latest
}

func TestLatestLeaseIsNotRestoredOverEntriesOfAFormerOwner(t *testing.T) {
	server, store, former, latest := restoreFormerLease(t)
	require.NoError(t, store.Commit(t.Context(), former, oneEntry("1-1"), session.State{}, time.Minute))
	for _, when := range []string{"after the commit", "in a third history"} {
		_, err := store.Renew(t.Context(), latest, time.Minute)
		if e := fault.From(err); e == nil || e.Code != fault.Conflict {
			t.Errorf("%s: an owner that does not know the entries renewed its lease: got %v, want conflict", when, err)
		}
		server.Must(t, "REPLICAOF", "127.0.0.1", "1")
		server.Must(t, "REPLICAOF", "NO", "ONE") // begins another history
		former, err = store.Renew(t.Context(), former, time.Minute)
		require.NoError(t, err)
		if err := store.Commit(t.Context(), former, nil, session.State{}, time.Minute); err != nil {
			t.Errorf("%s: the owner that wrote lost its lease: %v", when, err)
		}
	}
}

func TestLatestLeaseReplacesTheStateOfAFormerOwner(t *testing.T) {
	_, store, former, latest := restoreFormerLease(t)
	require.NoError(t, store.Commit(t.Context(), former, nil, session.State{Version: 5}, time.Minute))
	latest, err := store.Renew(t.Context(), latest, time.Minute)
	require.NoError(t, err)
	require.NoError(t, store.Commit(t.Context(), latest, oneEntry("0-1"), session.State{Seq: 1, Version: 1}, time.Minute))
	state, entries, err := store.Load(t.Context(), "s")
	if err != nil || len(entries) != 1 || state.Seq != 1 {
		t.Errorf("got state %+v of %d entries, error %v; want the state with the entry", state, len(entries), err)
	}
}

func TestDocumentedPermissionsAreEnough(t *testing.T) {
	permissions := []string{"~fd:*", "&fd:*", "+@read", "+@write", "+@scripting", "+@connection", "+info", "+time", "+wait", "+cluster", "+publish", "+subscribe"}
	server := valkeytest.Start(t)
	server.Must(t, append([]string{"ACL", "SETUSER", "desk", "on", ">word"}, permissions...)...)
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return open(t, valkey.Options{Addresses: []string{server.Addr}, Username: "desk", Password: "word"})
	})
}
