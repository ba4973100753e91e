package words

import (
	"strconv"
	"strings"
	"unicode"
)

// units and tens are the words that numbers are read out with.
var units = map[string]int{
	"zero": 0, "nought": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"niner": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int{
	"twenty": 2, "thirty": 3, "forty": 4, "fourty": 4, "fifty": 5, "sixty": 6, "seventy": 7, "eighty": 8, "ninety": 9,
}

// homophones are what recognizers write for digits. They count only between digits.
var homophones = map[string]string{
	"o": "0", "oh": "0", "won": "1", "to": "2", "too": "2", "tree": "3", "for": "4", "fore": "4", "sex": "6", "ate": "8",
}

// numberWords are the words that CountDigits takes for numbers.
var numberWords = NewSet("zero oh o one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety double triple")

// foreignDigits are the digits of German, Spanish and French.
var foreignDigits = map[string]string{
	"null": "0", "eins": "1", "zwei": "2", "zwo": "2", "drei": "3", "vier": "4", "fünf": "5", "sechs": "6", "sieben": "7", "acht": "8", "neun": "9",
	"cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6", "siete": "7", "ocho": "8", "nueve": "9",
	"zéro": "0", "un": "1", "deux": "2", "trois": "3", "quatre": "4", "cinq": "5", "sept": "7", "huit": "8", "neuf": "9",
}

// ForeignDigit returns the digit that a lower-case word of German, Spanish or French stands
// for: "5" for "fünf".
func ForeignDigit(word string) (digit string, ok bool) {
	digit, ok = foreignDigits[word]
	return digit, ok
}

// WithForeignDigits returns text in lower case with the digits of other languages than English
// as figures.
func WithForeignDigits(text string) string {
	fields := strings.Fields(strings.ToLower(text))
	for i, w := range fields {
		if d, ok := foreignDigits[strings.Trim(w, ",.;:!?")]; ok {
			fields[i] = d
		}
	}
	return strings.Join(fields, " ")
}

const maxNumberText = 4096 // bytes of text that are searched for numbers

// SpokenDigits returns the longest number that text reads out or writes, as digits, or ""
// if there is none: "order four seven, uh, three double two" gives "47322"; "ten forty
// two" and "one thousand and forty two" give "1042". Of numbers with the same length it
// returns the first.
func SpokenDigits(text string) string {
	best := ""
	_, numbers := FindNumbers(text)
	for _, n := range numbers {
		if len(n.Digits) > len(best) {
			best = n.Digits
		}
	}
	return best
}

// SayDigits returns digits as a voice should read them: "1042" gives "1 0 4 2".
func SayDigits(digits string) string {
	return strings.Join(strings.Split(digits, ""), " ")
}

// CountDigits returns roughly how many digits a lower-case word stands for, 0 if it is not
// a number: "47" and "forty" are two.
func CountDigits(word string) int {
	switch {
	case word != "" && strings.Trim(word, "0123456789") == "":
		return len(word)
	case !numberWords[word]:
		return 0
	case len(word) > 4 && (word[len(word)-1] == 'y' || word[len(word)-1] == 'n') && word != "seven":
		return 2 // twenty … ninety, thirteen … nineteen
	}
	return 1
}

// Number is a number in a list of words.
type Number struct {
	Digits string
	Start  int // index of its first word
	End    int // index after its last word
}

// FindNumbers splits text into folded words, with each written number as a word of its
// own, and returns them with the numbers they contain: "T1042" is two words, "47,329" one
// number of two words. NumberFillers may interrupt a number.
func FindNumbers(text string) ([]string, []Number) {
	words := splitNumbers(text)
	var numbers []Number
	current := Number{}
	for i := 0; i < len(words); {
		digits, n := readNumber(words[i:])
		if n == 0 && isHomophone(words, i, current.Digits != "") {
			digits, n = homophones[words[i]], 1
		}
		switch {
		case n > 0:
			if current.Digits == "" {
				current.Start = i
			}
			current.Digits += digits
			i += n
			current.End = i
		case NumberFillers[words[i]]:
			i++
		default:
			if current.Digits != "" {
				numbers = append(numbers, current)
			}
			current = Number{}
			i++
		}
	}
	if current.Digits != "" {
		numbers = append(numbers, current)
	}
	return words, numbers
}

// splitNumbers splits text into folded words and written numbers.
func splitNumbers(text string) []string {
	text = Fold(Clip(text, maxNumberText))
	var out []string
	start, inDigits := -1, false
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
		case start < 0 || isDigit != inDigits:
			end(i)
			start, inDigits = i, isDigit
		}
	}
	end(len(text))
	return out
}

// isHomophone reports whether words[i] stands for a digit: it is between two numbers, or,
// if it is "oh", next to one. afterNumber says that a number precedes it.
func isHomophone(words []string, i int, afterNumber bool) bool {
	digit, ok := homophones[words[i]]
	if !ok {
		return false
	}
	beforeNumber := false
	if i+1 < len(words) {
		_, n := readNumber(words[i+1:])
		beforeNumber = n > 0 || digit == "0" && homophones[words[i+1]] == "0"
	}
	if digit == "0" {
		return afterNumber || beforeNumber
	}
	return afterNumber && beforeNumber
}

// readNumber reads one number at the head of words and returns its digits and how many
// words it consists of, 0 if there is none.
func readNumber(words []string) (digits string, n int) {
	if words[0][0] >= '0' && words[0][0] <= '9' {
		return words[0], 1
	}
	if times := map[string]int{"double": 2, "triple": 3}[words[0]]; times > 0 && len(words) > 1 {
		digit := homophones[words[1]]
		if v, ok := units[words[1]]; ok && v < 10 {
			digit = strconv.Itoa(v)
		} else if len(words[1]) == 1 && words[1] >= "0" && words[1] <= "9" {
			digit = words[1]
		}
		if digit != "" {
			return strings.Repeat(digit, times), 2
		}
	}
	value, n := readBelow100(words)
	if n == 0 {
		return "", 0
	}
	if value == 0 {
		return "0", n
	}
	value, n = readScale(words, value, n, "hundred", 100, readBelow100)
	value, n = readScale(words, value, n, "thousand", 1000, readBelow1000)
	return strconv.Itoa(value), n
}

// readScale continues a number of the given value and n words with "hundred" or
// "thousand" and the rest: "two hundred and five".
func readScale(words []string, value, n int, name string, factor int, readRest func([]string) (int, int)) (int, int) {
	if n >= len(words) || words[n] != name {
		return value, n
	}
	value, n = value*factor, n+1
	after := n
	if after < len(words) && words[after] == "and" {
		after++
	}
	if after < len(words) {
		if rest, m := readRest(words[after:]); m > 0 && rest > 0 {
			return value + rest, after + m
		}
	}
	return value, n
}

func readBelow1000(words []string) (value, n int) {
	value, n = readBelow100(words)
	if n == 0 || value == 0 {
		return value, n
	}
	return readScale(words, value, n, "hundred", 100, readBelow100)
}

// readBelow100 reads "seven", "seventeen", "seventy" or "seventy seven".
func readBelow100(words []string) (value, n int) {
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
