package hours

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk/internal/words"
)

// Weekdays are days of the week.
type Weekdays [7]bool // by time.Weekday

// Has reports whether all of the other days are among them.
func (w Weekdays) Has(other Weekdays) bool {
	for d, is := range other {
		if is && !w[d] {
			return false
		}
	}
	return true
}

const (
	clockPattern = `(?:(\d{1,2})(?:[:.](\d\d))? ?(am|pm|uhr|h\b)?|(noon|midday|midnight|mittag|mitternacht))`
	dayPattern   = `(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?s?|(?:mon|diens|donners|frei|sams|sonn)tags?|sonnabends?|mittwochs?|mo|di|mi|do|fr|sa|so)`
)

var (
	// opensWord says that hours are opening hours.
	opensWord = regexp.MustCompile(`\b(?:open|opens|opened|opening|close|closes|closed|closing|hours|geoffnet|offen|offnet|offnen|geschlossen|schliesst|schliessen|offnungszeiten)\b`)
	// hoursItem matches days, a range of days, a range of times, and "closed".
	hoursItem = regexp.MustCompile(`\b(?:` +
		`(?P<days>every day|daily|all week|seven days a week|7 days a week|weekdays|weekends?|working days|taglich|jeden tag|werktags|wochentags|am wochenende)` +
		`|(?P<first>` + dayPattern + `)(?:\.? ?(?:to|through|thru|until|till|-|bis) ?(?P<last>` + dayPattern + `))?` +
		`|(?:from |von |between |zwischen )?(?:(?:opens?|opening|offnet|offnen) (?:at |um |ab )?)?` + clockPattern +
		`(?: ?(?:to|until|till|-|bis|und) ?(?:um )?| and (?:we |they )?(?:closes?|closing) (?:at )?| und (?:schliesst|schliessen) (?:um )?)` + clockPattern +
		`|(?P<closed>closed|geschlossen|ruhetag|not open|nicht geoffnet)` +
		`)(?:\b|$)`)
	// betweenItems are the words that may stand between items where only the title says that
	// they are opening hours.
	betweenItems = words.NewSet("and und from von on am at um the our we uhr sowie as well also to bis oclock")
)

// Read reads the opening hours of weekdays that a passage of a page states plainly, in English
// or German, and returns them with the days it names. title is the title and heading of the
// passage. zone is the time zone. It returns false if there are none, and if a day has two
// different hours, as on a page about two shops.
func Read(title, text string, zone *time.Location) (h *Hours, named Weekdays, ok bool) {
	h = &Hours{zone: zone, isFixed: true}
	isTitled := opensWord.MatchString(plain(title))
	for _, sentence := range sentencesOf(text) {
		if !opensWord.MatchString(sentence) && !(isTitled && isOnlyItems(sentence)) {
			continue
		}
		if !readSentence(sentence, h, &named) {
			return nil, Weekdays{}, false
		}
	}
	return h, named, named != Weekdays{}
}

// plain returns text in lower case, without accents, with one kind of dash.
func plain(text string) string {
	text = strings.NewReplacer("a.m.", "am", "p.m.", "pm", "A.M.", "am", "P.M.", "pm", "–", "-", "—", "-", "’", "'", "o'clock", "").Replace(text)
	return strings.Join(strings.Fields(words.Fold(strings.ToLower(text))), " ")
}

var sentenceEnd = regexp.MustCompile(`[.!?;] |[.!?;]?\n+`)

