package dialplan

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"frontdesk/internal/fault"
)

const ledgerTimeout = 3 * time.Second // to write a call's cost

// Meter enforces the plan of one trunk. It is safe for concurrent use.
type Meter struct {
	trunk  string
	plan   Plan
	ledger *Ledger
	starts *rate.Limiter

	mu       sync.Mutex
	calls    int
	reserved float64 // what the calls in progress may still cost
}

// NewMeter returns a meter. A nil ledger makes Begin fail.
func NewMeter(trunk string, p Plan, l *Ledger) *Meter {
	m := &Meter{trunk: trunk, plan: p, ledger: l, starts: rate.NewLimiter(rate.Inf, 0)}
	if p.PerMinute > 0 {
		m.starts = rate.NewLimiter(rate.Every(time.Minute/time.Duration(p.PerMinute)), p.PerMinute)
	}
	return m
}

// Check returns an error if the plan does not allow a number.
func (m *Meter) Check(number string) error {
	_, err := m.plan.Price(number)
	return err
}

// Begin counts a call to a number and returns how long it may last; 0 is no limit. done
// must be called with the billable duration; only its first call counts.
//
// Begin reserves the cost of the longest possible call, so that calls in progress cannot
// exceed the daily budget together. The error is Forbidden, Limited, or Storage if the call
// cannot be counted.
func (m *Meter) Begin(ctx context.Context, number string) (longest time.Duration, done func(lasted time.Duration), err error) {
	price, err := m.plan.Price(number)
	if err != nil {
		return 0, nil, err
	}
	if m.ledger == nil {
		return 0, nil, uncounted(nil)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plan.Calls > 0 && m.calls >= m.plan.Calls {
		return 0, nil, fault.New(fault.Limited, "limit of %d calls at a time over %s reached", m.plan.Calls, m.trunk).Retryable(10 * time.Second)
	}
	now := time.Now()
	calls, spent, err := m.ledger.read(ctx, m.trunk, now)
	if err != nil {
		return 0, nil, uncounted(err)
	}
	tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	if m.plan.PerDay > 0 && calls >= m.plan.PerDay {
		return 0, nil, fault.New(fault.Limited, "daily limit of %d calls reached", m.plan.PerDay).Retryable(tomorrow)
	}
	longest, reserve, ok := m.afford(price, spent)
	if !ok {
		return 0, nil, fault.New(fault.Limited, "daily budget for calls spent").Retryable(tomorrow)
	}
	if r := m.starts.ReserveN(now, 1); !r.OK() || r.DelayFrom(now) > 0 {
		wait := r.DelayFrom(now)
		r.CancelAt(now)
		return 0, nil, fault.New(fault.Limited, "limit of %d calls a minute reached", m.plan.PerMinute).Retryable(wait)
	}
	if err := m.ledger.add(ctx, m.trunk, now, 1, 0); err != nil {
		return 0, nil, uncounted(err)
	}
	m.calls++
	m.reserved += reserve
	var once sync.Once
	return longest, func(lasted time.Duration) { once.Do(func() { m.end(reserve, price, lasted) }) }, nil
}

func uncounted(err error) error {
	return fault.Wrap(err, fault.Storage, "no calls are made, because they cannot be counted")
}

// afford returns how long a call at a price may last within the plan and what is left of
// the day's budget, and what it costs at most. ok is false if not even a minute is left.
func (m *Meter) afford(price, spent float64) (longest time.Duration, cost float64, ok bool) {
	longest = m.plan.Longest
	if m.plan.Spend <= 0 || price <= 0 {
		return longest, 0, true
	}
	left := m.plan.Spend - spent - m.reserved
	if left < price {
		return 0, 0, false
	}
	affordable := time.Duration(left / price * float64(time.Minute)).Truncate(time.Minute)
	if longest == 0 || affordable < longest {
		longest = affordable
	}
	return longest, math.Ceil(longest.Minutes()) * price, true
}

// end counts the cost of a call, in whole minutes as carriers bill it.
func (m *Meter) end(reserved, price float64, lasted time.Duration) {
	minutes := float64((lasted + time.Minute - 1) / time.Minute)
	ctx, cancel := context.WithTimeout(context.Background(), ledgerTimeout)
	defer cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls--
	// A cost that cannot be written stays reserved until the next start, so that the
	// budget is never exceeded.
	if m.ledger.add(ctx, m.trunk, time.Now(), 0, minutes*price) == nil {
		m.reserved -= reserved
	}
}
