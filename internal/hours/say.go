package hours

import (
	"fmt"
	"strings"
	"time"

	"frontdesk/internal/words"
)

// speech is how hours are said in one language.
type speech struct {
	weekdays  [7]string
	months    [12]string
	date      func(s *speech, t time.Time) string // without the year: "Monday, December 28"
	clock     func(hour, minute int) string       // "8 am"
	today     string
	tomorrow  string
	onDay     string // %s: weekday or date
	at        string // %s: day, %s: time
	from      string // %s: time, %s: time
	and       string
	to        string // between two weekdays
	openNow   string // %s: until when
	alwaysNow string
	closedNow string // %s: when it opens
	shut      string // closed, and no opening is known
	opens     string // %s: day, %s: hours
	closed    string // %s: day
	week      string // %s: days with their hours
	todayIs   string // %s: date, %d: year
	itIs      string // %s: time
}

var speeches = map[string]*speech{
	"en": {
		weekdays: [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months:   [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		date: func(s *speech, t time.Time) string {
			return fmt.Sprintf("%s, %s %d", s.weekdays[t.Weekday()], s.months[t.Month()-1], t.Day())
		},
		clock: englishClock, today: "today", tomorrow: "tomorrow", onDay: "on %s", at: "%s at %s", from: "from %s to %s", and: " and ", to: "%s to %s",
		openNow: "Yes, we are open now, until %s.", alwaysNow: "Yes, we are open now.", closedNow: "No, we are closed now. We open again %s.",
		shut: "We are closed now.", opens: "We are open %s %s.", closed: "We are closed %s.", week: "We are open %s.",
		todayIs: "Today is %s, %d.", itIs: "It is %s.",
	},
	"de": {
		weekdays: [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months:   [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		date: func(s *speech, t time.Time) string {
			return fmt.Sprintf("%s, dem %d. %s", s.weekdays[t.Weekday()], t.Day(), s.months[t.Month()-1])
		},
		clock: germanClock, today: "heute", tomorrow: "morgen", onDay: "am %s", at: "%s um %s", from: "von %s bis %s", and: " und ", to: "%s bis %s",
		openNow: "Ja, wir haben jetzt geöffnet, bis %s.", alwaysNow: "Ja, wir haben jetzt geöffnet.", closedNow: "Nein, wir haben jetzt geschlossen. Wir öffnen wieder %s.",
		shut: "Wir haben jetzt geschlossen.", opens: "Wir haben %s %s geöffnet.", closed: "Wir haben %s geschlossen.", week: "Wir haben geöffnet: %s.",
		todayIs: "Heute ist %s %d.", itIs: "Es ist %s.",
	},
	"fr": {
		weekdays: [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		months:   [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		date: func(s *speech, t time.Time) string {
			return fmt.Sprintf("%s %d %s", s.weekdays[t.Weekday()], t.Day(), s.months[t.Month()-1])
		},
		clock: frenchClock, today: "aujourd'hui", tomorrow: "demain", onDay: "%s", at: "%s à %s", from: "de %s à %s", and: " et ", to: "%s à %s",
		openNow: "Oui, nous sommes ouverts maintenant, jusqu'à %s.", alwaysNow: "Oui, nous sommes ouverts maintenant.", closedNow: "Non, nous sommes fermés maintenant. Nous rouvrons %s.",
		shut: "Nous sommes fermés maintenant.", opens: "Nous sommes ouverts %s %s.", closed: "Nous sommes fermés %s.", week: "Nous sommes ouverts %s.",
		todayIs: "Nous sommes le %s %d.", itIs: "Il est %s.",
	},
	"es": {
		weekdays: [7]string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"},
		months:   [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
		date: func(s *speech, t time.Time) string {
			return fmt.Sprintf("%s %d de %s", s.weekdays[t.Weekday()], t.Day(), s.months[t.Month()-1])
		},
		clock: spanishClock, today: "hoy", tomorrow: "mañana", onDay: "el %s", at: "%s a %s", from: "de %s a %s", and: " y ", to: "%s a %s",
		openNow: "Sí, estamos abiertos ahora, hasta %s.", alwaysNow: "Sí, estamos abiertos ahora.", closedNow: "No, ahora estamos cerrados. Volvemos a abrir %s.",
		shut: "Ahora estamos cerrados.", opens: "Abrimos %s %s.", closed: "Estamos cerrados %s.", week: "Abrimos %s.",
		todayIs: "Hoy es %s de %d.", itIs: "La hora es: %s.",
	},
}

func englishClock(hour, minute int) string {
	half := "am"
	if hour%24 >= 12 {
		half = "pm"
	}
	twelve := (hour+11)%12 + 1
	switch {
	case minute == 0 && hour == 12:
		return "noon"
	case minute == 0 && hour%24 == 0:
		return "midnight"
	case minute == 0:
		return fmt.Sprintf("%d %s", twelve, half)
	}
	return fmt.Sprintf("%d:%02d %s", twelve, minute, half)
}

func germanClock(hour, minute int) string {
	if minute == 0 {
		return fmt.Sprintf("%d Uhr", hour)
	}
	return fmt.Sprintf("%d:%02d Uhr", hour, minute)
}

func frenchClock(hour, minute int) string {
	switch {
	case minute == 0 && hour == 12:
		return "midi"
	case minute == 0 && hour%24 == 0:
		return "minuit"
	case minute == 0 && hour == 1:
		return "1 heure"
	case minute == 0:
		return fmt.Sprintf("%d heures", hour)
	}
	return fmt.Sprintf("%d h %02d", hour, minute)
}

func spanishClock(hour, minute int) string {
	article := "las"
	if hour == 1 {
		article = "la"
	}
	return fmt.Sprintf("%s %d:%02d", article, hour, minute)
}

// speechFor returns how hours are said in a BCP 47 language: in English if it has none.
func speechFor(language string) *speech {
	if s := speeches[words.Language(language)]; s != nil {
		return s
	}
	return speeches["en"]
}

// timeOf says the time of t. The end of a day is 24 o'clock.
func (s *speech) timeOf(t time.Time, isEnd bool) string {
	if isEnd && t.Hour() == 0 && t.Minute() == 0 {
		return s.clock(24, 0)
	}
	return s.clock(t.Hour(), t.Minute())
}

// dayOf names the day of t for somebody to whom it is now: "today", "tomorrow", "on Monday",
// or with the date if it is a week away.
func (h *Hours) dayOf(s *speech, t, now time.Time) string {
	t = h.In(t)
	days := 0
	for d := h.day(now, 0); d.Before(h.day(t, 0)) && days < 7; d = h.day(d, 1) {
		days++
	}
	switch {
	case days == 0:
		return s.today
	case days == 1:
		return s.tomorrow
	case days < 7:
		return fmt.Sprintf(s.onDay, s.weekdays[t.Weekday()])
	}
	return fmt.Sprintf(s.onDay, s.date(s, t))
}

// SayWhen says a time for somebody to whom it is now: "tomorrow at 8 am".
func (h *Hours) SayWhen(language string, t, now time.Time) string {
	s := speechFor(language)
	return fmt.Sprintf(s.at, h.dayOf(s, t, now), s.timeOf(h.In(t), false))
}

// SayNow says whether it is open now, and until when it is or when it opens.
func (h *Hours) SayNow(language string, now time.Time) string {
	s := speechFor(language)
	closing, isOpen := h.Closing(now)
	opening, ok := h.NextOpening(now)
	switch {
	case isOpen && closing.IsZero():
		return s.alwaysNow
	case isOpen:
		return fmt.Sprintf(s.openNow, s.timeOf(h.In(closing), true))
	case !ok:
		return s.shut
	}
	return fmt.Sprintf(s.closedNow, h.SayWhen(language, opening, now))
}

// SayNext says when it opens next after now, also if it is open now.
func (h *Hours) SayNext(language string, now time.Time) string {
	from := now
	if closing, isOpen := h.Closing(now); isOpen {
		if closing.IsZero() {
			return speechFor(language).alwaysNow
		}
		from = closing
	}
	s := speechFor(language)
	opening, ok := h.NextOpening(from)
	if !ok {
		return s.shut
	}
	return h.SayDay(language, opening, now)
}

// SayDay says the hours of the day of t.
func (h *Hours) SayDay(language string, t, now time.Time) string {
	s := speechFor(language)
	day := h.dayOf(s, t, now)
	periods := h.On(t)
	if len(periods) == 0 {
		return fmt.Sprintf(s.closed, day)
	}
	return fmt.Sprintf(s.opens, day, h.periods(s, periods))
}

// periods says "from 9 am to 1 pm and from 2 pm to 6 pm".
func (h *Hours) periods(s *speech, periods []Period) string {
	var out []string
	for _, p := range periods {
		out = append(out, fmt.Sprintf(s.from, s.timeOf(p.From, false), s.timeOf(p.To, true)))
	}
	return join(out, s.and)
}

// join lists parts: "a, b and c".
func join(parts []string, and string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + and + parts[n-1]
	}
	return strings.Join(parts, "")
}

// SayWeek says the hours of the weekdays, from Monday on.
func (h *Hours) SayWeek(language string) string {
	s := speechFor(language)
	var out []string
	for first := 0; first < 7; {
		last := first
		spans := h.week[weekdayAt(first)]
		for last+1 < 7 && equalSpans(spans, h.week[weekdayAt(last+1)]) {
			last++
		}
		if len(spans) > 0 {
			out = append(out, s.weekdayRange(first, last)+" "+s.spans(spans))
		}
		first = last + 1
	}
	if len(out) == 0 {
		return s.shut
	}
	return fmt.Sprintf(s.week, strings.Join(out, "; "))
}

// weekdayAt returns the n-th weekday of a week that begins on Monday.
func weekdayAt(n int) time.Weekday { return time.Weekday((n + 1) % 7) }

func equalSpans(a, b []span) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (s *speech) weekdayRange(first, last int) string {
	from, to := s.weekdays[weekdayAt(first)], s.weekdays[weekdayAt(last)]
	if first == last {
		return from
	}
	return fmt.Sprintf(s.to, from, to)
}

func (s *speech) spans(spans []span) string {
	var out []string
	for _, sp := range spans {
		to := sp.to
		if to > dayMinutes {
			to -= dayMinutes
		}
		out = append(out, fmt.Sprintf(s.from, s.clock(sp.from/60, sp.from%60), s.clock(to/60, to%60)))
	}
	return join(out, s.and)
}

// SayDate says the date of now: "Today is Monday, November 30, 2026."
func (h *Hours) SayDate(language string, now time.Time) string {
	s, t := speechFor(language), h.In(now)
	text := s.date(s, t)
	if s == speeches["de"] { // "Heute ist Montag, der 30. November 2026."
		text = strings.Replace(text, ", dem ", ", der ", 1)
	}
	return fmt.Sprintf(s.todayIs, text, t.Year())
}

// SayTime says the time of the day of now.
func (h *Hours) SayTime(language string, now time.Time) string {
	s, t := speechFor(language), h.In(now)
	return fmt.Sprintf(s.itIs, s.clock(t.Hour(), t.Minute()))
}

// promptDays is how many days a model is told about.
const promptDays = 8

// Prompt tells a model, in English, what the time is, whether it is open, and the hours of
// today and the next days with their dates.
func (h *Hours) Prompt(now time.Time) string {
	t := h.In(now)
	var b strings.Builder
	fmt.Fprintf(&b, "It is now %s (time zone %s).", t.Format("Monday, 2 January 2006, 15:04"), t.Location())
	if !h.IsSet() {
		return b.String()
	}
	closing, isOpen := h.Closing(now)
	opening, ok := h.NextOpening(now)
	switch {
	case isOpen && closing.IsZero():
		b.WriteString(" The business is open.")
	case isOpen:
		fmt.Fprintf(&b, " The business is open until %s.", h.In(closing).Format("Monday, 2 January, 15:04"))
	case ok:
		fmt.Fprintf(&b, " The business is closed, and no person can be reached; it opens next on %s.", h.In(opening).Format("Monday, 2 January, 15:04"))
	default:
		b.WriteString(" The business is closed, and no person can be reached.")
	}
	b.WriteString(" Opening hours:")
	for n := range promptDays {
		day := h.day(now, n)
		b.WriteString(day.Format(" Monday, 2 January,"))
		periods := h.On(day)
		if len(periods) == 0 {
			b.WriteString(" closed")
		}
		for i, p := range periods {
			if i > 0 {
				b.WriteString(" and")
			}
			fmt.Fprintf(&b, " %s to %s", p.From.Format("15:04"), p.To.Format("15:04"))
		}
		b.WriteString([]string{";", "."}[n/(promptDays-1)])
	}
	return b.String()
}

// Facts returns the numbers of Prompt in the ways in which a model may tell them: the date and
// the time alone, and after each other.
func (h *Hours) Facts(now time.Time) []string {
	t := h.In(now)
	out := []string{h.Prompt(now)}
	for _, layout := range []string{
		"2006", "15:04", "3:04", "2 January", "2 January 2006", "January 2, 2006", "2.1.2006", "2/1/2006", "1/2/2006", "2006-01-02",
		"2 January 2006, 15:04", "2 January 2006, 3:04", "January 2, 2006, 15:04", "January 2, 2006, 3:04", "2 January, 15:04", "2 January, 3:04",
	} {
		out = append(out, t.Format(layout))
	}
	return out
}
