package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

// RunCounter tests a gate.Counter. open returns the counters of two processes that share
// their counts, new for each test t. A counter that counts for one process alone is returned
// twice.
func RunCounter(t *testing.T, open func(t *testing.T) (one, two gate.Counter)) {
	for _, test := range []struct {
		name string
		test func(t *testing.T, one, two gate.Counter)
	}{
		{"EventsAreCountedOverAllProcesses", counts},
		{"ALimitOfNothingAllowsNothing", countsNothing},
		{"ManyAtOnceDoNotExceedTheLimit", countsAtOnce},
		{"WindowsEnd", windowsEnd},
		{"RefusedEventsDoNotExtendTheWindow", refusalsDoNotExtend},
		{"KeysMayHoldAnyBytes", oddKeys},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, two := open(t)
			test.test(t, one, two)
		})
	}
}

// WantTaken fails the test unless c counts an event, or refuses it if want is false.
func WantTaken(t *testing.T, c gate.Counter, key string, limit int, want bool) {
	t.Helper()
	ok, err := take(t, c, key, limit, long)
	if err != nil || ok != want {
		t.Errorf("key %q, limit %d: counted %v, error %v; want %v", key, limit, ok, err, want)
	}
}

func take(t *testing.T, c gate.Counter, key string, limit int, window time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	return c.Take(ctx, key, limit, window)
}

func counts(t *testing.T, one, two gate.Counter) {
	WantTaken(t, one, "a", 3, true)
	WantTaken(t, two, "a", 3, true)
	WantTaken(t, one, "a", 3, true)
	WantTaken(t, one, "a", 3, false)
	WantTaken(t, two, "a", 3, false)
	WantTaken(t, two, "b", 3, true)
	WantTaken(t, two, "a", 4, true) // a limit that the operator has raised
}

func countsNothing(t *testing.T, one, _ gate.Counter) {
	WantTaken(t, one, "a", 0, false)
	WantTaken(t, one, "a", -1, false)
	WantTaken(t, one, "a", 1, true)
}

func countsAtOnce(t *testing.T, one, two gate.Counter) {
	const limit, goroutines, each = 40, 16, 10
	var taken atomic.Int32
	var all sync.WaitGroup
	for i := range goroutines {
		c := one
		if i%2 == 1 {
			c = two
		}
		all.Go(func() {
			for range each {
				ok, err := take(t, c, "a", limit, long)
				if err != nil {
					t.Error(err)
				}
				if ok {
					taken.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := taken.Load(); n != limit {
		t.Errorf("%d events counted of %d at once, want %d", n, goroutines*each, limit)
	}
}

// untilTaken takes events with a limit of 1 until one is counted.
func untilTaken(t *testing.T, c gate.Counter, window time.Duration) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		ok, err := take(t, c, "a", 1, window)
		require.NoError(t, err)
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the window does not end")
		}
		<-time.After(short)
	}
}

func windowsEnd(t *testing.T, one, two gate.Counter) {
	untilTaken(t, one, short)
	untilTaken(t, two, short)
	untilTaken(t, one, long)
	WantTaken(t, two, "a", 1, false)
}

// refusalsDoNotExtend takes events more often than a window is long.
func refusalsDoNotExtend(t *testing.T, one, two gate.Counter) {
	untilTaken(t, one, 20*short)
	untilTaken(t, two, 20*short)
}

func oddKeys(t *testing.T, one, two gate.Counter) {
	keys := []string{"", "\x00", "\x00\x00", "a\x00b", "a", "A", "\xff\xfe", "%s*?[]{}", "caller/a b\r\nDEL x", "é", "e\u0301", strings.Repeat("k", 10_000)}
	for _, key := range keys {
		WantTaken(t, one, key, 1, true)
	}
	for _, key := range keys {
		WantTaken(t, two, key, 1, false)
	}
	for i := range 20 {
		WantTaken(t, one, fmt.Sprint("n", i), 1, true)
	}
}
