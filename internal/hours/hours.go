// Package hours knows when people answer: the opening hours of each weekday in a time zone,
// the days that are closed, and the days with hours of their own. It tells whether it is open
// at a time, when it opens next, and says both in English, German, French and Spanish.
//
// It is pure: times enter as arguments, and it reads no clock. Hours enter through New as they
// are written in agent.yaml, and leave as times and sentences. It imports internal/words.
package hours

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones where the system has none
)

// Config is how hours are written.
type Config struct {
	Timezone string            // IANA name, such as "Europe/Berlin"
	Open     map[string]string // by days: "mon-fri": "8:00-12:00, 13:00-17:00"
	Closed   []string          // days: "2026-12-25", or "12-25" in every year
	Special  map[string]string // hours of single days, by day
}

// Error is what is wrong with a value of Config.
type Error struct {
	Key     string // such as "open.mon-fri" or "closed[2]"
	Message string
}

func (e *Error) Error() string { return e.Key + ": " + e.Message }

func errorAt(key, format string, args ...any) error {
	return &Error{Key: key, Message: fmt.Sprintf(format, args...)}
}

// Bounds of a Config.
const (
	maxEntries = 400 // days of their own
	maxSpans   = 6   // in a day
	dayMinutes = 24 * 60
	// searchDays is how far ahead an opening is searched: 29 February in every year is at most
	// eight years away, but nobody is promised a call-back in more than a year.
	searchDays = 400
)

// span is a time of the day in minutes after midnight. A span that ends after 24:00 ends on
// the next day.
type span struct{ from, to int }

// monthDay is a day in every year.
type monthDay struct {
	month time.Month
	day   int
}

// date is a day of one year.
type date struct {
	year int
	monthDay
}

// Hours are opening hours. They do not change, and any number of goroutines may use them.
type Hours struct {
	zone    *time.Location
	week    [7][]span // by time.Weekday
	dates   map[date][]span
	yearly  map[monthDay][]span
	isFixed bool // there are opening hours, not only a time zone
}

