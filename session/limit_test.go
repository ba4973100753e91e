package session

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/internal/valkeytest"
)

func limited(t *testing.T, err error) {
	t.Helper()
	e := fault.From(err)
	if e == nil || e.Code != fault.Limited || !e.Retry || e.After <= 0 {
		t.Errorf("got %v, want a limit with a time to come back", err)
	}
}

func allowed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

// gates runs a test on every kind of gate; a gate made a second time is another
// process's with the same limits, where the kind knows other processes.
func gates(t *testing.T, test func(t *testing.T, gate func(Limits) Gate)) {
	t.Run("one process", func(t *testing.T) {
		var one Gate
		test(t, func(l Limits) Gate {
			if one == nil {
				one = NewGate(l)
			}
			return one
		})
	})
	t.Run("sharing a Valkey", func(t *testing.T) {
		server := valkeytest.Start(t)
		test(t, func(l Limits) Gate {
			g, _ := valkeyGateAt(t, server.Addr, l)
			return g
		})
	})
}

func valkeyGateAt(t *testing.T, addr string, l Limits) (Gate, *Valkey) {
	t.Helper()
	store, err := OpenValkey(t.Context(), ValkeyOptions{Addresses: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	g, err := store.Gate(l)
	if err != nil {
		t.Fatal(err)
	}
	return g, store
}

func TestCallsAreCountedOverAllProcesses(t *testing.T) {
	gates(t, func(t *testing.T, gate func(Limits) Gate) {
		l := Limits{CallsTotal: 2, CallsPerAddress: 1}
		here, there := gate(l), gate(l)
		allowed(t, here.Check(t.Context(), "a"))
		allowed(t, here.Enter(t.Context(), "s1", "a"))
		limited(t, there.Enter(t.Context(), "s2", "a"))
		limited(t, there.Check(t.Context(), "a"))
		allowed(t, there.Enter(t.Context(), "s2", "b"))
		limited(t, here.Enter(t.Context(), "s3", "c"))
		limited(t, here.Check(t.Context(), "c"))
		allowed(t, here.Stay(t.Context(), "s1", "a"))
		allowed(t, there.Leave(t.Context(), "s2", "b"))
		allowed(t, here.Enter(t.Context(), "s3", "c"))
	})
}

func TestACallerWhoChangesLinesTakesNobodysPlace(t *testing.T) {
	gates(t, func(t *testing.T, gate func(Limits) Gate) {
		l := Limits{Calls: 1, CallsTotal: 1, CallsPerAddress: 1}
		here, there := gate(l), gate(l)
		allowed(t, here.Enter(t.Context(), "s1", "a"))
		allowed(t, here.Enter(t.Context(), "s1", "a"))
		allowed(t, here.Leave(t.Context(), "s1", "a"))
		limited(t, here.Enter(t.Context(), "s2", "b"))
		allowed(t, there.Enter(t.Context(), "s1", "a"))
		allowed(t, here.Leave(t.Context(), "s1", "a"))
		allowed(t, there.Stay(t.Context(), "s1", "a"))
		limited(t, here.Enter(t.Context(), "s2", "b"))
		allowed(t, there.Leave(t.Context(), "s1", "a"))
		allowed(t, here.Enter(t.Context(), "s2", "b"))
	})
}

func TestStartsAreCountedOverAllProcesses(t *testing.T) {
	gates(t, func(t *testing.T, gate func(Limits) Gate) {
		l := Limits{StartsPerMinute: 3}
		here, there := gate(l), gate(l)
		for i := range 3 {
			s := strconv.Itoa(i)
			allowed(t, here.Enter(t.Context(), s, "a"))
			allowed(t, here.Leave(t.Context(), s, "a"))
		}
		limited(t, there.Enter(t.Context(), "one more", "a"))
		limited(t, there.Check(t.Context(), "a"))
		allowed(t, there.Enter(t.Context(), "other", "b"))
	})
}

func TestTokensAreCountedOverAllProcesses(t *testing.T) {
	gates(t, func(t *testing.T, gate func(Limits) Gate) {
		l := Limits{TokensPerHour: 1000}
		here, there := gate(l), gate(l)
		allowed(t, here.Spend(t.Context(), "demo", 0))
		allowed(t, here.Spend(t.Context(), "demo", 900))
		allowed(t, there.Spend(t.Context(), "demo", 0))
		limited(t, there.Spend(t.Context(), "demo", 200))
		limited(t, here.Spend(t.Context(), "demo", 0))
		allowed(t, here.Spend(t.Context(), "other", 0))
	})
}

func TestStartsAndTokensComeBackWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(Limits{StartsPerMinute: 3, StartsPerSecond: 2, TokensPerHour: 10})
		enter := func() error {
			err := g.Enter(t.Context(), "s", "a")
			if err == nil {
				err = g.Leave(t.Context(), "s", "a")
			}
			return err
		}
		allowed(t, enter())
		allowed(t, enter())
		limited(t, enter())
		time.Sleep(time.Second)
		allowed(t, enter())
		limited(t, enter())
		time.Sleep(20 * time.Second)
		allowed(t, enter())
		limited(t, g.Spend(t.Context(), "demo", 10))
		time.Sleep(time.Hour)
		allowed(t, g.Spend(t.Context(), "demo", 0))
	})
}

