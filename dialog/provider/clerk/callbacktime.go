package clerk

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"frontdesk/internal/words"
)

// callBackWords recognize when a caller wants to be called back, in one language, in folded text.
type callBackWords struct {
	asks      *regexp.Regexp // asks for a call-back
	clock     *regexp.Regexp // names a time: hour, minute, half of the day
	half      *regexp.Regexp // names a time by half an hour: hour; may be nil
	isBefore  bool           // that half hour is before the hour
	noon      *regexp.Regexp
	afternoon *regexp.Regexp
	numbers   map[string]int // words of hours and minutes
	pm        words.Set      // halves of the day after noon
	am        words.Set
}

// numbered returns the numbers that words stand for, from 1 on; "-" leaves one out.
func numbered(text string) map[string]int {
	out := make(map[string]int)
	for i, w := range strings.Fields(text) {
		if w != "-" {
			out[w] = i + 1
		}
	}
	return out
}

// withMinutes adds words of minutes.
func withMinutes(numbers map[string]int, minutes map[string]int) map[string]int {
	for w, n := range minutes {
		numbers[w] = n
	}
	return numbers
}

var callBackWordsOf = map[string]*callBackWords{
	"en": {
		asks:      regexp.MustCompile(`\b(?:call|ring|phone) (?:me|us)\b|\bcall ?back\b|\bcalled back\b`),
		clock:     regexp.MustCompile(`\b(?:at|around|about|by|after) (\w+)(?: (\d{2}|fifteen|thirty|forty five))?(?: (?:oclock|o clock))?(?: (am|pm|a m|p m|in the morning|in the afternoon|in the evening))?\b`),
		half:      regexp.MustCompile(`\bhalf past (\w+)\b`),
		noon:      regexp.MustCompile(`\bnoon\b`),
		afternoon: regexp.MustCompile(`\bafternoon\b`),
		numbers:   withMinutes(numbered("one two three four five six seven eight nine ten eleven twelve"), map[string]int{"fifteen": 15, "thirty": 30, "forty five": 45}),
		pm:        words.Set{"pm": true, "p m": true, "in the afternoon": true, "in the evening": true},
		am:        words.Set{"am": true, "a m": true, "in the morning": true},
	},
	"de": {
		asks:      regexp.MustCompile(`\brufen sie (?:mich|uns)\b|\bruft (?:mich|uns)\b|\bzuruck ?(?:rufen|gerufen)\b|\bruckruf\b|\banrufen\b`),
		clock:     regexp.MustCompile(`\b(?:um|gegen|ab|nach) (\w+)(?: uhr)?(?: (\d{2}|funfzehn|dreissig))?\b`),
		half:      regexp.MustCompile(`\bhalb (\w+)\b`),
		isBefore:  true,
		noon:      regexp.MustCompile(`\b(?:zu mittag|mittags)\b`),
		afternoon: regexp.MustCompile(`\bnachmittags?\b`),
		numbers: withMinutes(numbered("eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn siebzehn achtzehn neunzehn zwanzig"),
			map[string]int{"ein": 1, "dreissig": 30}),
	},
	"fr": {
		asks:      regexp.MustCompile(`\brappel(?:ez|er|e|le)?\b|\bappelez (?:moi|nous)\b|\bm appeler\b`),
		clock:     regexp.MustCompile(`\b(?:a|vers|apres) (\w+) ?(?:h|heures?)(?: (\d{2}|quinze|trente|et demie|et quart))?\b`),
		noon:      regexp.MustCompile(`\bmidi\b`),
		afternoon: regexp.MustCompile(`\bapres midi\b`),
		numbers: withMinutes(numbered("une deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"),
			map[string]int{"trente": 30, "et demie": 30, "et quart": 15}),
	},
	"es": {
		asks:      regexp.MustCompile(`\bllam(?:eme|enme|arme|en|ar)\b|\bdevuelva(?:n)?me\b|\bdevolver(?:me)? la llamada\b`),
		clock:     regexp.MustCompile(`\b(?:a|sobre|desde) las? (\w+)(?: (?:y )?(\d{2}|quince|cuarto|media|treinta))?(?: (?:de|por) la (tarde|noche|manana))?\b`),
		noon:      regexp.MustCompile(`\bmediodia\b`),
		afternoon: regexp.MustCompile(`\btarde\b`),
		numbers: withMinutes(numbered("una dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis"),
			map[string]int{"cuarto": 15, "media": 30, "treinta": 30}),
		pm: words.Set{"tarde": true, "noche": true}, am: words.Set{"manana": true},
	},
}

