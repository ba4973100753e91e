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
	"frontdesk/internal/require"
)

func TestStartsAndTokensAreAllowedAgainWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{StartsPerMinute: 3, StartsPerSecond: 2, TokensPerHour: 10})
		want := func(isAllowed bool, err error) {
			t.Helper()
			if (err == nil) != isAllowed {
				t.Errorf("got %v, want allowed %v", err, isAllowed)
			}
		}
		start := func() error {
			err := l.StartCall(t.Context(), "s", "a")
			if err == nil {
				err = l.EndCall(t.Context(), "s", "a")
			}
			return err
		}
		want(true, start())
		want(true, start())
		want(false, start())
		time.Sleep(time.Second)
		want(true, start())
		want(false, start())
		time.Sleep(20 * time.Second)
		want(true, start())
		want(false, l.SpendTokens(t.Context(), "demo", 10))
		time.Sleep(time.Hour)
		want(true, l.SpendTokens(t.Context(), "demo", 0))
	})
}

func TestIdleAddressesAreForgotten(t *testing.T) {
	l := NewLimiter(Limits{})
	start := func(session, address string) {
		require.NoError(t, l.StartCall(t.Context(), session, address))
	}
	start("stays", "stays")
	for i := range 2 * maxAddresses {
		a := strconv.Itoa(i)
		start(a, a)
		l.EndLine(a)
	}
	if n := len(l.addresses); n > maxAddresses || l.addresses["stays"] == nil {
		t.Errorf("%d addresses are remembered, want at most %d with the busy one", n, maxAddresses)
	}
}

// unreachableLimiter is a Limiter that cannot count tokens while it fails.
type unreachableLimiter struct {
	Limiter
	fails bool
	spent int
}

func (l *unreachableLimiter) SpendTokens(_ context.Context, _ string, tokens int) error {
	if l.fails {
		return errors.New("unreachable")
	}
	l.spent += tokens
	return nil
}

// discardJournal is a dialog.Journal that stores nothing.
type discardJournal struct{}

func (discardJournal) Append(context.Context, dialog.JournalEntry) error { return nil }

func TestTokensAreCountedWhenTheLimiterIsReachableAgain(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	limiter := &unreachableLimiter{fails: true}
	m := &tokenMeter{Journal: discardJournal{}, limiter: limiter, agent: "demo", log: zap.New(core)}
	turn := dialog.Turn{Usage: dialog.Usage{Input: 100, Output: 20}, Discarded: dialog.Usage{Output: 3}}
	appendTurn := func() {
		require.NoError(t, m.Append(t.Context(), dialog.JournalEntry{Turn: &turn}))
	}
	appendTurn()
	if logs.Len() != 1 {
		t.Errorf("log: %v, want one warning", logs.All())
	}
	limiter.fails = false
	appendTurn()
	if limiter.spent != 246 {
		t.Errorf("%d tokens were counted, want 246", limiter.spent)
	}
	reading := dialog.Reading{Failure: "timeout", Usage: dialog.Usage{Input: 50, Output: 4}}
	require.NoError(t, m.Append(t.Context(), dialog.JournalEntry{Reading: &reading}))
	if limiter.spent != 300 {
		t.Errorf("%d tokens were counted with a reading, want 300", limiter.spent)
	}
}