// sentencesOf returns the sentences and lines of a text, in plain form.
func sentencesOf(text string) []string {
	text = strings.NewReplacer("a.m.", "am", "p.m.", "pm", "A.M.", "am", "P.M.", "pm").Replace(text)
	var out []string
	for _, s := range sentenceEnd.Split(text, -1) {
		if s = strings.Trim(plain(s), ". "); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// isOnlyItems reports whether a sentence has nothing but days and times.
func isOnlyItems(sentence string) bool {
	for w := range strings.FieldsSeq(hoursItem.ReplaceAllString(sentence, " ")) {
		if w = strings.Trim(w, ":,|-()"); w != "" && !betweenItems[w] {
			return false
		}
	}
	return true
}

// readSentence reads the days and times of a sentence, in either order. It returns false if a
// day has other hours already.
func readSentence(sentence string, h *Hours, named *Weekdays) bool {
	var days Weekdays
	var spans []span
	isClosed, daysFirst := false, true
	flush := func() bool {
		ok := len(spans) == 0 && !isClosed || h.set(days, spans, named)
		days, spans, isClosed = Weekdays{}, nil, false
		return ok
	}
	for i, m := range hoursItem.FindAllStringSubmatch(sentence, -1) {
		read, isDays := readDays(m)
		hasDays, hasTimes := days != Weekdays{}, len(spans) > 0 || isClosed
		if i == 0 {
			daysFirst = isDays
		}
		if hasDays && hasTimes && isDays == daysFirst && !flush() {
			return false
		}
		if isDays {
			for d, is := range read {
				days[d] = days[d] || is
			}
		} else if s, ok := readSpan(m); ok {
			spans = append(spans, s)
		} else {
			isClosed = m[hoursItem.SubexpIndex("closed")] != ""
		}
	}
	return flush()
}

// set sets the hours of days.
func (h *Hours) set(days Weekdays, spans []span, named *Weekdays) bool {
	for d, is := range days {
		if !is {
			continue
		}
		if named[d] && !slices.Equal(h.week[d], spans) {
			return false
		}
		h.week[d], named[d] = spans, true
	}
	return true
}

// readDays reads the days of an item.
func readDays(m []string) (days Weekdays, ok bool) {
	switch group := m[hoursItem.SubexpIndex("days")]; group {
	case "":
	case "weekdays", "working days", "werktags", "wochentags":
		return Weekdays{1: true, 2: true, 3: true, 4: true, 5: true}, true
	case "weekend", "weekends", "am wochenende":
		return Weekdays{0: true, 6: true}, true
	default:
		return Weekdays{true, true, true, true, true, true, true}, true
	}
	first := weekdayOf(m[hoursItem.SubexpIndex("first")])
	if first < 0 {
		return days, false
	}
	last := first
	if to := weekdayOf(m[hoursItem.SubexpIndex("last")]); to >= 0 {
		last = to
	}
	for d := first; ; d = (d + 1) % 7 {
		days[d] = true
		if d == last {
			return days, true
		}
	}
}

// weekdayStarts are the beginnings of the names of days, by time.Weekday.
var weekdayStarts = [7][]string{{"sun", "so"}, {"mo"}, {"tu", "di"}, {"we", "mi"}, {"th", "do"}, {"fr"}, {"sa", "sonna"}}

// weekdayOf returns the day with a name, or -1.
func weekdayOf(name string) int {
	day, longest := -1, 0
	for d, starts := range weekdayStarts {
		for _, s := range starts {
			if strings.HasPrefix(name, s) && len(s) > longest {
				day, longest = d, len(s)
			}
		}
	}
	return day
}

// readSpan reads the range of times of an item.
func readSpan(m []string) (s span, ok bool) {
	i := hoursItem.SubexpIndex("last") + 1 // the eight groups of two clockPatterns follow
	from, fromHalf, okFrom := readTime(m[i : i+4])
	to, toHalf, okTo := readTime(m[i+4 : i+8])
	if !okFrom || !okTo {
		return span{}, false
	}
	if fromHalf == "" && toHalf == "pm" && from < 12*60 && from+12*60 < to { // "1 to 5 pm"
		from += 12 * 60
	}
	if fromHalf == "" && toHalf == "" && to <= from && to <= 12*60 { // "9 to 5"
		to += 12 * 60
	}
	if to <= from && to <= 6*60 { // until after midnight
		to += dayMinutes
	}
	return span{from, to}, from < to && from < dayMinutes
}

// readTime reads a time of the day, and which half of the day it names: "am", "pm", "24" or "".
func readTime(m []string) (minutes int, half string, ok bool) {
	switch m[3] {
	case "noon", "midday", "mittag":
		return 12 * 60, "24", true
	case "midnight", "mitternacht":
		return dayMinutes, "24", true
	}
	hour, err := strconv.Atoi(m[0])
	minute := 0
	if err == nil && m[1] != "" {
		minute, err = strconv.Atoi(m[1])
	}
	if half = m[2]; half == "uhr" || half == "h" || hour > 12 {
		half = "24"
	}
	switch {
	case half == "am" && hour == 12:
		hour = 0
	case half == "pm" && hour < 12:
		hour += 12
	}
	minutes = hour*60 + minute
	return minutes, half, err == nil && minute < 60 && minutes <= dayMinutes
}
