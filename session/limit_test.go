package session

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/fault"
)

func limited(t *testing.T, err error) {
	t.Helper()
	e := fault.From(err)
	if e == nil || e.Code != fault.Limited || !e.Retry || e.After <= 0 {
		t.Errorf("got %v, want a limit with a time to come back", err)
	}
}

func TestCallsAreCounted(t *testing.T) {
	g := newTurnstile(Limits{Calls: 2, CallsPerAddress: 1})
	for _, a := range []string{"a", "b"} {
		if err := g.enter(a); err != nil {
			t.Fatal(err)
		}
	}
	limited(t, g.enter("c"))
	g.leave("b")
	limited(t, g.enter("a"))
	if err := g.enter("c"); err != nil {
		t.Error(err)
	}
}

func TestStartsAreLimitedPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTurnstile(Limits{StartsPerMinute: 3})
		for range 3 {
			if err := g.enter("a"); err != nil {
				t.Fatal(err)
			}
			g.leave("a")
		}
		limited(t, g.enter("a"))
		if err := g.enter("b"); err != nil {
			t.Errorf("another address: %v", err)
		}
		time.Sleep(20 * time.Second)
		if err := g.enter("a"); err != nil {
			t.Errorf("20 s later: %v", err)
		}
	})
}

func TestAddressesAreForgotten(t *testing.T) {
	g := newTurnstile(Limits{})
	if err := g.enter("stays"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxAddresses {
		a := strconv.Itoa(i)
		if err := g.enter(a); err != nil {
			t.Fatal(err)
		}
		g.leave(a)
	}
	if n := len(g.addresses); n > maxAddresses || g.addresses["stays"] == nil {
		t.Errorf("%d addresses kept", n)
	}
}