// New reads hours. The error is an *Error.
func New(c Config) (*Hours, error) {
	h := &Hours{dates: make(map[date][]span), yearly: make(map[monthDay][]span), isFixed: len(c.Open) > 0 || len(c.Special) > 0}
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil || c.Timezone == "" || c.Timezone == "Local" {
		return nil, errorAt("timezone", "unknown time zone %q (want a name of the IANA database, such as Europe/Berlin)", c.Timezone)
	}
	h.zone = zone
	if n := len(c.Closed) + len(c.Special); n > maxEntries {
		return nil, errorAt("closed", "too many days: %d in closed and special (limit %d)", n, maxEntries)
	}
	if !h.isFixed && len(c.Closed) > 0 {
		return nil, errorAt("open", "missing: say when it is open on the other days, such as mon-fri: 8:00-17:00")
	}
	if err := h.readWeek(c.Open); err != nil {
		return nil, err
	}
	for i, text := range c.Closed {
		if err := h.addDay(fmt.Sprintf("closed[%d]", i), text, nil); err != nil {
			return nil, err
		}
	}
	for _, text := range slices.Sorted(maps.Keys(c.Special)) {
		key := "special." + text
		spans, err := readSpans(key, c.Special[text])
		if err != nil {
			return nil, err
		}
		if err := h.addDay(key, text, spans); err != nil {
			return nil, err
		}
	}
	return h, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // by time.Weekday

// readWeek reads the hours of the weekdays.
func (h *Hours) readWeek(open map[string]string) error {
	var isSet [7]bool
	for _, days := range slices.Sorted(maps.Keys(open)) {
		key := "open." + days
		spans, err := readSpans(key, open[days])
		if err != nil {
			return err
		}
		for part := range strings.SplitSeq(days, ",") {
			first, last, isRange := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
			if !isRange {
				last = first
			}
			d, end := slices.Index(weekdays, strings.TrimSpace(first)), slices.Index(weekdays, strings.TrimSpace(last))
			if d < 0 || end < 0 {
				return errorAt(key, "unknown days %q (want mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri)", part)
			}
			for ; ; d = (d + 1) % 7 {
				if isSet[d] {
					return errorAt(key, "%s has hours already: name each day once", weekdays[d])
				}
				isSet[d], h.week[d] = true, spans
				if d == end {
					break
				}
			}
		}
	}
	return nil
}

// addDay sets the hours of a day. No spans close it. A day of special replaces the same one
// of closed only if one of them names the year.
func (h *Hours) addDay(key, text string, spans []span) error {
	text = strings.TrimSpace(text)
	if t, err := time.Parse("2006-01-02", text); err == nil {
		d := date{t.Year(), monthDay{t.Month(), t.Day()}}
		if _, ok := h.dates[d]; ok {
			return errorAt(key, "the day %s is named twice: keep one of them", text)
		}
		h.dates[d] = spans
		return nil
	}
	t, err := time.Parse("2006-01-02", "2000-"+text) // a leap year
	if err != nil {
		return errorAt(key, "invalid day %q (want a date such as 2026-12-24, or 12-24 for every year)", text)
	}
	d := monthDay{t.Month(), t.Day()}
	if _, ok := h.yearly[d]; ok {
		return errorAt(key, "the day %s is named twice: keep one of them", text)
	}
	h.yearly[d] = spans
	return nil
}

// readSpans reads "9:00-13:00, 14:00-18:00", or "closed".
func readSpans(key, text string) ([]span, error) {
	if strings.EqualFold(strings.TrimSpace(text), "closed") {
		return nil, nil
	}
	var out []span
	for part := range strings.SplitSeq(text, ",") {
		first, last, ok := strings.Cut(part, "-")
		from, okFrom := readClock(first)
		to, okTo := readClock(last)
		if !ok || !okFrom || !okTo || from == dayMinutes {
			return nil, errorAt(key, "invalid hours %q (want such as 8:00-20:00, or 9:00-13:00, 14:00-18:00, or closed)", strings.TrimSpace(part))
		}
		if to == from {
			return nil, errorAt(key, "the hours %q begin when they end (write 0:00-24:00 for the whole day)", strings.TrimSpace(part))
		}
		if to < from { // over midnight
			to += dayMinutes
		}
		out = append(out, span{from, to})
	}
	if len(out) > maxSpans {
		return nil, errorAt(key, "too many hours in one day: %d (limit %d)", len(out), maxSpans)
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(out); i++ {
		if out[i].from < out[i-1].to {
			return nil, errorAt(key, "the hours %q overlap: join them", text)
		}
	}
	return out, nil
}

// readClock reads "8:00" as minutes after midnight, up to "24:00".
func readClock(text string) (minutes int, ok bool) {
	hour, minute, _ := strings.Cut(strings.TrimSpace(text), ":")
	h, okHour := readDigits(hour, 1)
	m, okMinute := readDigits(minute, 2)
	minutes = h*60 + m
	return minutes, okHour && okMinute && m < 60 && minutes <= dayMinutes
}

// readDigits reads a number of shortest to two digits.
func readDigits(text string, shortest int) (n int, ok bool) {
	if len(text) < shortest || len(text) > 2 {
		return 0, false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// In returns t in the time zone of h. Without hours it returns t as it is.
func (h *Hours) In(t time.Time) time.Time {
	if h == nil {
		return t
	}
	return t.In(h.zone)
}

// IsSet reports whether there are opening hours. Without them it is always open.
func (h *Hours) IsSet() bool { return h != nil && h.isFixed }

// spansOf returns the hours that begin on the day of t. The hours of a single day go before
// those of a day in every year, and both before those of the weekday.
func (h *Hours) spansOf(t time.Time) []span {
	d := date{t.Year(), monthDay{t.Month(), t.Day()}}
	if spans, ok := h.dates[d]; ok {
		return spans
	}
	if spans, ok := h.yearly[d.monthDay]; ok {
		return spans
	}
	return h.week[t.Weekday()]
}

// Period is a time in which it is open.
type Period struct{ From, To time.Time }

// On returns the periods that begin on the day of t in the time zone of h, in order.
func (h *Hours) On(t time.Time) []Period {
	t = h.In(t)
	var out []Period
	for _, s := range h.spansOf(t) {
		p := Period{h.at(t, s.from), h.at(t, s.to)}
		if p.To.After(p.From) { // not a time that the change to summer time leaves out
			out = append(out, p)
		}
	}
	return out
}

// at returns the time that the clock shows minutes after midnight on the day of t.
func (h *Hours) at(t time.Time, minutes int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, minutes, 0, 0, t.Location())
}

// day returns noon of the n-th day after that of t: every day has a noon.
func (h *Hours) day(t time.Time, n int) time.Time {
	t = h.In(t)
	return time.Date(t.Year(), t.Month(), t.Day()+n, 12, 0, 0, 0, t.Location())
}

// IsOpen reports whether it is open at t.
func (h *Hours) IsOpen(t time.Time) bool {
	if !h.IsSet() {
		return true
	}
	_, isOpen := h.Closing(t)
	return isOpen
}

// NextOpening returns the first time from t on at which it is open: t itself if it is open
// then. ok is false if that is more than a year away.
func (h *Hours) NextOpening(t time.Time) (opening time.Time, ok bool) {
	if h.IsOpen(t) {
		return t, true
	}
	for n := range searchDays {
		for _, p := range h.On(h.day(t, n)) {
			if p.From.After(t) {
				return p.From, true
			}
		}
	}
	return time.Time{}, false
}

// Closing returns when it closes next. isOpen is false if it is closed at t. The time is zero
// if it does not close within a year.
func (h *Hours) Closing(t time.Time) (closing time.Time, isOpen bool) {
	if !h.IsSet() {
		return time.Time{}, true
	}
	end := t
	for n := -1; n < searchDays; n++ {
		for _, p := range h.On(h.day(t, n)) {
			switch {
			case !p.From.After(end) && p.To.After(end):
				end = p.To // the period that holds t, or goes on when the one before ends
			case p.From.After(end):
				return end, end.After(t)
			}
		}
	}
	if end.After(t) && end.Sub(t) < (searchDays-10)*24*time.Hour {
		return end, true
	}
	return time.Time{}, end.After(t)
}
