package tools

import (
	"strings"
	"unicode"
)

// units and tens are the words numbers are read out with.
var units = map[string]int{
	"zero": 0, "nought": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"niner": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int{
	"twenty": 2, "thirty": 3, "forty": 4, "fourty": 4, "fifty": 5, "sixty": 6, "seventy": 7, "eighty": 8, "ninety": 9,
}

// homophones are what recognisers write for digits. They count only between digits.
var homophones = map[string]string{
	"o": "0", "oh": "0", "won": "1", "to": "2", "too": "2", "tree": "3", "for": "4", "fore": "4", "sex": "6", "ate": "8",
}

// fillers do not end a number that is being read out.
var fillers = words("uh um uhm er erm hmm dash hyphen minus then and comma")

const maxSpoken = 4096 // bytes of text that are looked at

// SpokenDigits returns the longest number read out or typed in text as digits, ""
// if there is none: "order four seven, uh, three double two" gives "47322", "ten
// forty two" gives "1042", "one thousand and forty two" too. Of numbers of the same
// length it is the first.
func SpokenDigits(text string) string {
	best := ""
	for _, run := range digitRuns(spokenWords(text)) {
		if len(run.digits) > len(best) {
			best = run.digits
		}
	}
	return best
}

// spokenWords splits text into lower-case words and whole numbers: "T1042" is two,
// "47,329" one.
func spokenWords(text string) []string {
	text = fold(clip(text, maxSpoken))
	var out []string
	start, digits := -1, false
	end := func(i int) {
		if start >= 0 {
			out = append(out, text[start:i])
		}
		start = -1
	}
	for i, r := range text {
		isDigit := '0' <= r && r <= '9'
		switch {
		case !isDigit && !unicode.IsLetter(r):
			end(i)
		case start < 0 || isDigit != digits:
			end(i)
			start, digits = i, isDigit
		}
	}
	end(len(text))
	return out
}

// digitRun is a number in a list of words.
type digitRun struct {
	digits string
	start  int // index of its first word
	end    int // index after its last word
}

// digitRuns finds the numbers in words.
func digitRuns(words []string) []digitRun {
	var runs []digitRun
	current := digitRun{}
	for i := 0; i < len(words); {
		digits, n := readNumber(words[i:])
		if n == 0 && isHomophone(words, i, current.digits != "") {
			digits, n = homophones[words[i]], 1
		}
		switch {
		case n > 0:
			if current.digits == "" {
				current.start = i
			}
			current.digits += digits
			i += n
			current.end = i
		case fillers[words[i]]:
			i++
		default:
			if current.digits != "" {
				runs = append(runs, current)
			}
			current = digitRun{}
			i++
		}
	}
	if current.digits != "" {
		runs = append(runs, current)
	}
	return runs
}

// isHomophone reports whether words[i] stands for a digit: between two others, or,
// for "oh", beside one.
func isHomophone(words []string, i int, after bool) bool {
	digit, ok := homophones[words[i]]
	if !ok {
		return false
	}
	before := false
	if i+1 < len(words) {
		_, n := readNumber(words[i+1:])
		before = n > 0 || digit == "0" && homophones[words[i+1]] == "0"
	}
	if digit == "0" {
		return after || before
	}
	return after && before
}

// readNumber reads one spoken number at the head of words and returns its digits
// and how many words it took, 0 if there is none.
func readNumber(words []string) (string, int) {
	if words[0][0] >= '0' && words[0][0] <= '9' {
		return words[0], 1
	}
	if times := map[string]int{"double": 2, "triple": 3}[words[0]]; times > 0 && len(words) > 1 {
		digit := homophones[words[1]]
		if v, ok := units[words[1]]; ok && v < 10 {
			digit = string(rune('0' + v))
		} else if len(words[1]) == 1 && words[1] >= "0" && words[1] <= "9" {
			digit = words[1]
		}
		if digit != "" {
			return strings.Repeat(digit, times), 2
		}
	}
	value, n := belowHundred(words)
	if n == 0 {
		return "", 0
	}
	if value == 0 {
		return "0", n
	}
	value, n = scaled(words, value, n, "hundred", 100, belowHundred)
	value, n = scaled(words, value, n, "thousand", 1000, belowThousand)
	return decimal(value), n
}

// scaled goes on with "hundred" or "thousand" after value, and with what is added
// to it: "two hundred and five".
func scaled(words []string, value, n int, name string, factor int, rest func([]string) (int, int)) (int, int) {
	if n >= len(words) || words[n] != name {
		return value, n
	}
	value, n = value*factor, n+1
	after := n
	if after < len(words) && words[after] == "and" {
		after++
	}
	if after < len(words) {
		if more, m := rest(words[after:]); m > 0 && more > 0 {
			return value + more, after + m
		}
	}
	return value, n
}

func belowThousand(words []string) (value, n int) {
	value, n = belowHundred(words)
	if n == 0 || value == 0 {
		return value, n
	}
	return scaled(words, value, n, "hundred", 100, belowHundred)
}

// belowHundred reads "seven", "seventeen", "seventy" or "seventy seven".
func belowHundred(words []string) (value, n int) {
	if v, ok := units[words[0]]; ok {
		return v, 1
	}
	t, ok := tens[words[0]]
	if !ok {
		return 0, 0
	}
	if len(words) > 1 {
		if v, ok := units[words[1]]; ok && v > 0 && v < 10 {
			return 10*t + v, 2
		}
	}
	return 10 * t, 1
}

// decimal is v in digits; v is not negative.
func decimal(v int) string {
	if v < 10 {
		return string(rune('0' + v))
	}
	return decimal(v/10) + string(rune('0'+v%10))
}

// SayDigits is digits as a voice should read them: "1042" gives "1 0 4 2".
func SayDigits(digits string) string {
	return strings.Join(strings.Split(digits, ""), " ")
}
