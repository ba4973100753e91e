package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"frontdesk/internal/valkeytest"
)

// world is one store and three nodes that reach it through networks of their own. Its
// faults are those of its seed; when they meet whom is the machine's to decide.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	seen  *tally
	nodes []*checkedNode

	primary *valkeytest.Server
	replica *valkeytest.Server                       // nil: none
	links   map[*valkeytest.Server]*valkeytest.Relay // between a server and its replica
}

// checkedNode is a process of Frontdesk's, as far as its sessions go.
type checkedNode struct {
	name    string
	store   *Valkey
	network *valkeytest.Relay
}

func newWorld(t *testing.T, seed uint64, seen *tally) *world {
	t.Helper()
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1<<32)), seen: seen, links: make(map[*valkeytest.Server]*valkeytest.Relay)}
	onDisk := []string{"--appendonly", "yes", "--appendfsync", "no"} // a killed process loses nothing of that
	var o ValkeyOptions
	w.primary = valkeytest.Start(t, onDisk...)
	if seed%2 == 1 {
		w.links[w.primary] = valkeytest.NewRelay(t, w.primary.Addr)
		w.replica = w.primary.Replica(t, w.links[w.primary].Addr)
		w.links[w.replica] = valkeytest.NewRelay(t, w.replica.Addr)
		o.Replicas, o.ReplicaWait, o.RequireReplicas = 1, storeTimeout, true
	}
	for i := range 3 {
		n := &checkedNode{name: fmt.Sprint("node", i), network: valkeytest.NewRelay(t, w.primary.Addr)}
		o.Addresses = []string{n.network.Addr}
		var err error
		if n.store, err = OpenValkey(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(n.store.Close)
		w.nodes = append(w.nodes, n)
	}
	return w
}

// disturb lets one fault follow another until ctx ends.
func (w *world) disturb(ctx context.Context) {
	for w.rest(ctx, 5, 40) {
		n := w.nodes[w.rng.IntN(len(w.nodes))]
		switch w.rng.IntN(10) {
		case 0:
			w.cut(ctx, n.network.Down, n.network.Up)
		case 1, 2:
			w.cut(ctx, n.network.Deafen, n.network.Up)
		case 3, 4:
			w.cut(ctx, n.network.Mute, n.network.Up)
		case 5:
			n.network.Break()
		case 6:
			w.cut(ctx, func() { w.must(w.primary.Pause()) }, func() { w.must(w.primary.Resume()) })
		default:
			if w.replica == nil {
				w.primary.Restart(w.t)
				w.seen.restarts.Add(1)
			} else {
				w.failOver(ctx)
			}
		}
	}
}

// rest waits so many milliseconds, and reports whether there is time left.
func (w *world) rest(ctx context.Context, least, most int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(least+w.rng.IntN(most-least)) * time.Millisecond):
		return true
	}
}

// cut lets a fault last for a time that some leases outlive and others do not.
func (w *world) cut(ctx context.Context, begin, end func()) {
	w.seen.partitions.Add(1)
	begin()
	w.rest(ctx, 10, int(fast.ttl/time.Millisecond)*5/4)
	end()
}

// failOver makes the replica the primary, after the primary has died or, for those who
// still reach it, beside it.
func (w *world) failOver(ctx context.Context) {
	w.seen.failovers.Add(1)
	old, next := w.primary, w.replica
	dies := w.rng.IntN(2) == 0
	if w.rng.IntN(2) == 0 { // what the replica does not get now, nobody may believe
		w.links[old].Mute()
		w.rest(ctx, 5, 40)
	}
	if dies {
		old.Kill()
	}
	next.Must(w.t, "REPLICAOF", "NO", "ONE")
	for _, i := range w.rng.Perm(len(w.nodes)) {
		w.nodes[i].network.To(next.Addr)
		w.rest(ctx, 1, 20)
	}
	if dies {
		old.Restart(w.t)
	}
	w.links[old].Up()
	old.Follow(w.t, next, w.links[next].Addr)
	w.primary, w.replica = next, old
}

// heal ends all faults.
func (w *world) heal() {
	for _, n := range w.nodes {
		n.network.Up()
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Error(err)
	}
}
