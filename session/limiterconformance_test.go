package session_test

import (
	"testing"

	"frontdesk/session"
	"frontdesk/session/storetest"
)

func TestLocalLimiterConforms(t *testing.T) {
	storetest.RunLimiter(t, func(_ *testing.T, l session.Limits) (one, two session.Limiter) {
		limiter := session.NewLimiter(l)
		return limiter, limiter
	})
}
