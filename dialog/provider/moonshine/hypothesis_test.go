package moonshine

import (
	"slices"
	"testing"
)

func repeat(tokens []Token, n int) []Token { return slices.Repeat(tokens, n) }

func TestLoopsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []Token
		want   bool
	}{
		"one token":               {repeat([]Token{9}, 12), true},
		"a few digits":            {repeat([]Token{9}, 6), false},
		"said twice":              {repeat([]Token{5, 6, 7, 8, 9, 10, 11}, 2), false},
		"three times":             {append([]Token{4}, repeat([]Token{5, 6, 7, 8}, 3)...), true},
		"short, three times":      {repeat([]Token{5, 6}, 3), false},
		"nothing":                 {nil, false},
		"repeated, but not ended": {append(repeat([]Token{5, 6, 7, 8}, 3), 99), false},
	} {
		if got := isLoop(c.tokens); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLoopIsCutFromHypothesisThatDidNotEnd(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []Token
		ended  bool
		want   []Token
	}{
		"restart":        {[]Token{3, 4, 5, 6, 7, 3, 4, 5}, false, []Token{3, 4, 5, 6, 7}},
		"loop":           {repeat([]Token{5, 6, 7, 8}, 3), false, []Token{5, 6, 7, 8}},
		"ended":          {[]Token{3, 4, 5, 3, 4, 5}, true, []Token{3, 4, 5, 3, 4, 5}},
		"no repetition":  {[]Token{3, 4, 5, 6}, false, []Token{3, 4, 5, 6}},
		"one word twice": {[]Token{3, 4, 4}, false, []Token{3, 4, 4}},
	} {
		h := Hypothesis{Tokens: c.tokens, LogProbs: make([]float32, len(c.tokens)), Ended: c.ended}
		h.cutLoop()
		if !slices.Equal(h.Tokens, c.want) || len(h.LogProbs) != len(c.want) {
			t.Errorf("%s: %v, %d probabilities, want %v", name, h.Tokens, len(h.LogProbs), c.want)
		}
	}
}
