package storetest

import (
	"strconv"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// RunLimiter tests a session.Limiter. open returns the limiters of two processes that share
// their counts, new for each test t. A limiter that counts for one process alone is
// returned twice.
func RunLimiter(t *testing.T, open func(t *testing.T, l session.Limits) (one, two session.Limiter)) {
	for _, test := range []struct {
		name   string
		limits session.Limits
		test   func(t *testing.T, one, two session.Limiter)
	}{
		{"SimultaneousCallsAreCountedOverAllProcesses", session.Limits{CallsTotal: 2, CallsPerAddress: 1}, simultaneousCalls},
		{"MovingToAnotherLineTakesNoPlace", session.Limits{Calls: 1, CallsTotal: 1, CallsPerAddress: 1}, movedCall},
		{"StartsAreCountedOverAllProcesses", session.Limits{StartsPerMinute: 3}, starts},
		{"TokensAreCountedOverAllProcesses", session.Limits{TokensPerHour: 1000}, tokens},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, two := open(t, test.limits)
			test.test(t, one, two)
		})
	}
}

// WantLimited fails the test unless err is Limited and says when to retry.
func WantLimited(t *testing.T, err error) {
	t.Helper()
	e := fault.From(err)
	if e == nil || e.Code != fault.Limited || !e.Retry || e.After <= 0 {
		t.Errorf("got %v, want a limit and a time to retry", err)
	}
}

// WantAllowed fails the test unless err is nil.
func WantAllowed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

func simultaneousCalls(t *testing.T, one, two session.Limiter) {
	WantAllowed(t, one.CheckStart(t.Context(), "a"))
	WantAllowed(t, one.StartCall(t.Context(), "s1", "a"))
	WantLimited(t, two.StartCall(t.Context(), "s2", "a"))
	WantLimited(t, two.CheckStart(t.Context(), "a"))
	WantAllowed(t, two.StartCall(t.Context(), "s2", "b"))
	WantLimited(t, one.StartCall(t.Context(), "s3", "c"))
	WantLimited(t, one.CheckStart(t.Context(), "c"))
	WantAllowed(t, one.RefreshCall(t.Context(), "s1", "a"))
	WantAllowed(t, two.EndCall(t.Context(), "s2", "b"))
	WantAllowed(t, one.StartCall(t.Context(), "s3", "c"))
}

func movedCall(t *testing.T, one, two session.Limiter) {
	WantAllowed(t, one.StartCall(t.Context(), "s1", "a"))
	WantAllowed(t, one.StartCall(t.Context(), "s1", "a"))
	WantAllowed(t, one.EndCall(t.Context(), "s1", "a"))
	WantLimited(t, one.StartCall(t.Context(), "s2", "b"))
	WantAllowed(t, two.StartCall(t.Context(), "s1", "a"))
	WantAllowed(t, one.EndCall(t.Context(), "s1", "a"))
	WantAllowed(t, two.RefreshCall(t.Context(), "s1", "a"))
	WantLimited(t, one.StartCall(t.Context(), "s2", "b"))
	WantAllowed(t, two.EndCall(t.Context(), "s1", "a"))
	WantAllowed(t, one.StartCall(t.Context(), "s2", "b"))
}

func starts(t *testing.T, one, two session.Limiter) {
	for i := range 3 {
		s := strconv.Itoa(i)
		WantAllowed(t, one.StartCall(t.Context(), s, "a"))
		WantAllowed(t, one.EndCall(t.Context(), s, "a"))
	}
	WantLimited(t, two.StartCall(t.Context(), "fourth", "a"))
	WantLimited(t, two.CheckStart(t.Context(), "a"))
	WantAllowed(t, two.StartCall(t.Context(), "other", "b"))
}

func tokens(t *testing.T, one, two session.Limiter) {
	WantAllowed(t, one.SpendTokens(t.Context(), "demo", 0))
	WantAllowed(t, one.SpendTokens(t.Context(), "demo", 900))
	WantAllowed(t, two.SpendTokens(t.Context(), "demo", 0))
	WantLimited(t, two.SpendTokens(t.Context(), "demo", 200))
	WantLimited(t, one.SpendTokens(t.Context(), "demo", 0))
	WantAllowed(t, one.SpendTokens(t.Context(), "other", 0))
}
