package grounding

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools/gate"
)

// number is a number in a text.
type number struct {
	value    string // digits, or digits with a point and two more
	before   string // the word before it, folded
	after    string // the word after it, folded
	isAmount bool   // of money, or a percentage
}

const smallNumber = 12 // callers and agents count up to it: "two ways", "the third"

var (
	currency = words.NewSet("dollar dollars euro euros pound pounds cent cents pence franc francs percent prozent pourcent ciento eur usd gbp chf")
	// fraction words stand between an amount and its cents.
	fraction = words.NewSet("dot point dollar dollars euro euros pound pounds and und et y komma virgule coma")
	symbols  = strings.NewReplacer("$", " dollars ", "€", " euros ", "£", " pounds ", "%", " percent ")
	// decimalPoint is a point or comma between digits that begins a fraction of one or two digits.
	decimalPoint = regexp.MustCompile(`(\d)[.,](\d{1,2})(\D|$)`)
	// clock is a time such as 14:30.
	clock = regexp.MustCompile(`\b([01]?\d|2[0-3])[:.h]([0-5]\d)\b`)
)

// numbersIn returns the numbers of a text in order.
func numbersIn(text string) []number {
	text = clock.ReplaceAllString(text, "$1 oclock $2")
	text = decimalPoint.ReplaceAllString(text, "$1 dot $2$3")
	said, found := words.FindNumbers(symbols.Replace(text))
	var out []number
	for i := 0; i < len(found); i++ {
		n := number{value: found[i].Digits}
		end := found[i].End
		if i+1 < len(found) && len(found[i+1].Digits) <= 2 && isFraction(said[end:found[i+1].Start]) {
			i++
			n.value, end = withFraction(n.value, found[i].Digits), found[i].End
		}
		if start := found[i].Start; start > 0 {
			n.before = said[start-1]
		}
		if end < len(said) {
			n.after = said[end]
		}
		n.isAmount = currency[n.after] || currency[n.before]
		out = append(out, n)
	}
	return out
}

func isFraction(between []string) bool {
	return len(between) > 0 && len(between) <= 2 && fraction.HasAll(between)
}

// withFraction returns "19.90" for 19 and 9, and "20" for 20 and 00.
func withFraction(whole, cents string) string {
	cents = (cents + "0")[:2]
	if cents == "00" {
		return whole
	}
	return whole + "." + cents
}

// hours returns the other way to tell the hour n: "2" for 14, "14" for 2 pm.
func hours(n number) []string {
	h, err := strconv.Atoi(n.value)
	switch {
	case err != nil || h > 24:
		return nil
	case h > 12:
		return []string{strconv.Itoa(h - 12)}
	case n.after == "pm" || n.after == "p":
		return []string{strconv.Itoa(h + 12)}
	}
	return nil
}

// isFounded reports whether the call contains the numbers, addresses and links of a clause.
// folded is the clause in folded form.
func (f *Facts) isFounded(clause, folded string) bool {
	clause = homophone.ReplaceAllString(clause, " until ")
	if !f.hasNumbers(clause) && !f.hasNumbers(hyphen.ReplaceAllString(clause, " until ")) {
		return false
	}
	for _, at := range address.FindAllStringIndex(folded, -1) {
		a := strings.TrimRight(folded[at[0]:at[1]], ".,/")
		isRest := at[0] > 0 && folded[at[0]-1] == '@' // of an address whose name is spelled
		if !isRest && !f.hasText(a) && !gate.IsSaid(a, f.said) {
			return false
		}
	}
	return true
}

var (
	// homophone matches words that are digits only in what a recognizer writes.
	homophone = regexp.MustCompile(`(?i)\b(?:to|too|for|fore|won|ate|tree|oh|o)\b`)
	// hyphen may join two numbers or the digits of one: "9-5", "555-0100".
	hyphen = regexp.MustCompile(`[-–—]`)
)

func (f *Facts) hasNumbers(text string) bool {
	return !slices.ContainsFunc(numbersIn(text), func(n number) bool { return !f.hasNumber(n) })
}

// emergencyNumbers may be told to a caller in danger, whatever the call holds.
var (
	emergencyNumbers       = words.NewSet("911 112 999 110 113 114 115 118 119 000 111")
	beforeEmergencyNumbers = words.NewSet("call dial ring phone or die oder wahlen el al o le ou appelez")
)

func (f *Facts) hasNumber(n number) bool {
	value, err := strconv.Atoi(n.value)
	if err == nil && value <= smallNumber && !n.isAmount {
		return true
	}
	if emergencyNumbers[n.value] && beforeEmergencyNumbers[n.before] && !n.isAmount {
		return true
	}
	short := strings.TrimLeft(n.value, "0")
	if f.numbers[n.value] || f.numbers[short] || !n.isAmount && (f.now[n.value] || f.now[short]) {
		return true
	}
	for _, long := range f.long {
		if strings.Contains(long, n.value) && !n.isAmount {
			return true
		}
	}
	return false
}

// address matches e-mail addresses and links in folded text.
var address = regexp.MustCompile(`(?:https?://|www\.)[^\s"'<>()]+|[a-z0-9._%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|io|info|biz|shop|store|online|app|dev|me|co|ai|eu|uk|us|de|at|ch|fr|be|es|it|nl)\b(?:/[^\s"'<>()]*)?`)

func hasAddress(folded string) bool { return address.MatchString(folded) }

func (f *Facts) hasText(text string) bool {
	text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(text, "https://"), "http://"), "www.")
	for _, t := range f.texts {
		if strings.Contains(t, text) {
			return true
		}
	}
	return false
}
