package moonshine

import (
	"slices"
	"strings"
)

// homophones are words that sound like digits.
var homophones = map[string]int{"for": 4, "to": 2, "too": 2, "won": 1, "ate": 8, "o": 0, "oh": 0}

const minKeyDigits = 3 // digits that must follow a homophone; "for two" is no order number

// completeKey replaces a word that sounds like a digit, such as "for" in "where is my order
// for seven three two nine", if the digits after it are a key of the agent's tables only
// together with it. It returns tokens itself if there is no such word.
func (v *Vocabulary) completeKey(tokens []Token) []Token {
	for i, id := range tokens {
		d, ok := homophones[v.spoken[id]]
		if !ok || v.kinds[id] != start {
			continue
		}
		digits := v.digitsOf(tokens[i+1:])
		whole := string(rune('0'+d)) + digits
		if len(digits) < minKeyDigits || v.keys[digits] || !v.keys[whole] {
			continue
		}
		if name := v.tokenizer.encode(digitNames[d]); len(name) == 1 {
			tokens = slices.Clone(tokens)
			tokens[i] = name[0]
			return tokens
		}
	}
	return tokens
}

// digitsOf returns the digits at the beginning of tokens, without the punctuation between
// them.
func (v *Vocabulary) digitsOf(tokens []Token) string {
	var digits strings.Builder
	for _, id := range tokens {
		d := slices.Index(digitNames[:], v.spoken[id])
		switch {
		case v.kinds[id] == digit:
			digits.WriteString(v.spoken[id])
		case v.kinds[id] == start && d >= 0:
			digits.WriteByte('0' + byte(d))
		case v.kinds[id] != mark:
			return digits.String()
		}
	}
	return digits.String()
}

// ticketLetters are what the model writes for the T of a ticket number: they rhyme with it.
const ticketLetters = "bcdegpvz"

const minTicketDigits = 2

// completeTicket writes the number of a ticket with T if another letter that rhymes with it
// stands before the digits, as in "my ticket is D 3118": tickets have no other letter, and
// the digits stay what they are. It leaves letters with which keys of the agent's tables
// begin, and utterances without the word ticket. It returns tokens itself if nothing changes.
func (v *Vocabulary) completeTicket(tokens []Token) []Token {
	if !slices.Contains(spokenWords(v.tokenizer.text(tokens)), "ticket") {
		return tokens
	}
	for i, id := range tokens {
		letter := v.spoken[id]
		if v.kinds[id] != start || len(letter) != 1 || !strings.Contains(ticketLetters, letter) || v.keyLetters[letter] {
			continue
		}
		if name := v.tokenizer.encode("T"); len(v.digitsOf(tokens[i+1:])) >= minTicketDigits && len(name) == 1 {
			tokens = slices.Clone(tokens)
			tokens[i] = name[0]
			return tokens
		}
	}
	return tokens
}
