package eval

import (
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// factKind is a kind of text that is useless with one wrong character.
type factKind int

const (
	noFact factKind = iota
	number          // of an order, a ticket and the like
	email
)

// minNumber is the number of digits from which a number counts as a fact.
const minNumber = 2

// compareFact returns which kind of fact was said, if any, and whether the transcript has it
// exactly. Numbers are compared as tools read them.
func compareFact(said, transcript string) (kind factKind, exact bool) {
	if a := address(scoredWords(said)); a != "" {
		return email, strings.Contains(strings.Join(scoredWords(transcript), ""), a)
	}
	if n := words.SpokenDigits(said); len(n) >= minNumber {
		return number, n == words.SpokenDigits(transcript)
	}
	return noFact, false
}

// address returns the words of an e-mail address without spaces, such as
// "johnatexampledotcom", or "" if there is none: letters before "at", and a host after it.
func address(list []string) string {
	at := slices.Index(list, "at")
	if at < 1 {
		return ""
	}
	dot := slices.Index(list[at:], "dot")
	if dot < 2 || at+dot+1 == len(list) {
		return ""
	}
	start := at
	for start > 0 && (len(list[start-1]) == 1 || list[start-1] == "dot") {
		start--
	}
	if start == at {
		return ""
	}
	return strings.Join(list[start:at+dot+2], "")
}
