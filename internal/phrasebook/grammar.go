// Package phrasebook tells recognizers what callers of a support line say: the sentences of
// a phrase book and of the texts that an agent answers from, as lists of lower-case words.
// It imports internal/spoken. Texts enter as written; sentences leave as they are spoken.
package phrasebook

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Book is the text of the phrase book.
//
//go:embed phrases.txt
var Book string

const (
	sentencesPerPhrase = 16
	hesitationInterval = 12 // one in so many sentences contains a hesitation
	maxDepth           = 8  // of names within names
	maxKeys            = 5000
	maxSpelled         = 3 // letters in a key with digits, as of T-1042, up to which people spell them
)

// grammar generates sentences from the phrase book. It chooses at random with a fixed seed, so
// that the same agent always gets the same language model.
type grammar struct {
	phrases []string
	names   map[string][]string // choices
	keys    []string            // as spoken; half of the generated numbers are keys
	rng     *rand.Rand
}

// newGrammar parses a phrase book. nouns are the choices for {noun}.
func newGrammar(book string, nouns []string) *grammar {
	g := &grammar{names: make(map[string][]string), rng: rand.New(rand.NewPCG(1, 2))}
	if len(nouns) == 0 {
		nouns = []string{"order"}
	}
	g.names["noun"] = nouns
	for line := range strings.Lines(book) {
		line = strings.TrimSpace(line)
		name, choices, _ := strings.Cut(strings.TrimPrefix(line, "= "), " ")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			g.names[name] = splitChoices(choices)
		default:
			g.phrases = append(g.phrases, line)
		}
	}
	return g
}

// Knowledge is what an agent knows, of which its callers speak.
type Knowledge struct {
	Texts []string // that it answers from
	Keys  []string // of its tables, such as order numbers; of more than 5000, the first ones
	// IsTicket reports whether digits may be the number of a ticket. It is nil if callers do
	// not speak of tickets. Sentences does not use it.
	IsTicket func(digits string) bool
}

// Sentences returns what callers of a support line say, as lists of words: the sentences of
// the texts, and those of the phrase book, about the things that the texts are about and
// with the keys as numbers. The same knowledge always gives the same sentences.
func Sentences(k Knowledge) ([][]string, error) {
	var spoken [][]string
	for _, text := range k.Texts {
		spoken = append(spoken, Split(text)...)
	}
	g := newGrammar(Book, nouns(spoken))
	for _, key := range k.Keys[:min(len(k.Keys), maxKeys)] {
		if words := spell(key); len(words) > 0 {
			g.keys, spoken = append(g.keys, strings.Join(words, " ")), append(spoken, words)
		}
	}
	phrases, err := g.sentences()
	return append(spoken, phrases...), err
}

// sentences generates sentencesPerPhrase sentences from every phrase.
func (g *grammar) sentences() ([][]string, error) {
	var out [][]string
	for _, phrase := range g.phrases {
		for range sentencesPerPhrase {
			s, err := g.expand(phrase, 0)
			if err != nil {
				return nil, fmt.Errorf("phrase %q: %w", phrase, err)
			}
			if words := strings.Fields(s); len(words) > 0 {
				out = append(out, g.addHesitation(words))
			}
		}
	}
	return out, nil
}

// addHesitation inserts "um" or "uh" into a few sentences, at any place.
func (g *grammar) addHesitation(words []string) []string {
	if g.rng.IntN(hesitationInterval) > 0 || len(words) < 3 {
		return words
	}
	at := g.rng.IntN(len(words))
	return slices.Insert(words, at, hesitations[g.rng.IntN(len(hesitations))])
}

var hesitations = []string{"um", "uh"}

// expand generates one sentence from a phrase.
func (g *grammar) expand(phrase string, depth int) (string, error) {
	if depth > maxDepth {
		return "", fmt.Errorf("names are nested more than %d deep", maxDepth)
	}
	var b strings.Builder
	for len(phrase) > 0 {
		i := strings.IndexAny(phrase, "([{")
		if i < 0 {
			b.WriteString(phrase)
			break
		}
		b.WriteString(phrase[:i])
		end := closingBracket(phrase[i:])
		if end < 0 {
			return "", fmt.Errorf("the bracket of %q is not closed", phrase[i:])
		}
		text, err := g.choose(phrase[i], phrase[i+1:i+end], depth)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		phrase = phrase[i+end+1:]
	}
	return b.String(), nil
}

// choose generates the text for a bracket of the given kind.
func (g *grammar) choose(kind byte, inside string, depth int) (string, error) {
	choices := splitChoices(inside)
	switch {
	case kind == '[' && g.rng.IntN(2) == 0:
		return "", nil
	case kind == '{' && inside == "digits":
		return g.digits(), nil
	case kind == '{' && inside == "letters":
		return g.letters(), nil
	case kind == '{' && inside == "number" && len(g.keys) > 0 && g.rng.IntN(2) == 0:
		return g.keys[g.rng.IntN(len(g.keys))], nil
	case kind == '{':
		choices = g.names[inside]
	}
	if len(choices) == 0 {
		return "", fmt.Errorf("unknown name %q", inside)
	}
	return g.expand(choices[g.rng.IntN(len(choices))], depth+1)
}

// closingBracket returns the index that closes the bracket with which text begins, or -1.
func closingBracket(text string) int {
	depth := 0
	for i, r := range text {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// splitChoices splits text at the bars outside brackets.
func splitChoices(text string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case '|':
			if depth == 0 {
				out, start = append(out, text[start:i]), i+1
			}
		}
	}
	return append(out, text[start:])
}

var digitWords = [10]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// digits generates a number as callers read it out: mostly digit by digit, sometimes with "oh"
// for zero, with "double" or in pairs.
func (g *grammar) digits() string {
	n := 2 + g.rng.IntN(5)
	style := g.rng.IntN(12)
	var words []string
	for len(words) < n {
		d := g.rng.IntN(10)
		switch {
		case style == 0 && n >= 4:
			words = append(words, "double", digitWords[d])
			style = -1
		case style == 1:
			words = append(words, cardinal(10+g.rng.IntN(90)))
		case style == 2 && d == 0:
			words = append(words, "oh")
		default:
			words = append(words, digitWords[d])
		}
	}
	return strings.Join(words, " ")
}

// letters generates a spelled name, or random letters.
func (g *grammar) letters() string {
	if names := g.names["name"]; len(names) > 0 && g.rng.IntN(2) == 0 {
		return strings.Join(strings.Split(names[g.rng.IntN(len(names))], ""), " ")
	}
	var b strings.Builder
	for range 2 + g.rng.IntN(6) {
		b.WriteByte(byte('a' + g.rng.IntN(26)))
		b.WriteByte(' ')
	}
	return b.String()
}
