package session

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"frontdesk/fault"
)

// Limits bound what callers may use. A zero field is no limit.
type Limits struct {
	Calls           int           // calls at a time
	CallsPerAddress int           // calls at a time from one address
	StartsPerMinute int           // calls begun per minute from one address
	Duration        time.Duration // longest call
}

// maxAddresses bounds the memory of who called lately. When it is full, addresses
// with nothing running are forgotten.
const maxAddresses = 10_000

// turnstile counts calls against Limits. Safe for concurrent use.
type turnstile struct {
	limits Limits

	mu        sync.Mutex
	running   int
	addresses map[string]*address
}

type address struct {
	running int
	starts  *rate.Limiter
}

func newTurnstile(l Limits) *turnstile {
	return &turnstile{limits: l, addresses: make(map[string]*address)}
}

// enter counts a call from addr in, or says why not. leave must follow.
func (t *turnstile) enter(addr string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.address(addr)
	if err := t.refusal(a); err != nil {
		return err
	}
	a.starts.Allow()
	t.running++
	a.running++
	return nil
}

// check says why enter would not let addr in, and counts nothing.
func (t *turnstile) check(addr string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refusal(t.address(addr))
}

// refusal says which limit a has reached. t.mu is held.
func (t *turnstile) refusal(a *address) error {
	l := t.limits
	switch {
	case l.Calls > 0 && t.running >= l.Calls:
		return fault.New(fault.Limited, "all lines are busy: please try again in a moment").Retryable(10 * time.Second)
	case l.CallsPerAddress > 0 && a.running >= l.CallsPerAddress:
		return fault.New(fault.Limited, "there are already %d calls from your address", a.running).Retryable(10 * time.Second)
	}
	if l.StartsPerMinute > 0 {
		if missing := 1 - a.starts.Tokens(); missing > 0 {
			wait := time.Duration(missing * float64(time.Minute) / float64(l.StartsPerMinute))
			return fault.New(fault.Limited, "too many calls from your address in a short time").Retryable(wait)
		}
	}
	return nil
}

func (t *turnstile) leave(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	if a := t.addresses[addr]; a != nil {
		a.running--
	}
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
	every, burst := rate.Inf, 1
	if n := t.limits.StartsPerMinute; n > 0 {
		every, burst = rate.Every(time.Minute/time.Duration(n)), n
	}
	a = &address{starts: rate.NewLimiter(every, burst)}
	t.addresses[addr] = a
	return a
}
