package valkey_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/valkeytest"
	"frontdesk/session"
	"frontdesk/session/storetest"
	"frontdesk/session/valkey"
)

func newLimiter(t *testing.T, server *valkeytest.Server, l session.Limits) session.Limiter {
	t.Helper()
	limiter, err := open(t, valkey.Options{Addresses: []string{server.Addr}}).Limiter(l)
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

func TestLimiterConforms(t *testing.T) {
	storetest.RunLimiter(t, func(t *testing.T, l session.Limits) (one, two session.Limiter) {
		server := valkeytest.Start(t)
		return newLimiter(t, server, l), newLimiter(t, server, l)
	})
}

func TestBurstsAreLimitedOverAllProcesses(t *testing.T) {
	server := valkeytest.Start(t)
	l := session.Limits{StartsPerSecond: 1}
	one, two := newLimiter(t, server, l), newLimiter(t, server, l)
	for i := range 100 { // a second may end between any two calls
		err1 := one.StartCall(t.Context(), "one"+strconv.Itoa(i), "a")
		err2 := two.StartCall(t.Context(), "two"+strconv.Itoa(i), "a")
		if err1 == nil && err2 != nil {
			storetest.WantLimited(t, err2)
			return
		}
	}
	t.Error("no call was refused")
}

func TestCallsOfACrashedProcessAreForgotten(t *testing.T) {
	server := valkeytest.Start(t)
	l := session.Limits{CallsTotal: 1}
	storetest.WantAllowed(t, newLimiter(t, server, l).StartCall(t.Context(), "s1", "a"))
	for _, key := range []string{"fd:{calls}:all", "fd:{calls}:from:a"} {
		server.Must(t, "ZADD", key, "XX", "1", "s1") // as if its count had expired in 1970
	}
	other := newLimiter(t, server, l)
	storetest.WantAllowed(t, other.StartCall(t.Context(), "s2", "b"))
	storetest.WantLimited(t, other.StartCall(t.Context(), "s3", "c"))
	if ttl := server.Must(t, "PTTL", "fd:{calls}:from:b"); ttl < "1" {
		t.Errorf("the address's key has a TTL of %s and never expires", ttl)
	}
}

func TestNoCallStartsUncounted(t *testing.T) {
	server := valkeytest.Start(t)
	l := newLimiter(t, server, session.Limits{Calls: 1, StartsPerMinute: 9, TokensPerHour: 9})
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for name, err := range map[string]error{
		"StartCall": l.StartCall(ctx, "s1", "a"), "CheckStart": l.CheckStart(ctx, "a"), "SpendTokens": l.SpendTokens(ctx, "demo", 0),
	} {
		if e := fault.From(err); e == nil || e.Code != fault.Unavailable || e.After <= 0 {
			t.Errorf("%s: got %v, want unavailable and a time to retry", name, err)
		}
	}
	server.Restart(t)
	storetest.WantAllowed(t, l.StartCall(t.Context(), "s2", "a")) // s1 takes no place
}
