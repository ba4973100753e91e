package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The checker lets owners on three nodes fight for sessions in one store while nodes
// are cut off and stopped and servers are restarted, paused and replaced, and then
// judges the log as Jepsen's list-append does (https://github.com/jepsen-io/elle):
// whatever was read under a lease is a prefix of the end, nothing acknowledged is
// missing or out of order, and no effect happened twice or without its record.
//
// FRONTDESK_CHECK_SESSIONS is how many sessions to check in place of checkedSessions,
// FRONTDESK_CHECK_SEED which world to begin with.
const (
	checkedSessions = 1000
	perWorld        = 50 // sessions that share servers, nodes and their faults
	worldLasts      = time.Second
)

// fast is the usual pace, fifty times as fast.
var fast = pace{ttl: leaseTTL / 50, renewal: leaseRenewal / 50, timeout: storeTimeout / 50}

// tally counts what happened in all worlds, to see that the checker has seen something.
type tally struct {
	acked, unknown, takeovers, effects, again, fenced, restarts, failovers, partitions atomic.Int64
}

func setting(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestOwnersAreOneAtATimeAndForgetNothing(t *testing.T) {
	n, first := setting(t, "FRONTDESK_CHECK_SESSIONS", checkedSessions), setting(t, "FRONTDESK_CHECK_SEED", 1)
	var seen tally
	t.Run("worlds", func(t *testing.T) {
		for i := range (n + perWorld - 1) / perWorld {
			seed := uint64(first + i)
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				t.Parallel()
				check(t, seed, &seen)
			})
		}
	})
	t.Logf("%d appends acknowledged, %d unknown; %d takeovers, %d owners fenced; %d effects, %d asked for again; %d partitions, %d restarts, %d failovers",
		seen.acked.Load(), seen.unknown.Load(), seen.takeovers.Load(), seen.fenced.Load(), seen.effects.Load(), seen.again.Load(),
		seen.partitions.Load(), seen.restarts.Load(), seen.failovers.Load())
	for what, n := range map[string]*atomic.Int64{
		"appends acknowledged": &seen.acked, "appends unknown": &seen.unknown, "takeovers": &seen.takeovers,
		"owners fenced": &seen.fenced, "effects": &seen.effects, "effects asked for again": &seen.again,
		"partitions": &seen.partitions, "restarts": &seen.restarts, "failovers": &seen.failovers,
	} {
		if n.Load() == 0 {
			t.Errorf("nothing was checked: no %s", what)
		}
	}
}

// check runs one world. Odd seeds have a replica that takes over; even ones one server
// that restarts with what it wrote to its disk.
func check(t *testing.T, seed uint64, seen *tally) {
	w := newWorld(t, seed, seen)
	ctx, cancel := context.WithTimeout(t.Context(), worldLasts)
	defer cancel()
	var sessions []*checked
	var running sync.WaitGroup
	for i := range perWorld {
		s := &checked{
			world: w, name: fmt.Sprintf("sess_%d_%d", seed, i),
			rng: rand.New(rand.NewPCG(seed, uint64(i))), began: make(map[string]int), effects: make(map[string]int),
		}
		sessions = append(sessions, s)
		running.Go(func() { s.live(ctx) })
	}
	w.disturb(ctx)
	w.heal()
	running.Wait()
	for _, s := range sessions {
		s.judge(t)
	}
	if t.Failed() {
		t.Logf("run it again with FRONTDESK_CHECK_SEED=%d FRONTDESK_CHECK_SESSIONS=%d", seed, perWorld)
	}
}
