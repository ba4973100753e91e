package session_test

import (
	"testing"

	"frontdesk/session"
	"frontdesk/session/storetest"
	"frontdesk/tools/gate"
)

func TestLocalLimiterConforms(t *testing.T) {
	storetest.RunLimiter(t, func(_ *testing.T, l session.Limits) (one, two session.Limiter) {
		limiter := session.NewLimiter(l)
		return limiter, limiter
	})
}

func TestLocalCounterConforms(t *testing.T) {
	storetest.RunCounter(t, func(*testing.T) (one, two gate.Counter) {
		counter := gate.NewCounter()
		return counter, counter
	})
}
