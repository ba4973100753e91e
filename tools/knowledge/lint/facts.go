package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk/internal/words"
	"frontdesk/tools/knowledge"
)

const (
	minQuestion   = 3  // words of a heading that says the same on every page
	maxComparable = 50 // sections with one heading that are compared
)

// units are the units of amounts, by the words for them in lower case.
var units = map[string]string{
	"€": "euro", "eur": "euro", "euro": "euro", "euros": "euro", "$": "dollar", "usd": "dollar", "dollar": "dollar", "dollars": "dollar",
	"£": "pound", "pounds": "pound", "chf": "franc", "francs": "franc", "franken": "franc",
	"minute": "minutes", "minutes": "minutes", "minuten": "minutes", "hour": "hours", "hours": "hours", "stunde": "hours", "stunden": "hours",
	"day": "days", "days": "days", "tag": "days", "tage": "days", "tagen": "days", "week": "weeks", "weeks": "weeks", "woche": "weeks", "wochen": "weeks",
	"month": "months", "months": "months", "monat": "months", "monate": "months", "monaten": "months",
	"year": "years", "years": "years", "jahr": "years", "jahre": "years", "jahren": "years", "%": "percent", "percent": "percent", "prozent": "percent",
}

var (
	amountBefore = regexp.MustCompile(`([€$£]) ?(\d+(?:[.,]\d+)*)`)
	amountAfter  = regexp.MustCompile(`(\d+(?:[.,]\d+)*)[ -]?([€$£%]|\p{L}+)`)
)

// amounts returns the amounts of a text by unit, such as "30" days.
func amounts(text string) map[string]map[string]bool {
	out := make(map[string]map[string]bool)
	add := func(number, unit string) {
		unit = units[strings.ToLower(unit)]
		if unit == "" {
			return
		}
		if out[unit] == nil {
			out[unit] = make(map[string]bool)
		}
		out[unit][strings.TrimSuffix(strings.TrimSuffix(strings.ReplaceAll(number, ",", "."), ".00"), ".0")] = true
	}
	for _, m := range amountBefore.FindAllStringSubmatch(text, -1) {
		add(m[2], m[1])
	}
	for _, m := range amountAfter.FindAllStringSubmatch(text, -1) {
		add(m[1], m[2])
	}
	return out
}

// statement is what a section says under a heading that other pages have, too.
type statement struct {
	file, heading string
	amounts       map[string]map[string]bool
}

// contradictions returns sections with the same heading on different pages that have no amount
// of a unit in common. A short heading, such as "Warranty", counts only if the pages' titles
// are the same, too.
func contradictions(pages map[string]*knowledge.Page) []Finding {
	byHeading := make(map[string][]statement)
	for _, file := range slices.Sorted(maps.Keys(pages)) {
		page := pages[file]
		for _, s := range page.Sections {
			heading := page.Title
			if n := len(s.Path); n > 0 {
				heading = s.Path[n-1]
			}
			key := headingKey(heading)
			if len(strings.Fields(heading)) < minQuestion {
				key = headingKey(page.Title + " " + heading)
			}
			if a := amounts(strings.Join(s.Blocks, "\n")); len(a) > 0 {
				byHeading[key] = append(byHeading[key], statement{file, heading, a})
			}
		}
	}
	var found []Finding
	for _, key := range slices.Sorted(maps.Keys(byHeading)) {
		group := byHeading[key]
		group = group[:min(len(group), maxComparable)]
		for i, a := range group {
			for _, b := range group[i+1:] {
				if unit := differentUnit(a, b); unit != "" && a.file != b.file {
					found = append(found, Finding{Contradiction, a.file, a.heading, fmt.Sprintf("it says %s, but %s says %s",
						showAmounts(a.amounts[unit], unit), b.file, showAmounts(b.amounts[unit], unit))})
				}
			}
		}
	}
	return found
}

func headingKey(heading string) string { return strings.Join(words.Split(words.Fold(heading)), " ") }

// differentUnit returns the first unit of which a and b have amounts, but none in common.
func differentUnit(a, b statement) string {
	for _, unit := range slices.Sorted(maps.Keys(a.amounts)) {
		if len(b.amounts[unit]) == 0 {
			continue
		}
		isShared := false
		for number := range a.amounts[unit] {
			isShared = isShared || b.amounts[unit][number]
		}
		if !isShared {
			return unit
		}
	}
	return ""
}

