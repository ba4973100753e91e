package dialplan

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

func ExamplePlan_Price() {
	p := Plan{Prefixes: map[string]float64{"+49": 0.02, "+4915": 0.1}, Deny: []string{"+49900"}}
	fmt.Println(p.Price("+4930123456"))
	fmt.Println(p.Price("+4915123456"))
	fmt.Println(p.Price("+49900123456"))
	// Output:
	// 0.02 <nil>
	// 0.1 <nil>
	// 0 the plan of this trunk does not allow calls to +49900123456
}

func TestPlanAllowsByTheLongestPrefix(t *testing.T) {
	p := Plan{
		Prefixes: map[string]float64{"+49": 1, "+4990012": 2, "2": 0, "sip:anna@example.com": 3},
		Deny:     []string{"+49900", "29"},
	}
	for number, want := range map[string]float64{
		"+4930": 1, "+499001": -1, "+49900123": 2, "0049": -1, "200": 0, "290": -1,
		"sip:anna@example.com": 3, "sip:anna@example.com.evil": -1, "sip:bert@example.com": -1,
	} {
		price, err := p.Price(number)
		if got := fault.From(err); want < 0 && (got == nil || got.Code != fault.Forbidden) || want >= 0 && (err != nil || price != want) {
			t.Errorf("%s: got %v, %v, want %v", number, price, err, want)
		}
	}
}

func TestNumbersAreCheckedBeforeTheyAreDialed(t *testing.T) {
	for text, want := range map[string]string{
		" +49 30 123 ": "+4930123", "110": "110", "sip:anna@example.com": "sip:anna@example.com",
		"": "", "anna": "", "sip:": "", "sip:anna@example.com;transport=tcp": "", "sip:a@b?Replaces=1": "", "tel:110": "",
	} {
		got, err := ParseNumber(text)
		if (err == nil) != (want != "") || err == nil && got != want || err != nil && fault.From(err).Code != fault.Invalid {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func openLedger(t *testing.T) *Ledger {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "ledger.db"))
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	l, err := OpenLedger(t.Context(), db)
	require.NoError(t, err)
	return l
}

func TestMeterKeepsTheDailyBudget(t *testing.T) {
	l := openLedger(t)
	p := Plan{Prefixes: map[string]float64{"1": 2}, Spend: 10, Longest: 3 * time.Minute}
	m := NewMeter("out", p, l)
	begin := func(want time.Duration) func(time.Duration) {
		t.Helper()
		longest, done, err := m.Begin(t.Context(), "123")
		if err != nil || longest != want {
			t.Fatalf("a call may last %v, %v; want %v", longest, err, want)
		}
		return done
	}
	first := begin(3 * time.Minute)  // 6 reserved
	second := begin(2 * time.Minute) // the other 4 reserved
	if _, _, err := m.Begin(t.Context(), "123"); fault.From(err).Code != fault.Limited {
		t.Errorf("beyond the budget: got %v, want Limited", err)
	}
	first(61 * time.Second) // 2 minutes
	first(time.Hour)        // only the first call counts
	second(0)
	m = NewMeter("out", p, l) // after a restart
	begin(3 * time.Minute)(0)
	if calls, spent, err := l.read(t.Context(), "out", time.Now()); calls != 3 || math.Abs(spent-4) > 1e-9 || err != nil {
		t.Errorf("the ledger has %d calls for %v, %v; want 3 for 4", calls, spent, err)
	}
}

func TestMeterLimitsCalls(t *testing.T) {
	l := openLedger(t)
	prefixes := map[string]float64{"1": 0}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		plan   Plan
		ledger *Ledger
		ctx    context.Context
		allows int
		code   fault.Code
	}{
		"at a time":      {Plan{Prefixes: prefixes, Calls: 2}, l, t.Context(), 2, fault.Limited},
		"a minute":       {Plan{Prefixes: prefixes, PerMinute: 3}, l, t.Context(), 3, fault.Limited},
		"a day":          {Plan{Prefixes: prefixes, PerDay: 4}, l, t.Context(), 4, fault.Limited},
		"not allowed":    {Plan{}, l, t.Context(), 0, fault.Forbidden},
		"no ledger":      {Plan{Prefixes: prefixes}, nil, t.Context(), 0, fault.Storage},
		"ledger is gone": {Plan{Prefixes: prefixes}, l, ended, 0, fault.Storage},
	} {
		m := NewMeter(name, tt.plan, tt.ledger)
		for range tt.allows {
			if _, _, err := m.Begin(tt.ctx, "123"); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, _, err := m.Begin(tt.ctx, "123"); fault.From(err) == nil || fault.From(err).Code != tt.code {
			t.Errorf("%s: got %v, want %s", name, err, tt.code)
		}
	}
}
