package eval

import (
	"regexp"
	"strconv"
	"strings"

	"frontdesk/internal/words"
)

// written replaces, in folded text, what is not written as it is said.
var written = []struct {
	pattern *regexp.Regexp
	said    string
}{
	{regexp.MustCompile(`(\d),(\d{3})\b`), "$1$2"},
	{regexp.MustCompile(`[$](\d+)\.(\d\d)\b`), "$1 dollars and $2 cents"},
	{regexp.MustCompile(`[$](\d+)`), "$1 dollars"},
	{regexp.MustCompile(`€(\d+)\.(\d\d)\b`), "$1 euros and $2 cents"},
	{regexp.MustCompile(`€(\d+)`), "$1 euros"},
	{regexp.MustCompile(`(\d):00\b`), "$1"},
	{regexp.MustCompile(`\b([ap])\.\s?m\b`), "${1}m"},
	{regexp.MustCompile(`(\d)\.(\d)`), "$1 point $2"},
	{regexp.MustCompile(`(\pL{2,}|@\S*)\.(\pL{2,})`), "$1 dot $2"},
	{regexp.MustCompile(`@`), " at "},
	{regexp.MustCompile(`&`), " and "},
	{regexp.MustCompile(`%`), " percent "},
	{regexp.MustCompile(`\b(\d+)(?:st|nd|rd|th)\b`), "${1}th"},
	{regexp.MustCompile(`\b((?:january|february|march|april|may|june|july|august|september|october|november|december) \d\d?)\b`), "${1}th"},
	{regexp.MustCompile(`\b(?:uh|mm)[ -](huh|hmm?)\b`), "uh$1"},
	{regexp.MustCompile(`\b(?:uh|um|uhm|er|erm)\b`), " "},
	{regexp.MustCompile(`(\d)(\pL)`), "$1 $2"},
	{regexp.MustCompile(`(\pL)(\d)`), "$1 $2"},
}

// american are the endings of British spellings, with the American ones. They are replaced
// in what was said and in what was understood, so other words with them do no harm.
var american = []struct{ ending, as string }{
	{"ise", "ize"}, {"ised", "ized"}, {"ises", "izes"}, {"ising", "izing"}, {"isation", "ization"},
	{"tre", "ter"}, {"tres", "ters"}, {"our", "or"}, {"ours", "ors"}, {"lled", "led"}, {"lling", "ling"},
}

// spellings are words that are written in two ways.
var spellings = map[string]string{"okay": "ok", "alright": "allright", "licence": "license", "mr": "mister", "mrs": "missus", "kg": "kilograms", "cm": "centimeters", "mb": "megabytes"}

// minBritish is the shortest word whose ending is replaced: "four" and "your" are shorter.
const minBritish = 5

// scoredWords returns the words of text that count, and its numbers in figures.
func scoredWords(text string) []string {
	text = words.Fold(text)
	for _, w := range written {
		text = w.pattern.ReplaceAllString(text, w.said)
	}
	list := words.Split(text)
	out := make([]string, 0, len(list))
	for i, w := range list {
		switch {
		case w == "th" && i > 0 && isFigure(list[i-1]) && len(list[i-1]) <= maxAmount:
			out = append(out[:len(out)-1], readOrdinal(list[i-1])...)
			continue
		case spellings[w] != "":
			w = spellings[w]
		case len(w) >= minBritish:
			w = americanize(w)
		}
		out = append(out, w)
	}
	return out
}

func americanize(word string) string {
	for _, a := range american {
		if stem, ok := strings.CutSuffix(word, a.ending); ok {
			return stem + a.as
		}
	}
	return word
}

func isFigure(word string) bool { return word[0] >= '0' && word[0] <= '9' }

var cardinals = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")

var decades = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")

var ordinals = map[string]string{
	"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}

// maxAmount is the number of digits up to which a number is read as one amount.
const maxAmount = 6

// readAmount returns a number of up to maxAmount digits in words, with "and" before the
// tens on request.
func readAmount(digits string, withAnd bool) []string {
	n, _ := strconv.Atoi(digits)
	var out []string
	if n >= 1000 {
		out = append(readBelow1000(n/1000, withAnd), "thousand")
		if n %= 1000; n == 0 {
			return out
		}
		if n < 100 && withAnd {
			out = append(out, "and")
		}
	}
	return append(out, readBelow1000(n, withAnd)...)
}

func readBelow1000(n int, withAnd bool) []string {
	var out []string
	if n >= 100 {
		out = append(out, cardinals[n/100], "hundred")
		if n %= 100; n == 0 {
			return out
		}
		if withAnd {
			out = append(out, "and")
		}
	}
	if n >= len(cardinals) {
		out = append(out, decades[n/10])
		if n %= 10; n == 0 {
			return out
		}
	}
	return append(out, cardinals[n])
}

// readOrdinal returns the words of "21st".
func readOrdinal(digits string) []string {
	out := readAmount(digits, false)
	last := &out[len(out)-1]
	switch o := ordinals[*last]; {
	case o != "":
		*last = o
	case strings.HasSuffix(*last, "y"):
		*last = strings.TrimSuffix(*last, "y") + "ieth"
	default:
		*last += "th"
	}
	return out
}
