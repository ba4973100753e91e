package clerk

import (
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// countedUnits follow amounts, which are not the number of an order or ticket.
var countedUnits = words.NewSet(`dollar dollars buck bucks cent cents euro euros pound pounds penny pence percent day days week weeks month months year years
	hour hours minute minutes am pm oclock times items pieces percentage`)

// correction matches the words with which a caller corrects a number.
var correction = regexp.MustCompile(`\b(?:no|sorry|wait|actually|i mean|i meant|correction|rather|scratch that|not)\b`)

// number returns the longest number in plain text as digits, or "". If the caller corrects a
// number, the correction counts.
func number(plain string) string {
	plain = withoutAmounts(plain)
	if matches := correction.FindAllStringIndex(plain, -1); matches != nil {
		last := matches[len(matches)-1]
		before, n := words.SpokenDigits(plain[:last[0]]), words.SpokenDigits(plain[last[1]:])
		switch {
		case len(n) >= 3:
			return n
		case n != "" && len(before) >= minNumber: // "four seven three two eight, no, two nine"
			return before[:len(before)-len(n)] + n
		}
	}
	return words.SpokenDigits(plain)
}

var (
	// paymentWords stand before amounts, with paymentFillers between them: "I paid only
	// nineteen ninety nine".
	paymentWords   = words.NewSet("paid pay cost costs charged charge price refunded worth")
	paymentFillers = words.NewSet("me us is was were of only just about around over under almost")
	// currencyUnits may have a number of smaller units after them: "five pounds fifty".
	currencyUnits  = words.NewSet("dollar dollars buck bucks euro euros pound pounds")
	writtenOrdinal = regexp.MustCompile(`^\d+(?:st|nd|rd|th)$`)
)

// withoutAmounts removes numbers that count something ("nineteen dollars"), prices ("I paid
// nineteen ninety nine", "five pounds fifty") and dates ("the 23rd"), and replaces number
// words of other languages by digits.
func withoutAmounts(plain string) string {
	var out []string
	said := strings.Fields(plain)
	for i := 0; i < len(said); i++ {
		w := said[i]
		if countedUnits[w] {
			for len(out) > 0 && isNumberWord(out[len(out)-1]) {
				out = out[:len(out)-1]
			}
		}
		if d, ok := words.ForeignDigit(w); ok {
			w = d
		}
		if !writtenOrdinal.MatchString(w) {
			out = append(out, w)
		}
		switch {
		case currencyUnits[w]:
			if n := numberAfter(said[i+1:]); n > 0 && len(words.SpokenDigits(strings.Join(said[i+1:i+1+n], " "))) <= 2 {
				i += n
			}
		case paymentWords[w]:
			for i+1 < len(said) && paymentFillers[said[i+1]] {
				i++
				out = append(out, said[i])
			}
			i += numberAfter(said[i+1:])
		}
	}
	return strings.Join(out, " ")
}

// isNumberWord reports whether a word is a number or a part of one.
func isNumberWord(w string) bool { return words.SpokenDigits(w) != "" || isScale(w) }

func isScale(w string) bool { return w == "hundred" || w == "thousand" }

// numberAfter returns how many words at the beginning of said are a number.
func numberAfter(said []string) (n int) {
	for n < len(said) && (isNumberWord(said[n]) || n > 0 && said[n] == "and" && isScale(said[n-1])) {
		n++
	}
	return n
}

// spellID returns an identifier as a voice reads it, character by character: "A 1 0 4 2" for
// "A-1042".
func spellID(id string) string {
	id = strings.NewReplacer("-", "", " ", "", "#", "").Replace(id)
	return strings.Join(strings.Split(id, ""), " ")
}
