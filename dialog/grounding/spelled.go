package grounding

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/words"
)

// maxSpelled is how many digits may be said one by one without a number of the call that
// holds them.
const maxSpelled = 4

var (
	// spokenAddress matches "jon at example dot com", and spokenHost "example dot com".
	spokenAddress = regexp.MustCompile(`([a-z0-9._+-]+) (?:at|arroba|arobase|@) ([a-z0-9-]+(?: (?:dot|punkt|punto|point) [a-z0-9-]+)+)`)
	spokenHost    = regexp.MustCompile(`([a-z0-9-]+(?: (?:dot|punkt|punto|point) [a-z0-9-]+)*) (?:dot|punkt|punto) (com|org|net|io|info|biz|shop|store|online|app|dev|eu|uk|us|de|at|ch|fr|es|example)\b`)
	spokenDot     = regexp.MustCompile(` (?:dot|punkt|punto|point) `)
	// apart matches characters that stand apart: "j o n @ e x".
	apart     = regexp.MustCompile(`(?:^|[\s"'])(?:[a-z0-9@._+-](?:[ ,\n]|[.,…-]+[ \n])+){3,}[a-z0-9](?:[\s.,!?"']|$)`)
	separator = regexp.MustCompile(`(?:[.,…-]+[ \n]|[ ,\n])+`)
)

// joinAddresses writes the addresses that a folded text reads out or spells.
func joinAddresses(folded string) string {
	folded = apart.ReplaceAllStringFunc(folded, func(spelled string) string {
		spelled = strings.ReplaceAll(spelled, " . ", "\x00")
		return " " + strings.ReplaceAll(separator.ReplaceAllString(strings.TrimSpace(spelled), ""), "\x00", ".") + " "
	})
	folded = spokenAddress.ReplaceAllStringFunc(folded, func(a string) string {
		m := spokenAddress.FindStringSubmatch(a)
		return m[1] + "@" + spokenDot.ReplaceAllString(m[2], ".")
	})
	return spokenHost.ReplaceAllStringFunc(folded, func(a string) string {
		m := spokenHost.FindStringSubmatch(a)
		return spokenDot.ReplaceAllString(m[1], ".") + "." + m[2]
	})
}

// digitWords are the digits in four languages, folded.
var digitWords = func() map[string]string {
	out := make(map[string]string)
	for _, list := range []string{
		"zero one two three four five six seven eight nine", "null eins zwei drei vier funf sechs sieben acht neun",
		"zero un deux trois quatre cinq six sept huit neuf", "cero uno dos tres cuatro cinco seis siete ocho nueve",
	} {
		for i, w := range strings.Fields(list) {
			out[w] = string(rune('0' + i))
		}
	}
	return out
}()

// hasSpelled reports whether the call contains the addresses that a folded text spells, and the
// numbers that it says digit by digit, as far as they do not end before from.
func (f *Facts) hasSpelled(text string, from int) bool {
	if joined := joinAddresses(text); joined != text {
		earlier := joinAddresses(text[:from])
		for _, a := range address.FindAllString(joined, -1) {
			if a = strings.TrimRight(a, ".,/"); strings.Count(joined, a) > strings.Count(earlier, a) && !f.hasText(a) {
				return false
			}
		}
	}
	digits, end := "", 0
	isFounded := true
	check := func() {
		if len(digits) > maxSpelled && end > from && !f.hasDigits(digits) {
			isFounded = false
		}
		digits = ""
	}
	others := 0 // words since the last digit
	for _, w := range split(text) {
		digit, ok := digitWords[w.text]
		if !ok && utf8.RuneCountInString(w.text) == 1 && w.text[0] >= '0' && w.text[0] <= '9' {
			digit, ok = w.text, true
		}
		switch {
		case ok:
			digits, end, others = digits+digit, w.end, 0
		case words.NumberFillers[w.text] || others == 0 && spelledJoins[w.text]:
			others++
		default:
			check()
		}
	}
	check()
	return isFounded
}

// spelledJoins may stand between two digits of a number.
var spelledJoins = words.NewSet("then and next dann und puis et luego y")

// hasDigits reports whether a number of the call contains the digits.
func (f *Facts) hasDigits(digits string) bool {
	if f.numbers[digits] {
		return true
	}
	for _, long := range f.long {
		if strings.Contains(long, digits) {
			return true
		}
	}
	return false
}
