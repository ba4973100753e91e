package gate

import (
	"regexp"
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

// IsSaid reports whether a turn, or a number that goes on over two turns, holds value.
// Speech and writing compare equal: "j o n at example dot com" is "jon@example.com", "four
// seven three two nine" is "47329", "nineteen dollars ninety nine" is "19.99".
func IsSaid(value string, turns []string) bool {
	if isNumber(value) {
		return !isNegative(value) && saysNumber(value, turns)
	}
	wanted := join(tokens(value, nil))
	if wanted == "" {
		return false
	}
	for _, turn := range turns {
		if contains(tokens(turn, nil), wanted) || contains(tokens(turn, letterNames), wanted) {
			return true
		}
	}
	// "T-48291537" is said "tea four eight …".
	prefix := strings.TrimRight(value, "0123456789 -")
	number := value[len(prefix):]
	return len(onlyDigits(number)) >= 4 && len(strings.Trim(prefix, " -")) <= 2 && saysNumber(number, turns)
}

// isSameValue reports whether two written values are equal but for case, spaces and the
// punctuation of numbers.
func isSameValue(a, b string) bool {
	if isNumber(a) && isNumber(b) {
		return amountOf(a) == amountOf(b) && isNegative(a) == isNegative(b)
	}
	return strings.Join(strings.Fields(words.Fold(a)), " ") == strings.Join(strings.Fields(words.Fold(b)), " ")
}

// isNumber reports whether value has digits and no letters.
func isNumber(value string) bool {
	return strings.ContainsFunc(value, unicode.IsDigit) && !hasLetter(value) && !strings.Contains(value, "@")
}

// isNegative reports whether a number is below zero: callers tell no such amount.
func isNegative(value string) bool { return strings.HasPrefix(strings.TrimSpace(value), "-") }

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// decimal matches an amount with a fraction of one or two digits.
var decimal = regexp.MustCompile(`^(\d+)[.,](\d{1,2})$`)

// amountOf returns a number in one form: "19.9" is "19.90", "20.00" is "20", "+1 555-0100" is
// "15550100".
func amountOf(value string) string {
	value = strings.Trim(value, " $€£¥")
	m := decimal.FindStringSubmatch(value)
	if m == nil {
		return onlyDigits(value)
	}
	fraction := (m[2] + "0")[:2]
	if fraction == "00" {
		return m[1]
	}
	return m[1] + "." + fraction
}

// fractionWords stand between an amount and its fraction.
var fractionWords = words.NewSet("dot point punkt punto virgule komma coma comma dollar dollars euro euros pound pounds and et und y")

// maxPieces is how many pieces a number may be said in.
const maxPieces = 4

// betweenNumbers matches a word after a number that may be a digit or not: "47329 for 20".
var betweenNumbers = regexp.MustCompile(`(?i)(\d)\s+(?:for|to|too|oh)\s+`)

// saysNumber reports whether the turns hold a number, in English or digit by digit in another
// language.
func saysNumber(value string, turns []string) bool {
	wanted := amountOf(value)
	for _, write := range []func(string) string{
		func(turn string) string { return turn },
		func(turn string) string { return words.WithForeignDigits(turn) },
		func(turn string) string { return betweenNumbers.ReplaceAllString(turn, "$1 with ") },
	} {
		if holdNumber(wanted, turns, func(turn string) []string { return numbersIn(write(turn)) }) {
			return true
		}
	}
	return false
}

// holdNumber reports whether the numbers of the turns hold one, in up to maxPieces pieces of
// one turn or of consecutive turns.
func holdNumber(wanted string, turns []string, numbersOf func(string) []string) bool {
	var before []string // the pieces that end right before this turn
	for _, turn := range turns {
		found := numbersOf(turn)
		for i := range found {
			if startsWithPieces(found[i:], wanted) {
				return true
			}
			if i > 0 && isCorrected(found[i-1], found[i], wanted) && correction.MatchString(turn) {
				return true
			}
			// "nineteen ninety nine" may be an amount of 19.99.
			if n := len(found[i]); n >= 3 && !strings.Contains(found[i], ".") && found[i][:n-2]+"."+found[i][n-2:] == wanted {
				return true
			}
		}
		if len(found) > 0 {
			for i := range before {
				if strings.Join(before[i:], "")+found[0] == wanted {
					return true
				}
			}
		}
		switch len(found) {
		case 0:
			before = nil
		case 1: // the number may go on over more turns
			before = append(before, found[0])
			before = before[max(0, len(before)-maxPieces+1):]
		default:
			before = []string{found[len(found)-1]}
		}
	}
	return false
}

// correction matches words with which a caller corrects a number.
var correction = regexp.MustCompile(`(?i)\b(?:no|sorry|wait|actually|i mean|i meant|correction|rather|scratch that|not|nein|moment|quatsch|ich meine|non|pardon|perdón|perdona)\b`)

// isCorrected reports whether a number is wanted after its last digits are replaced, as in
// "four seven three two eight, no, two nine".
func isCorrected(number, lastDigits, wanted string) bool {
	keep := len(number) - len(lastDigits)
	return len(number) >= 4 && keep > 0 && number[:keep]+lastDigits == wanted
}

// startsWithPieces reports whether some of the first pieces make wanted.
func startsWithPieces(pieces []string, wanted string) bool {
	joined := ""
	for _, n := range pieces[:min(len(pieces), maxPieces)] {
		if joined += n; joined == wanted {
			return true
		}
	}
	return false
}

// numbersIn returns the numbers of a text in order, in the form of amountOf.
func numbersIn(text string) []string {
	said, numbers := words.FindNumbers(withSignWords(text))
	var out []string
	for i := 0; i < len(numbers); i++ {
		n := numbers[i]
		if i+1 < len(numbers) && len(numbers[i+1].Digits) <= 2 && isFraction(said[n.End:numbers[i+1].Start]) {
			out = append(out, amountOf(n.Digits+"."+numbers[i+1].Digits))
			i++
			continue
		}
		out = append(out, n.Digits)
	}
	return out
}

// isFraction reports whether the words between two numbers make the second one the fraction
// of the first.
func isFraction(between []string) bool {
	return len(between) > 0 && len(between) <= 2 && fractionWords.HasAll(between)
}

// signWords are the characters of addresses and the words for them.
var signWords = strings.NewReplacer("@", " at ", ".", " dot ", "_", " underscore ", "+", " plus ")

// hyphen is a "-" inside a word.
var hyphen = regexp.MustCompile(`(\pL)-(\pL)`)

// sentenceEnd is punctuation that ends a word and does not belong to an address.
var sentenceEnd = regexp.MustCompile(`([^\s.,;!?])[.,;!?]+(?:\s|$)`)

func withSignWords(text string) string {
	text = sentenceEnd.ReplaceAllString(text, "$1 ")
	return signWords.Replace(hyphen.ReplaceAllString(text, "$1 dash $2"))
}

// signs are the characters that words of an address stand for.
var signs = map[string]string{
	"at": "@", "arroba": "@", "arobase": "@", "dot": ".", "period": ".", "point": ".", "punkt": ".", "punto": ".",
	"underscore": "_", "dash": "-", "hyphen": "-", "minus": "-", "bindestrich": "-", "tiret": "-", "plus": "+",
}

// letterNames are what recognizers write for spelled letters.
var letterNames = map[string]string{
	"ay": "a", "bee": "b", "be": "b", "see": "c", "sea": "c", "cee": "c", "dee": "d", "ee": "e", "ef": "f", "eff": "f", "gee": "g",
	"aitch": "h", "eye": "i", "jay": "j", "kay": "k", "el": "l", "ell": "l", "em": "m", "en": "n", "oh": "o", "pee": "p", "pea": "p",
	"cue": "q", "queue": "q", "are": "r", "ar": "r", "ess": "s", "tea": "t", "tee": "t", "you": "u", "vee": "v", "ex": "x",
	"why": "y", "wye": "y", "zee": "z", "zed": "z",
}

// spellingAid matches the word that explains a spelled letter: "n as in Nancy".
var spellingAid = regexp.MustCompile(`(?i)\b(\pL)\pL* (?:as in|like in|wie|comme|como) \pL+`)

// tokens splits a text into words, with numbers as digits and the signs of addresses as
// characters. names replaces names of letters, unless it is nil.
func tokens(text string, names map[string]string) []string {
	said, numbers := words.FindNumbers(withSignWords(spellingAid.ReplaceAllString(text, "$1")))
	var out []string
	for i := 0; i < len(said); i++ {
		if len(numbers) > 0 && numbers[0].Start == i {
			out = append(out, numbers[0].Digits)
			i = numbers[0].End - 1
			numbers = numbers[1:]
			continue
		}
		word := said[i]
		if sign, ok := signs[word]; ok {
			word = sign
		} else if letter, ok := names[word]; ok {
			word = letter
		}
		out = append(out, word)
	}
	return out
}

func join(tokens []string) string { return strings.Join(tokens, "") }

// contains reports whether consecutive tokens spell wanted. The first must not continue a
// spelled word or an address, and no address may go on after the last.
func contains(tokens []string, wanted string) bool {
	for start := range tokens {
		// "Reach me at j o n at example dot com": an address has one @ only.
		isAfterSign := start > 0 && isSign(tokens[start-1]) && !(tokens[start-1] == "@" && strings.Contains(wanted, "@"))
		if start > 0 && (isAfterSign || len(tokens[start-1]) == 1 && tokens[start-1] != "@" && len(tokens[start]) == 1) {
			continue
		}
		rest := wanted
		for i := start; i < len(tokens); i++ {
			after, ok := strings.CutPrefix(rest, tokens[i])
			if !ok {
				break
			}
			if rest = after; rest == "" {
				if i+1 < len(tokens) && isSign(tokens[i+1]) {
					break
				}
				return true
			}
		}
	}
	return false
}

func isSign(token string) bool { return len(token) == 1 && strings.Contains("@._-+", token) }
