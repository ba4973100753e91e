package hours

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/require"
)

func newHours(t testing.TB, c Config) *Hours {
	t.Helper()
	h, err := New(c)
	require.NoError(t, err)
	return h
}

// shop has the hours that docs/configuration.md shows.
func shop(t testing.TB) *Hours {
	return newHours(t, Config{
		Timezone: "Europe/Berlin",
		Open:     map[string]string{"mon-fri": "8:00-20:00", "sat": "9:00-13:00, 14:00-18:00"},
		Closed:   []string{"2026-12-25", "2026-12-26", "12-24"},
		Special:  map[string]string{"2026-12-24": "9:00-12:00"},
	})
}

// at reads a time in the time zone of h.
func at(t testing.TB, h *Hours, text string) time.Time {
	t.Helper()
	out, err := time.ParseInLocation("2006-01-02 15:04", text, h.zone)
	require.NoError(t, err)
	return out
}

func TestOpenAndNextOpening(t *testing.T) {
	h := shop(t)
	for _, c := range []struct {
		now    string
		isOpen bool
		next   string
	}{
		{"2026-11-30 07:59", false, "2026-11-30 08:00"}, // Monday
		{"2026-11-30 08:00", true, "2026-11-30 08:00"},
		{"2026-11-30 19:59", true, "2026-11-30 19:59"},
		{"2026-11-30 20:00", false, "2026-12-01 08:00"},
		{"2026-12-05 13:30", false, "2026-12-05 14:00"}, // Saturday
		{"2026-12-05 18:00", false, "2026-12-07 08:00"}, // over Sunday
		{"2026-12-24 10:00", true, "2026-12-24 10:00"},  // hours of its own
		{"2026-12-24 12:00", false, "2026-12-28 08:00"}, // over the holidays and Sunday
		{"2027-12-24 10:00", false, "2027-12-25 09:00"}, // every year; the 25th is a Saturday
	} {
		now := at(t, h, c.now)
		if got := h.IsOpen(now); got != c.isOpen {
			t.Errorf("%s: open is %v, want %v", c.now, got, c.isOpen)
		}
		if got, ok := h.NextOpening(now.UTC()); !ok || !got.Equal(at(t, h, c.next)) {
			t.Errorf("%s: the next opening is %v, want %s", c.now, got, c.next)
		}
	}
}

func TestHoursOverMidnight(t *testing.T) {
	h := newHours(t, Config{Timezone: "Europe/Berlin", Open: map[string]string{"fri": "22:00-6:00", "sat": "5:00-7:00"}, Closed: []string{"2026-12-05"}})
	for now, isOpen := range map[string]bool{
		"2026-11-27 21:59": false, "2026-11-27 23:00": true, "2026-11-28 05:59": true, "2026-11-28 06:30": true, "2026-11-28 07:00": false,
		"2026-12-05 03:00": true, // the hours of a day belong to the day on which they begin
		"2026-12-05 06:30": false,
	} {
		if got := h.IsOpen(at(t, h, now)); got != isOpen {
			t.Errorf("%s: open is %v, want %v", now, got, isOpen)
		}
	}
	closing, _ := h.Closing(at(t, h, "2026-11-27 23:00"))
	if want := at(t, h, "2026-11-28 07:00"); !closing.Equal(want) {
		t.Errorf("it closes at %v, want %v: the hours go on", closing, want)
	}
}

