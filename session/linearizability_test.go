package session_test

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

	"frontdesk/session"
)

// Owners on three nodes compete for the sessions of one store, while nodes are partitioned
// and killed, and servers are restarted, paused and replaced. Then porcupine checks the
// history of each session against the contract of leases and commits (leasemodel_test.go).
//
// FRONTDESK_CHECK_SESSIONS replaces the number of sessions, FRONTDESK_CHECK_SEED is the
// first seed.
const (
	checkedSessions    = 1000
	sessionsPerCluster = 50 // they share servers, nodes and faults
	clusterDuration    = time.Second
)

// Leases are faster than in production by the factor fast.
const (
	fast    = 50
	fastTTL = session.LeaseTTL / fast
)

var fastRenewal = session.LeaseRenewal / fast

// counts are over all clusters. They show that the test has tested something.
type counts struct {
	acknowledged, failed, takeovers, leasesLost, effects, retriedEffects, partitions, restarts, failovers atomic.Int64
}

// integerSetting returns the environment variable name, or value if it is not set.
func integerSetting(t *testing.T, name string, value int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return value
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestEachSessionHasOneWriterAndLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 12 s")
	}
	n, first := integerSetting(t, "FRONTDESK_CHECK_SESSIONS", checkedSessions), integerSetting(t, "FRONTDESK_CHECK_SEED", 1)
	var c counts
	t.Run("clusters", func(t *testing.T) {
		for i := range (n + sessionsPerCluster - 1) / sessionsPerCluster {
			seed := uint64(first + i)
			t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
				t.Parallel()
				checkCluster(t, seed, &c)
			})
		}
	})
	for _, what := range []struct {
		name  string
		count *atomic.Int64
	}{
		{"acknowledged appends", &c.acknowledged}, {"failed appends", &c.failed}, {"takeovers", &c.takeovers},
		{"lost leases", &c.leasesLost}, {"effects", &c.effects}, {"retried effects", &c.retriedEffects},
		{"partitions", &c.partitions}, {"restarts", &c.restarts}, {"failovers", &c.failovers},
	} {
		t.Logf("%s: %d", what.name, what.count.Load())
		if what.count.Load() == 0 {
			t.Errorf("there were no %s: the test has tested too little", what.name)
		}
	}
}

// checkCluster runs and checks the sessions of one cluster. With an odd seed, it has a
// replica for failovers; with an even seed, one server that restarts with what it wrote to
// its disk.
func checkCluster(t *testing.T, seed uint64, counts *counts) {
	c := newCluster(t, seed, counts)
	ctx, cancel := context.WithTimeout(t.Context(), clusterDuration)
	defer cancel()
	var sessions []*contestedSession
	var running sync.WaitGroup
	for i := range sessionsPerCluster {
		s := &contestedSession{
			cluster: c, name: fmt.Sprintf("sess_%d_%d", seed, i),
			rng: rand.New(rand.NewPCG(seed, uint64(i))), history: history{start: time.Now()}, effects: make(map[string]int),
		}
		sessions = append(sessions, s)
		running.Go(func() { s.run(ctx) })
	}
	c.injectFaults(ctx)
	running.Wait()
	for _, s := range sessions {
		s.check(t)
	}
	if t.Failed() {
		t.Logf("to repeat: FRONTDESK_CHECK_SEED=%d FRONTDESK_CHECK_SESSIONS=%d", seed, sessionsPerCluster)
	}
}