func showAmounts(numbers map[string]bool, unit string) string {
	return strings.Join(slices.Sorted(maps.Keys(numbers)), " or ") + " " + unit
}

var monthNumbers = map[string]time.Month{
	"january": 1, "february": 2, "march": 3, "april": 4, "may": 5, "june": 6, "july": 7, "august": 8, "september": 9, "october": 10, "november": 11, "december": 12,
	"januar": 1, "februar": 2, "märz": 3, "mai": 5, "juni": 6, "juli": 7, "oktober": 10, "dezember": 12,
}

// until matches what makes a date the end of something, before a date in the usual forms.
var until = regexp.MustCompile(`(?i)\b(?:until|till|through|valid to|ends?(?: on)?|expires?(?: on)?|by|before|bis(?: zum)?|endet am|vor dem|spätestens am)\s+` +
	`(?:(\d{4})-(\d\d)-(\d\d)|(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{1,2})(?:st|nd|rd|th|\.)?\s+(\p{L}+),?\s+(\d{4})|(\p{L}+)\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})|(\p{L}+)\s+(\d{4})|(\d{4}))\b`)

// pastDates returns the ends of periods in text that were before now, such as "until 31 March
// 2024".
func pastDates(text string, now time.Time) []string {
	var out []string
	for _, m := range until.FindAllStringSubmatch(text, -1) {
		number := func(i int) int {
			n, _ := strconv.Atoi(m[i])
			return n
		}
		month := func(i int) time.Month { return monthNumbers[strings.ToLower(m[i])] }
		var end time.Time // the first moment after the period
		switch {
		case m[1] != "":
			end = time.Date(number(1), time.Month(number(2)), number(3)+1, 0, 0, 0, 0, now.Location())
		case m[4] != "":
			end = time.Date(number(6), time.Month(number(5)), number(4)+1, 0, 0, 0, 0, now.Location())
		case m[7] != "" && month(8) > 0:
			end = time.Date(number(9), month(8), number(7)+1, 0, 0, 0, 0, now.Location())
		case m[10] != "" && month(10) > 0:
			end = time.Date(number(12), month(10), number(11)+1, 0, 0, 0, 0, now.Location())
		case m[13] != "" && month(13) > 0:
			end = time.Date(number(14), month(13)+1, 1, 0, 0, 0, 0, now.Location())
		case m[15] != "":
			end = time.Date(number(15)+1, 1, 1, 0, 0, 0, 0, now.Location())
		}
		if end.Year() > 1990 && !end.After(now) {
			out = append(out, m[0])
		}
	}
	return out
}

// commonWords are frequent words of a language that few other languages have.
var commonWords = map[string]words.Set{
	"en": words.NewSet("the and of to is you your for with that this are or from be by not have when it we our"),
	"de": words.NewSet("der die das und ist nicht mit von für sie ihr ein eine auf dem den zu wir oder wenn ihre werden kann"),
	"fr": words.NewSet("le la les et des est vous votre pour avec dans une un ou nous ne pas sur du au"),
	"es": words.NewSet("el la los las y es usted su para con una un por que no en del o si se"),
	"it": words.NewSet("il lo la gli e di è per con una un che non del della o si i le"),
	"nl": words.NewSet("de het een en van is niet met voor u uw op te zijn of wij dat"),
}

const (
	minCommon   = 8   // common words of a language that a text has at least, so that it is recognized
	commonShare = 1.5 // times those of any other language
)

// Language returns the language of a text as a two-letter code, or "" if the text is too short
// to tell.
func Language(text string) string {
	counts := make(map[string]int)
	for _, w := range words.Split(text) {
		for code, set := range commonWords {
			if set[strings.ToLower(w)] {
				counts[code]++
			}
		}
	}
	best, most, second := "", 0, 0
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		switch n := counts[code]; {
		case n > most:
			best, most, second = code, n, most
		case n > second:
			second = n
		}
	}
	if most < minCommon || float64(most) < commonShare*float64(second) {
		return ""
	}
	return best
}
