package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/valkey"
)

// cluster is a store and three nodes, each of which reaches the store through a network of
// its own. The seed decides the faults; when they hit whom depends on the machine.
type cluster struct {
	t      *testing.T
	rng    *rand.Rand
	counts *counts
	nodes  []*node

	primary     *valkeytest.Server
	replica     *valkeytest.Server                       // nil when there is none
	replication map[*valkeytest.Server]*valkeytest.Relay // from each server to its replica
}

// node is a process of Frontdesk.
type node struct {
	name    string
	store   *valkey.Store
	network *valkeytest.Relay
}

func newCluster(t *testing.T, seed uint64, counts *counts) *cluster {
	t.Helper()
	c := &cluster{
		t: t, rng: rand.New(rand.NewPCG(seed, 1<<32)), counts: counts,
		replication: make(map[*valkeytest.Server]*valkeytest.Relay),
	}
	var o valkey.Options
	c.primary = valkeytest.Start(t, "--appendonly", "yes", "--appendfsync", "no") // a killed process loses nothing that it wrote
	if seed%2 == 1 {
		c.replication[c.primary] = valkeytest.NewRelay(t, c.primary.Addr)
		c.replica = c.primary.Replica(t, c.replication[c.primary].Addr)
		c.replication[c.replica] = valkeytest.NewRelay(t, c.replica.Addr)
		o.Replicas, o.ReplicaWait, o.RequireReplicas = 1, session.StoreTimeout, true
	}
	for i := range 3 {
		n := &node{name: fmt.Sprint("node", i), network: valkeytest.NewRelay(t, c.primary.Addr)}
		o.Addresses = []string{n.network.Addr}
		n.store = openValkey(t, o)
		c.nodes = append(c.nodes, n)
	}
	return c
}

// injectFaults causes one fault after the other until ctx ends, and then ends all faults.
func (c *cluster) injectFaults(ctx context.Context) {
	for c.pause(ctx, 5, 40) {
		n := c.nodes[c.rng.IntN(len(c.nodes))]
		switch c.rng.IntN(10) {
		case 0:
			c.partition(ctx, n.network.Down, n.network.Up)
		case 1, 2:
			c.partition(ctx, n.network.HoldRequests, n.network.Up)
		case 3, 4:
			c.partition(ctx, n.network.HoldReplies, n.network.Up)
		case 5:
			n.network.Break()
		case 6:
			c.partition(ctx, func() { c.must(c.primary.Pause()) }, func() { c.must(c.primary.Resume()) })
		default:
			if c.replica == nil {
				c.primary.Restart(c.t)
				c.counts.restarts.Add(1)
			} else {
				c.failOver(ctx)
			}
		}
	}
	for _, n := range c.nodes {
		n.network.Up()
	}
}

// pause waits for a random time in milliseconds, and reports whether ctx has not ended.
func (c *cluster) pause(ctx context.Context, shortest, longest int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(shortest+c.rng.IntN(longest-shortest)) * time.Millisecond):
		return true
	}
}

// partition begins and ends a fault. Some leases expire meanwhile, others do not.
func (c *cluster) partition(ctx context.Context, begin, end func()) {
	c.counts.partitions.Add(1)
	begin()
	c.pause(ctx, 10, int(fastTTL/time.Millisecond)*5/4)
	end()
}

// failOver promotes the replica, after the primary has died or while some nodes still
// reach it.
func (c *cluster) failOver(ctx context.Context) {
	c.counts.failovers.Add(1)
	former, next := c.primary, c.replica
	isKilled := c.rng.IntN(2) == 0
	if c.rng.IntN(2) == 0 { // writes that the replica misses now must not be acknowledged
		c.replication[former].HoldReplies()
		c.pause(ctx, 5, 40)
	}
	if isKilled {
		former.Kill()
	}
	next.Must(c.t, "REPLICAOF", "NO", "ONE")
	for _, i := range c.rng.Perm(len(c.nodes)) {
		c.nodes[i].network.To(next.Addr)
		c.pause(ctx, 1, 20)
	}
	if isKilled {
		former.Restart(c.t)
	}
	c.replication[former].Up()
	former.ReplicateFrom(c.t, next, c.replication[next].Addr)
	c.primary, c.replica = next, former
}

func (c *cluster) must(err error) {
	if err != nil {
		c.t.Error(err)
	}
}