func TestChangesOfTheClock(t *testing.T) {
	h := newHours(t, Config{Timezone: "Europe/Berlin", Open: map[string]string{"sun": "2:15-2:45, 4:00-5:00"}})
	spring := h.On(at(t, h, "2026-03-29 12:00")) // 2:00 becomes 3:00
	if len(spring) == 0 || spring[len(spring)-1].From.UTC().Hour() != 2 {
		t.Errorf("the hours of the day in spring are %v", spring)
	}
	all := newHours(t, Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-sun": "0:00-24:00"}})
	for _, day := range []string{"2026-03-28 12:00", "2026-10-24 12:00"} {
		for start, n := at(t, h, day), 0; n < 48*4; n++ {
			if now := start.Add(time.Duration(n) * 15 * time.Minute); !all.IsOpen(now) {
				t.Errorf("it is closed at %v", now)
			}
		}
	}
	if closing, isOpen := all.Closing(at(t, h, "2026-03-28 12:00")); !isOpen || !closing.IsZero() {
		t.Errorf("it closes at %v, want never", closing)
	}
	autumn := newHours(t, Config{Timezone: "Europe/Berlin", Open: map[string]string{"sun": "0:00-6:00"}})
	p := autumn.On(at(t, h, "2026-10-25 12:00"))
	if len(p) != 1 || p[0].To.Sub(p[0].From) != 7*time.Hour {
		t.Errorf("the night of the change to winter time is %v, want seven hours", p)
	}
}

func TestWithoutHoursItIsAlwaysOpen(t *testing.T) {
	now := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	for _, h := range []*Hours{nil, newHours(t, Config{Timezone: "Asia/Tokyo"})} {
		if next, ok := h.NextOpening(now); !h.IsOpen(now) || h.IsSet() || !ok || !next.Equal(now) {
			t.Errorf("%v: closed, or the next opening is %v", h, next)
		}
	}
	never := newHours(t, Config{Timezone: "UTC", Special: map[string]string{"2020-01-01": "9:00-10:00"}})
	if _, ok := never.NextOpening(now); ok || never.IsOpen(now) {
		t.Error("hours in the past have a next opening")
	}
}

func TestErrorsNameTheKeyAndTheRemedy(t *testing.T) {
	open := map[string]string{"mon": "8:00-9:00"}
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Timezone: "Berlin"}, `timezone: unknown time zone "Berlin" (want a name of the IANA database, such as Europe/Berlin)`},
		{Config{}, `timezone: unknown time zone ""`},
		{Config{Timezone: "Local"}, `timezone: unknown time zone "Local"`},
		{Config{Timezone: "UTC", Open: map[string]string{"mo": "8:00-9:00"}}, `open.mo: unknown days "mo"`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8-9:00"}}, `open.mon: invalid hours "8-9:00" (want such as 8:00-20:00`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8:00-25:00"}}, `open.mon: invalid hours`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8:00-8:60"}}, `open.mon: invalid hours`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8:00"}}, `open.mon: invalid hours`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8:00-8:00"}}, `begin when they end (write 0:00-24:00`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon": "8:00-10:00, 9:00-11:00"}}, `overlap: join them`},
		{Config{Timezone: "UTC", Open: map[string]string{"mon-wed": "8:00-10:00", "tue": "9:00-11:00"}}, `open.tue: tue has hours already`},
		{Config{Timezone: "UTC", Open: open, Closed: []string{"2026-02-30"}}, `closed[0]: invalid day "2026-02-30" (want a date such as 2026-12-24`},
		{Config{Timezone: "UTC", Open: open, Closed: []string{"12-24", "12-24"}}, `closed[1]: the day 12-24 is named twice`},
		{Config{Timezone: "UTC", Open: open, Special: map[string]string{"12-32": "8:00-9:00"}}, `special.12-32: invalid day`},
		{Config{Timezone: "UTC", Closed: []string{"12-24"}}, `open: missing`},
	} {
		_, err := New(c.config)
		if _, ok := errors.AsType[*Error](err); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: the error is %v, want %s", c.config, err, c.want)
		}
	}
}

// TestOpeningsAgreeWithOpenMinutes compares IsOpen, NextOpening and Closing with each other at
// random times of random hours.
func TestOpeningsAgreeWithOpenMinutes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu", "America/St_Johns"}
	clock := func() string {
		return []string{"0:00", "1:30", "2:00", "2:30", "3:00", "8:00", "12:15", "20:00", "23:59"}[random.IntN(9)]
	}
	for range 300 {
		c := Config{Timezone: zones[random.IntN(len(zones))], Open: map[string]string{}}
		for _, day := range weekdays {
			if from, to := clock(), clock(); from != to && random.IntN(3) > 0 {
				c.Open[day] = from + "-" + to
			}
		}
		if len(c.Open) == 0 {
			continue
		}
		h := newHours(t, c)
		now := time.Date(2026, time.Month(1+random.IntN(12)), 1+random.IntN(28), random.IntN(24), random.IntN(60), 0, 0, time.UTC)
		next, ok := h.NextOpening(now)
		closing, isOpen := h.Closing(now)
		if isOpen != h.IsOpen(now) || isOpen != next.Equal(now) || ok && !h.IsOpen(next) {
			t.Fatalf("%+v at %v: open %v, next opening %v, closing %v", c, now, isOpen, next, closing)
		}
		for m := now; ok && m.Before(next); m = m.Add(7 * time.Minute) {
			if h.IsOpen(m) {
				t.Fatalf("%+v at %v: open at %v, before the next opening %v", c, now, m, next)
			}
		}
		for m := now; isOpen && m.Before(closing); m = m.Add(7 * time.Minute) {
			if !h.IsOpen(m) {
				t.Fatalf("%+v at %v: closed at %v, before the closing %v", c, now, m, closing)
			}
		}
		if isOpen && !closing.IsZero() && h.IsOpen(closing) {
			t.Fatalf("%+v at %v: open at the closing %v", c, now, closing)
		}
	}
}

func FuzzNew(f *testing.F) {
	f.Add("Europe/Berlin", "mon-fri", "8:00-20:00", "12-24", int64(1_790_000_000))
	f.Add("UTC", "fri-mon", "22:00-6:00, 7:00-8:00", "2026-02-29", int64(0))
	f.Fuzz(func(t *testing.T, zone, days, spans, day string, seconds int64) {
		h, err := New(Config{Timezone: zone, Open: map[string]string{days: spans}, Closed: []string{day}, Special: map[string]string{day: spans}})
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("the error %v does not name a key", err)
			}
			return
		}
		now := time.Unix(seconds%(1<<36), 0)
		if next, ok := h.NextOpening(now); ok && !h.IsOpen(next) {
			t.Fatalf("closed at the next opening %v", next)
		}
		for _, language := range []string{"en", "de", "fr", "es", "xx"} {
			for _, text := range []string{h.SayNow(language, now), h.SayNext(language, now), h.SayDay(language, now, now), h.SayWeek(language), h.SayDate(language, now), h.Prompt(now)} {
				if text == "" || strings.Contains(text, "%!") {
					t.Fatalf("%s says %q", language, text)
				}
			}
		}
	})
}
