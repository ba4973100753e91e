package session

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds how many addresses a LocalLimiter remembers. When it is reached,
// addresses without a running call are forgotten.
const maxAddresses = 10_000

// LocalLimiter is the Limiter of a single process. Safe for concurrent use.
type LocalLimiter struct {
	limits Limits

	mu        sync.Mutex
	sessions  map[string]*countedSession // by session ID
	addresses map[string]*countedAddress // by address
	agents    map[string]*tokenHour      // by agent name
}

// countedSession is a session with a running call; with two while its caller moves to
// another line.
type countedSession struct {
	lines   int
	address *countedAddress
}

type countedAddress struct {
	running   int
	perMinute *rate.Limiter
	perSecond *rate.Limiter
}

// tokenHour is what an agent has used in the hour that ends at ends.
type tokenHour struct {
	ends   time.Time
	tokens int
}

// NewLimiter returns a Limiter for a process that shares its limits with no other.
func NewLimiter(l Limits) *LocalLimiter {
	return &LocalLimiter{
		limits:    l,
		sessions:  make(map[string]*countedSession),
		addresses: make(map[string]*countedAddress),
		agents:    make(map[string]*tokenHour),
	}
}

// StartCall implements Limiter.
func (l *LocalLimiter) StartCall(_ context.Context, session, address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, s := l.address(address), l.sessions[session]
	if s == nil {
		if err := l.checkRunning(a); err != nil {
			return err
		}
	}
	if err := a.checkRate(); err != nil {
		return err
	}
	a.perMinute.Allow()
	a.perSecond.Allow()
	if s == nil {
		s = &countedSession{address: a}
		l.sessions[session] = s
		a.running++
	}
	s.lines++
	return nil
}

// RefreshCall implements Limiter. It has nothing to do: the counts end with the process.
func (l *LocalLimiter) RefreshCall(context.Context, string, string) error { return nil }

// EndCall implements Limiter.
func (l *LocalLimiter) EndCall(_ context.Context, session, _ string) error {
	l.EndLine(session)
	return nil
}

// EndLine ends one line of a session and reports whether it was the last one.
func (l *LocalLimiter) EndLine(session string) (wasLast bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[session]
	if s == nil {
		return true
	}
	if s.lines--; s.lines > 0 {
		return false
	}
	s.address.running--
	delete(l.sessions, session)
	return true
}

// CheckStart implements Limiter.
func (l *LocalLimiter) CheckStart(_ context.Context, address string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.address(address)
	if err := l.checkRunning(a); err != nil {
		return err
	}
	return a.checkRate()
}

// SpendTokens implements Limiter.
func (l *LocalLimiter) SpendTokens(_ context.Context, agent string, tokens int) error {
	if l.limits.TokensPerHour == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.agents[agent]
	if h == nil || !time.Now().Before(h.ends) {
		h = &tokenHour{ends: time.Now().Add(time.Hour)}
		l.agents[agent] = h
	}
	h.tokens += tokens
	if h.tokens >= l.limits.TokensPerHour {
		return ErrTokensSpent(time.Until(h.ends))
	}
	return nil
}

// checkRunning returns which limit of simultaneous calls is reached. The caller holds l.mu.
func (l *LocalLimiter) checkRunning(a *countedAddress) error {
	limits, running := l.limits, len(l.sessions)
	switch {
	case limits.Calls > 0 && running >= limits.Calls, limits.CallsTotal > 0 && running >= limits.CallsTotal:
		return ErrAllBusy()
	case limits.CallsPerAddress > 0 && a.running >= limits.CallsPerAddress:
		return ErrAddressBusy(a.running)
	}
	return nil
}

// checkRate returns an error while the address has started too many calls.
func (a *countedAddress) checkRate() error {
	if wait := max(timeToNext(a.perMinute), timeToNext(a.perSecond)); wait > 0 {
		return ErrTooManyStarts(wait)
	}
	return nil
}

// timeToNext returns how long it takes until r allows one event.
func timeToNext(r *rate.Limiter) time.Duration {
	if r.Limit() == rate.Inf {
		return 0
	}
	return max(0, time.Duration((1-r.Tokens())/float64(r.Limit())*float64(time.Second)))
}

// address returns the counts of an address. The caller holds l.mu.
func (l *LocalLimiter) address(address string) *countedAddress {
	a := l.addresses[address]
	if a != nil {
		return a
	}
	if len(l.addresses) >= maxAddresses {
		for k, a := range l.addresses {
			if a.running == 0 {
				delete(l.addresses, k)
			}
		}
	}
	a = &countedAddress{
		perMinute: newRate(l.limits.StartsPerMinute, time.Minute),
		perSecond: newRate(l.limits.StartsPerSecond, time.Second),
	}
	l.addresses[address] = a
	return a
}

// newRate allows n events in every period, also all at once; any number when n is 0.
func newRate(n int, period time.Duration) *rate.Limiter {
	if n == 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Every(period/time.Duration(n)), n)
}
