package sip

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"golang.org/x/time/rate"

	"frontdesk/internal/fault"
)

// Plan is what may be dialled over a trunk, and how much. The zero Plan allows nothing.
type Plan struct {
	Prefixes  map[string]float64 // beginnings of numbers (+49, 1), or whole SIP addresses -> price of a minute
	Deny      []string           // beginnings that are not dialled although a shorter one is allowed
	Calls     int                // at a time; 0 is no limit
	PerMinute int                // calls begun in a minute; 0 is no limit
	PerDay    int                // calls begun in a day (UTC); 0 is no limit
	Spend     float64            // that a day's calls may cost, in the currency of the prices; 0 is no limit
	Longest   time.Duration      // of a call; 0 is no limit
}

// number is a telephone number as it is dialled, or a SIP address. The error is Invalid.
func number(text string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "sip:") || strings.HasPrefix(text, "sips:") {
		if len(text) > 256 || strings.ContainsAny(text, " \t\r\n<>\"?;,") {
			return "", fault.New(fault.Invalid, "%.60q is not a SIP address such as sip:anna@example.com", text)
		}
		var uri sip.Uri
		if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" {
			return "", fault.Wrap(err, fault.Invalid, "%.60q is not a SIP address such as sip:anna@example.com", text)
		}
		return text, nil
	}
	cleaned := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./()", r) {
			return -1
		}
		return r
	}, text)
	digits := strings.TrimPrefix(cleaned, "+")
	if len(digits) < 2 || len(digits) > 20 || strings.Trim(digits, "0123456789") != "" {
		return "", fault.New(fault.Invalid, "%.60q is not a telephone number such as +493012345678", text)
	}
	return cleaned, nil
}

// price is what a minute to a number costs. The error is Forbidden where the plan does
// not allow it. The longest beginning decides.
func (p Plan) price(number string) (float64, error) {
	best, price, allowed := -1, 0.0, false
	for prefix, cost := range p.Prefixes {
		whole := strings.HasPrefix(prefix, "sip")
		if whole && prefix == number || !whole && !strings.HasPrefix(number, "sip") && strings.HasPrefix(number, prefix) {
			if len(prefix) > best {
				best, price, allowed = len(prefix), cost, true
			}
		}
	}
	for _, prefix := range p.Deny {
		if strings.HasPrefix(number, prefix) && len(prefix) >= best {
			allowed = false
		}
	}
	if !allowed {
		return 0, fault.New(fault.Forbidden, "the plan of this trunk does not allow calls to %s", number)
	}
	return price, nil
}

// Ledger counts what was dialled over a day. It survives a restart.
type Ledger struct{ db *sql.DB }

// OpenLedger keeps the counts in db.
func OpenLedger(ctx context.Context, db *sql.DB) (*Ledger, error) {
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS dialled (
		trunk TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL, spent REAL NOT NULL, PRIMARY KEY (trunk, day))`)
	if err != nil {
		return nil, fmt.Errorf("open the ledger of calls: %w", err)
	}
	return &Ledger{db: db}, nil
}

func day(now time.Time) string { return now.UTC().Format(time.DateOnly) }

// read is what a trunk's calls of the day were and cost.
func (l *Ledger) read(ctx context.Context, trunk string, now time.Time) (calls int, spent float64, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT calls, spent FROM dialled WHERE trunk = ? AND day = ?`, trunk, day(now)).Scan(&calls, &spent)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return calls, spent, err
}

// add counts calls and what they cost.
func (l *Ledger) add(ctx context.Context, trunk string, now time.Time, calls int, spent float64) error {
	_, err := l.db.ExecContext(ctx, `INSERT INTO dialled (trunk, day, calls, spent) VALUES (?, ?, ?, ?)
		ON CONFLICT (trunk, day) DO UPDATE SET calls = calls + excluded.calls, spent = spent + excluded.spent`, trunk, day(now), calls, spent)
	return err
}

// meter holds one trunk to its plan.
type meter struct {
	trunk  string
	plan   Plan
	ledger *Ledger
	pace   *rate.Limiter

	mu    sync.Mutex
	calls int
	held  float64 // what calls under way may cost yet
}

func newMeter(trunk string, p Plan, l *Ledger) *meter {
	m := &meter{trunk: trunk, plan: p, ledger: l, pace: rate.NewLimiter(rate.Inf, 0)}
	if p.PerMinute > 0 {
		m.pace = rate.NewLimiter(rate.Every(time.Minute/time.Duration(p.PerMinute)), p.PerMinute)
	}
	return m
}

// begin takes a call to a number into the count and says how long it may last, 0 for no
// limit. done must be called with how long it did last. Money is set aside before it is
// spent: a call that could cost more than is left is cut when it has, and never begun
// when there is not a minute left. The error is Forbidden or Limited, or Storage where
// nobody can count: then nothing is dialled.
func (m *meter) begin(ctx context.Context, number string) (longest time.Duration, done func(lasted time.Duration), err error) {
	price, err := m.plan.price(number)
	if err != nil {
		return 0, nil, err
	}
	if m.ledger == nil {
		return 0, nil, fault.New(fault.Storage, "calls cannot be counted, so none is made")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plan.Calls > 0 && m.calls >= m.plan.Calls {
		return 0, nil, fault.New(fault.Limited, "%d calls go out over %s already", m.calls, m.trunk).Retryable(10 * time.Second)
	}
	now := time.Now()
	calls, spent, err := m.ledger.read(ctx, m.trunk, now)
	if err != nil {
		return 0, nil, fault.Wrap(err, fault.Storage, "calls cannot be counted, so none is made")
	}
	tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now)
	if m.plan.PerDay > 0 && calls >= m.plan.PerDay {
		return 0, nil, fault.New(fault.Limited, "the %d calls of today are made", m.plan.PerDay).Retryable(tomorrow)
	}
	longest = m.plan.Longest
	aside := 0.0
	if m.plan.Spend > 0 && price > 0 {
		left := m.plan.Spend - spent - m.held
		if left < price {
			return 0, nil, fault.New(fault.Limited, "what may be spent on calls today is spent").Retryable(tomorrow)
		}
		can := time.Duration(left / price * float64(time.Minute)).Truncate(time.Minute)
		if longest == 0 || can < longest {
			longest = can
		}
		aside = math.Ceil(longest.Minutes()) * price // as it is billed
	}
	if r := m.pace.ReserveN(now, 1); !r.OK() || r.DelayFrom(now) > 0 {
		wait := r.DelayFrom(now)
		r.CancelAt(now)
		return 0, nil, fault.New(fault.Limited, "too many calls in a minute").Retryable(wait)
	}
	if err := m.ledger.add(ctx, m.trunk, now, 1, 0); err != nil {
		return 0, nil, fault.Wrap(err, fault.Storage, "calls cannot be counted, so none is made")
	}
	m.calls++
	m.held += aside
	var once sync.Once
	return longest, func(lasted time.Duration) { once.Do(func() { m.end(aside, price, lasted) }) }, nil
}

const ledgerTime = 3 * time.Second // to write

// end counts what a call cost, in whole minutes as they are billed.
func (m *meter) end(aside, price float64, lasted time.Duration) {
	minutes := float64((lasted + time.Minute - 1) / time.Minute)
	ctx, cancel := context.WithTimeout(context.Background(), ledgerTime)
	defer cancel()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls--
	if m.ledger.add(ctx, m.trunk, time.Now(), 0, minutes*price) == nil {
		m.held -= aside
	} // else it stays set aside until the next start: rather too little is dialled than too much
}
