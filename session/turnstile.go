package session

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxAddresses bounds the memory of who called lately. When it is full, addresses
// with nothing running are forgotten.
const maxAddresses = 10_000

// turnstile is the Gate of a single process. Safe for concurrent use.
type turnstile struct {
	limits Limits

	mu        sync.Mutex
	inside    map[string]*guest // by session
	addresses map[string]*address
	spent     map[string]*hour // by agent
}

// guest is a session that is in; while its caller changes lines, with more than one.
type guest struct {
	lines   int
	address *address
}

type address struct {
	running   int
	perMinute *rate.Limiter
	perSecond *rate.Limiter
}

// hour is what an agent has used since it began to.
type hour struct {
	ends   time.Time
	tokens int
}

// NewGate makes a Gate for a process that shares its limits with no other.
func NewGate(l Limits) Gate { return newTurnstile(l) }

func newTurnstile(l Limits) *turnstile {
	return &turnstile{limits: l, inside: make(map[string]*guest), addresses: make(map[string]*address), spent: make(map[string]*hour)}
}

// Enter implements Gate.
func (t *turnstile) Enter(_ context.Context, session, addr string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, g := t.address(addr), t.inside[session]
	if g == nil {
		if err := t.full(a); err != nil {
			return err
		}
	}
	if err := a.tooFast(); err != nil {
		return err
	}
	a.perMinute.Allow()
	a.perSecond.Allow()
	if g == nil {
		g = &guest{address: a}
		t.inside[session] = g
		a.running++
	}
	g.lines++
	return nil
}

// Stay implements Gate: what a process counts in its memory ends with it.
func (t *turnstile) Stay(context.Context, string, string) error { return nil }

// Leave implements Gate.
func (t *turnstile) Leave(_ context.Context, session, _ string) error {
	t.leave(session)
	return nil
}

// leave reports whether the session is out.
func (t *turnstile) leave(session string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.inside[session]
	if g == nil {
		return true
	}
	if g.lines--; g.lines > 0 {
		return false
	}
	g.address.running--
	delete(t.inside, session)
	return true
}

// Check implements Gate.
func (t *turnstile) Check(_ context.Context, addr string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.address(addr)
	if err := t.full(a); err != nil {
		return err
	}
	return a.tooFast()
}

// Spend implements Gate.
func (t *turnstile) Spend(_ context.Context, agent string, tokens int) error {
	if t.limits.TokensPerHour == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.spent[agent]
	if h == nil || !time.Now().Before(h.ends) {
		h = &hour{ends: time.Now().Add(time.Hour)}
		t.spent[agent] = h
	}
	h.tokens += tokens
	if h.tokens >= t.limits.TokensPerHour {
		return errSpent(time.Until(h.ends))
	}
	return nil
}

// full says which limit of calls at a time is reached. t.mu is held.
func (t *turnstile) full(a *address) error {
	l, running := t.limits, len(t.inside)
	switch {
	case l.Calls > 0 && running >= l.Calls, l.CallsTotal > 0 && running >= l.CallsTotal:
		return errBusy()
	case l.CallsPerAddress > 0 && a.running >= l.CallsPerAddress:
		return errAddressBusy(a.running)
	}
	return nil
}

func (a *address) tooFast() error {
	if wait := max(missing(a.perMinute), missing(a.perSecond)); wait > 0 {
		return errTooFast(wait)
	}
	return nil
}

// missing is how long it takes until l allows one.
func missing(l *rate.Limiter) time.Duration {
	if l.Limit() == rate.Inf {
		return 0
	}
	return max(0, time.Duration((1-l.Tokens())/float64(l.Limit())*float64(time.Second)))
}

func (t *turnstile) address(addr string) *address {
	a := t.addresses[addr]
	if a != nil {
		return a
	}
	if len(t.addresses) >= maxAddresses {
		for k, a := range t.addresses {
			if a.running == 0 {
				delete(t.addresses, k)
			}
		}
	}
	a = &address{
		perMinute: limiter(t.limits.StartsPerMinute, time.Minute),
		perSecond: limiter(t.limits.StartsPerSecond, time.Second),
	}
	t.addresses[addr] = a
	return a
}

// limiter allows n in every period, and all of them at once; any number where n is 0.
func limiter(n int, period time.Duration) *rate.Limiter {
	if n == 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Every(period/time.Duration(n)), n)
}