func TestABurstIsCutOverAllProcesses(t *testing.T) {
	server := valkeytest.Start(t)
	l := Limits{StartsPerSecond: 1}
	here, _ := valkeyGateAt(t, server.Addr, l)
	there, _ := valkeyGateAt(t, server.Addr, l)
	for i := range 100 { // a second may end between any two
		here := here.Enter(t.Context(), "here"+strconv.Itoa(i), "a")
		there := there.Enter(t.Context(), "there"+strconv.Itoa(i), "a")
		if here == nil && there != nil {
			limited(t, there)
			return
		}
	}
	t.Error("every call was let in")
}

func TestAddressesAreForgotten(t *testing.T) {
	g := newTurnstile(Limits{})
	allowed(t, g.Enter(t.Context(), "stays", "stays"))
	for i := range 2 * maxAddresses {
		a := strconv.Itoa(i)
		allowed(t, g.Enter(t.Context(), a, a))
		g.leave(a)
	}
	if n := len(g.addresses); n > maxAddresses || g.addresses["stays"] == nil {
		t.Errorf("%d addresses kept", n)
	}
}

func TestCallsOfADeadProcessAreForgotten(t *testing.T) {
	server := valkeytest.Start(t)
	l := Limits{CallsTotal: 1}
	here, _ := valkeyGateAt(t, server.Addr, l)
	allowed(t, here.Enter(t.Context(), "s1", "a"))
	for _, key := range []string{"fd:{calls}:all", "fd:{calls}:from:a"} {
		server.Must(t, "ZADD", key, "XX", "1", "s1") // as if it had not been heard of since 1970
	}
	there, _ := valkeyGateAt(t, server.Addr, l)
	allowed(t, there.Enter(t.Context(), "s2", "b"))
	limited(t, there.Enter(t.Context(), "s3", "c"))
	if ttl := server.Must(t, "PTTL", "fd:{calls}:from:b"); ttl < "1" {
		t.Errorf("an address is kept for ever: %s", ttl)
	}
}

func TestNobodyIsLetInUncounted(t *testing.T) {
	server := valkeytest.Start(t)
	g, _ := valkeyGateAt(t, server.Addr, Limits{Calls: 1, StartsPerMinute: 9, TokensPerHour: 9})
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for name, err := range map[string]error{
		"enter": g.Enter(ctx, "s1", "a"), "check": g.Check(ctx, "a"), "spend": g.Spend(ctx, "demo", 0),
	} {
		if e := fault.From(err); e == nil || e.Code != fault.Unavailable || e.After <= 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Restart(t)
	allowed(t, g.Enter(t.Context(), "s2", "a")) // s1 holds no place
}

// brokenCount is a gate that can count no tokens while it fails.
type brokenCount struct {
	Gate
	fails bool
	spent int
}

func (b *brokenCount) Spend(_ context.Context, _ string, tokens int) error {
	if b.fails {
		return errors.New("away")
	}
	b.spent += tokens
	return nil
}

func TestTokensAreCountedWhenTheCountIsBack(t *testing.T) {
	_, j := expiredJournal(t)
	logs, seen := observer.New(zap.WarnLevel)
	gate := &brokenCount{fails: true}
	m := &metered{Journal: j, gate: gate, agent: "demo", log: zap.New(logs)}
	turn := dialog.Turn{Usage: dialog.Usage{Input: 100, Output: 20}, Discarded: dialog.Usage{Output: 3}}
	allowed(t, m.Append(t.Context(), dialog.JournalEntry{Turn: &turn}))
	if seen.Len() != 1 {
		t.Errorf("the log says %v", seen.All())
	}
	gate.fails = false
	allowed(t, m.Append(t.Context(), dialog.JournalEntry{Turn: &turn}))
	if gate.spent != 246 {
		t.Errorf("%d tokens were counted", gate.spent)
	}
}
