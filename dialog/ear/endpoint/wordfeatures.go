package endpoint

import (
	"math"
	"strings"

	"frontdesk/internal/words"
)

const (
	minNumber = 5  // digits of a complete order number or postcode
	minTicket = 3  // digits of a complete ticket number, which a T announces
	minPhone  = 10 // digits of a complete telephone number
	minClause = 8  // words of a complete sentence that begins with a conjunction

	minPredicate = 2 // words after the auxiliary of a whole sentence
)

// setWords sets the features of the words so far, said in answer to q.
func (f *Features) setWords(said []string, q agentQuestion) {
	*f = Features{always: 1}
	if len(said) == 0 {
		f[wordless] = 1
		return
	}
	last := said[len(said)-1]
	main := said // without lead-ins
	for len(main) > 1 && leadIns[main[0]] {
		main = main[1:]
	}
	asks := isQuestion(main)
	isOpen := openEnds[last] && len(said) > 1 && !canEndOpen(main, asks)
	if q.isAnsweredBy(said, isOpen) {
		f[answer] = 1
		return
	}
	f[length] = math.Min(float64(len(said)), 5) / 5
	f[longer] = math.Min(math.Max(float64(len(said)-5), 0), 10) / 10
	if isOpen || !openEnds[last] {
		f[ending] = endingScore(said)
	}
	switch {
	case words.Hesitations[last]:
		f[filler] = 1
		return
	case isOpen:
		f[open] = 1
		return
	case len(main) <= 2:
		f[fragment] = 1
	}
	f.setNumber(said, q.words)
	f.setSpelling(said)
	f.setSentence(said, main, asks)
}

// spellOut replaces the signs of a written address by their names: "anna@example.org" by
// "anna at example dot org".
func spellOut(said string) string {
	if !strings.ContainsAny(said, "@.") {
		return said
	}
	var b strings.Builder
	for i, r := range said {
		switch isInside := i > 0 && i+1 < len(said) && said[i-1] != ' ' && isLetter(said[i+1]); {
		case r == '@':
			b.WriteString(" at ")
		case r == '.' && isInside && isLetter(said[i-1]):
			b.WriteString(" dot ")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// markOf returns the feature of the punctuation at the end of what was said. Recognizers
// that write none give 0.
func markOf(said string) float64 {
	switch {
	case strings.HasSuffix(said, "..."), strings.HasSuffix(said, "…"):
		return -1
	case strings.HasSuffix(said, "."), strings.HasSuffix(said, "?"), strings.HasSuffix(said, "!"):
		return 1
	case strings.HasSuffix(said, ","), strings.HasSuffix(said, "-"):
		return -1
	}
	return 0
}

// setSentence sets the features of whole sentences. main is said without lead-ins.
func (f *Features) setSentence(said, main []string, asks bool) {
	set := func(i int, is bool) {
		if is {
			f[i] = 1
		}
	}
	isFirst := firsts.HasAny(said) && !seconds.HasAny(said)
	set(polite, closings[said[len(said)-1]])
	set(list, isFirst || len(said) >= 3 && said[len(said)-1] == "questions")
	set(question, asks && len(main) >= 3 && !isFirst)
	set(clause, conjunctions[main[0]] && len(main) < minClause && !asks)
	set(subject, determiners[main[0]] && len(main) <= 4 && !auxiliaries.HasAny(main) && !troubles.HasAny(main))
	set(story, f[number] == 0 && isStory(main))
	set(point, len(main) >= 3 && (imperatives[main[0]] || wishes.HasAny(said)))
	set(trouble, len(main) >= 3 && troubles.HasAny(main))
	set(statement, !asks && isStatement(main))
}

// isQuestion reports whether the words are a question or end with one: "…can I get
// another".
func isQuestion(said []string) bool {
	for i := range len(said) - 2 {
		if auxiliaries[said[i]] && askers[said[i+1]] {
			return true
		}
	}
	return questionWords[said[0]] || auxiliaries[said[0]]
}

// isStatement reports whether the words have a subject, a verb and something said with it:
// "that agent is already logged on".
func isStatement(said []string) bool {
	for i, w := range said {
		if i > 0 && i+minPredicate < len(said) && auxiliaries[w] {
			return true
		}
	}
	return false
}

// isStory reports whether the words say what the caller did or has, so that more will
// follow: "I bought a lamp last week", without a word about a wish or a problem.
func isStory(said []string) bool {
	if len(said) < 4 || isQuestion(said) || troubles.HasAny(said) || wishes.HasAny(said) {
		return false
	}
	if narrators[said[0]] {
		return true
	}
	if !storyThings[said[0]] {
		return false
	}
	for _, w := range said[1:4] {
		if strings.HasSuffix(w, "ed") && len(w) > 4 {
			return true
		}
	}
	return false
}

// canEndOpen reports whether the words can be a whole turn although the last one is in
// openEnds.
func canEndOpen(said []string, asks bool) bool {
	if len(said) < 3 {
		return false
	}
	last, before := said[len(said)-1], said[len(said)-2]
	return asks && (strandedEnds[last] || demonstrativeEnds[last]) ||
		particles[last] && particleVerbs[before] ||
		embeddedEnds[last] && questionWords.HasAny(said[:len(said)-2])
}

// setNumber sets the features of a number at the end, or of one that was just announced.
func (f *Features) setNumber(said, asked []string) {
	spoken, start := 0, len(said)
	for start > 0 && words.CountDigits(said[start-1]) > 0 {
		start--
		spoken += words.CountDigits(said[start])
	}
	before := said[:start]
	if spoken == 0 {
		last := said[len(said)-1]
		isAnnounced := len(said) <= 3 && !questionWords[said[0]] || places[said[0]] && last == "number"
		if numbered[last] && isAnnounced { // "where is my order number" asks for no number
			f[digits] = 1
		}
		return
	}
	isPhone := phones.HasAny(asked) || phones.HasAny(before)
	complete := minNumber
	switch {
	case isPhone:
		complete = minPhone
	case start > 0 && said[start-1] == "t": // a ticket: "t one zero four two"
		complete = minTicket
	}
	switch {
	case spoken >= complete:
		f[number] = 1
	case isPhone || spoken >= 3 || numbered.HasAny(asked) || numbered.HasAny(before):
		f[digits] = 1
	}
}

// setSpelling sets the features of spelled letters and of an address, which ends with its
// "dot com".
func (f *Features) setSpelling(said []string) {
	hasAt, hasDot, letters := false, false, 0
	for i, w := range said {
		isLast := i+1 == len(said)
		switch {
		case w == "dot":
			hasDot = hasAt && !isLast
		case w == "at" && i > 0 && !isLast && (mails.HasAny(said[:i]) || letters >= 2):
			hasAt = true
		}
		if len(w) == 1 && w != "a" && w != "i" {
			letters++
		} else if w != "at" && w != "dot" {
			letters = 0
		}
	}
	switch {
	case hasAt && hasDot:
		f[address] = 1
	case hasAt, letters >= 2, said[len(said)-1] == "dot":
		f[spelling] = 1
	}
}
