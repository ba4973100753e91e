package pocketsphinx

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

//go:embed phrases.txt
var phraseBook string

const (
	drawn     = 16 // sentences made of each phrase
	hesitant  = 12 // one of so many sentences holds a hesitation
	maxNested = 8  // names within names
)

// grammar makes sentences of the phrase book. Choices are drawn, always the same ones,
// so that the same agent always gets the same language model.
type grammar struct {
	lines []string
	names map[string][]string
	rng   *rand.Rand
}

// newGrammar reads a phrase book; theirs are nouns of the agent's own texts.
func newGrammar(book string, theirs []string) *grammar {
	g := &grammar{names: make(map[string][]string), rng: rand.New(rand.NewPCG(1, 2))}
	if len(theirs) == 0 {
		theirs = []string{"order"}
	}
	g.names["theirs"] = theirs
	for line := range strings.Lines(book) {
		line = strings.TrimSpace(line)
		name, choices, _ := strings.Cut(strings.TrimPrefix(line, "= "), " ")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '=':
			g.names[name] = splitTop(choices)
		default:
			g.lines = append(g.lines, line)
		}
	}
	return g
}

// Sentences is what callers of a support line say, in words: some of each phrase of the
// phrase book, always the same ones.
func Sentences() ([][]string, error) { return newGrammar(phraseBook, nil).sentences() }

// sentences draws from every phrase.
func (g *grammar) sentences() ([][]string, error) {
	var out [][]string
	for _, line := range g.lines {
		for range drawn {
			s, err := g.expand(line, 0)
			if err != nil {
				return nil, fmt.Errorf("phrase %q: %w", line, err)
			}
			if words := strings.Fields(s); len(words) > 0 {
				out = append(out, g.hesitate(words))
			}
		}
	}
	return out, nil
}

// hesitate puts an "um" or "uh" into a few sentences, anywhere.
func (g *grammar) hesitate(words []string) []string {
	if g.rng.IntN(hesitant) > 0 || len(words) < 3 {
		return words
	}
	at := g.rng.IntN(len(words))
	return slices.Insert(words, at, hesitations[g.rng.IntN(len(hesitations))])
}

var hesitations = []string{"um", "uh"}

// expand writes one sentence of a phrase.
func (g *grammar) expand(phrase string, depth int) (string, error) {
	if depth > maxNested {
		return "", fmt.Errorf("nested too deep")
	}
	var b strings.Builder
	for len(phrase) > 0 {
		i := strings.IndexAny(phrase, "([{")
		if i < 0 {
			b.WriteString(phrase)
			break
		}
		b.WriteString(phrase[:i])
		end := closing(phrase[i:])
		if end < 0 {
			return "", fmt.Errorf("no end of %q", phrase[i:])
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

func (g *grammar) choose(kind byte, inside string, depth int) (string, error) {
	choices := splitTop(inside)
	switch {
	case kind == '[' && g.rng.IntN(2) == 0:
		return "", nil
	case kind == '{' && inside == "digits":
		return g.digits(), nil
	case kind == '{' && inside == "letters":
		return g.letters(), nil
	case kind == '{':
		choices = g.names[inside]
	}
	if len(choices) == 0 {
		return "", fmt.Errorf("no choice named %q", inside)
	}
	return g.expand(choices[g.rng.IntN(len(choices))], depth+1)
}

// closing is where the bracket that text begins with is closed, or -1.
func closing(text string) int {
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

// splitTop splits at the bars outside brackets.
func splitTop(text string) []string {
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

// digits is a number read out: mostly digit by digit, sometimes "oh" for zero, with a
// "double" or in pairs.
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

// letters is a word spelled: a name, or any letters.
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