const (
	morningHour   = 8 // if no hours are set, nobody is called back before it
	eveningHour   = 20
	afternoonHour = 14
)

// callBackTime returns the local time at which the caller wants to be called back, as hand_over
// takes it, or "" if they name none. A time at which nobody calls becomes the next one at which
// somebody does.
func (r *responder) callBackTime(text string) string {
	language := words.Language(r.language)
	if r.language == "" {
		language = "en"
	}
	w, h := callBackWordsOf[language], hourWordsOf[language]
	// Not plainText, which leaves out the "um" of German times as a filler.
	asked := folded(strings.Join(strings.FieldsFunc(strings.ToLower(spokenAmounts(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
	}), " "))
	if w == nil || r.now.IsZero() || !w.asks.MatchString(asked) {
		return ""
	}
	now := r.hours.In(r.now)
	days := h.daysIn(asked, strings.Fields(asked), now)
	times := w.timesIn(asked)
	switch {
	case len(days) > 1 || len(days) == 0 && len(times) == 0:
		return ""
	case len(times) == 0 && w.afternoon.MatchString(asked):
		times = []time.Duration{afternoonHour * time.Hour}
	case len(times) == 0 && r.hours.IsSet() && days[0].YearDay() != now.YearDay(): // some time on that day
		times = []time.Duration{0}
	}
	if len(days) == 0 {
		days = []time.Time{now, now.AddDate(0, 0, 1)}
	}
	var first time.Time
	for _, day := range days {
		for _, at := range times {
			t := time.Date(day.Year(), day.Month(), day.Day(), 0, int(at/time.Minute), 0, 0, now.Location())
			switch {
			case t.Before(now) && at > 0:
			case r.hours.IsSet() && r.hours.IsOpen(t) || !r.hours.IsSet() && t.Hour() >= morningHour && t.Hour() < eveningHour:
				return t.Format(callBackLayout)
			case first.IsZero():
				first = t
			}
		}
	}
	if opening, ok := r.hours.NextOpening(later(first, now)); ok && !first.IsZero() {
		return opening.Format(callBackLayout)
	}
	return ""
}

// callBackLayout is how hand_over takes a local time.
const callBackLayout = "2006-01-02T15:04"

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// timesIn returns the time of the day that a text names; two if it may be before or after noon.
func (w *callBackWords) timesIn(asked string) []time.Duration {
	if w.half != nil {
		if m := w.half.FindStringSubmatch(asked); m != nil {
			if hour, ok := w.number(m[1]); ok && hour <= 12 {
				minutes := 30
				if w.isBefore {
					minutes = -30
				}
				return w.halves(hour, minutes, "")
			}
		}
	}
	for _, m := range w.clock.FindAllStringSubmatch(asked, -1) {
		hour, ok := w.number(m[1])
		minute, hasMinute := 0, true
		if m[2] != "" {
			minute, hasMinute = w.number(m[2])
		}
		if !ok || !hasMinute || hour > 23 || minute > 59 {
			continue
		}
		half := ""
		if len(m) > 3 {
			half = m[3]
		}
		return w.halves(hour, minute, half)
	}
	if w.noon.MatchString(asked) {
		return []time.Duration{12 * time.Hour}
	}
	return nil
}

// halves returns a time of the day, before and after noon if the text does not say which.
func (w *callBackWords) halves(hour, minutes int, half string) []time.Duration {
	at := func(hour int) time.Duration {
		return time.Duration(hour)*time.Hour + time.Duration(minutes)*time.Minute
	}
	switch {
	case w.pm[half] && hour < 12:
		return []time.Duration{at(hour + 12)}
	case w.am[half] && hour == 12:
		return []time.Duration{at(0)}
	case w.am[half] || w.pm[half] || hour > 12 || hour == 0:
		return []time.Duration{at(hour)}
	case hour == 12:
		return []time.Duration{at(12)}
	}
	return []time.Duration{at(hour), at(hour + 12)}
}

func (w *callBackWords) number(text string) (int, bool) {
	if n, ok := w.numbers[text]; ok {
		return n, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && len(text) <= 2
}
