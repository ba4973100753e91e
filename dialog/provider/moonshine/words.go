package moonshine

import (
	"math"
	"slices"
	"strings"
	"unicode"

	textwords "frontdesk/internal/words"
)

// word is a word of a transcript, with the punctuation around it.
type word struct {
	text       string
	confidence float64 // geometric mean of its tokens' probabilities, without punctuation
}

// wordsOf returns the words of a hypothesis.
func (t *tokenizer) wordsOf(h Hypothesis) []word {
	var out []word
	var tokens []Token
	sum, n := 0.0, 0
	end := func() {
		if text := t.text(tokens); text != "" {
			out = append(out, word{text, math.Exp(sum / float64(max(1, n)))})
		}
		tokens, sum, n = tokens[:0], 0, 0
	}
	for i, id := range h.Tokens {
		if t.startsWord(id) {
			end()
		}
		tokens = append(tokens, id)
		if i < len(h.LogProbs) && !isPunctuation(t.piece(id)) {
			sum, n = sum+float64(h.LogProbs[i]), n+1
		}
	}
	end()
	return out
}

func isPunctuation(piece string) bool {
	return !strings.ContainsFunc(piece, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// join returns the text of words.
func join(words []word) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return b.String()
}

// same reports whether two words differ only in case and punctuation.
func same(a, b word) bool {
	return a.text == b.text || slices.Equal(textwords.Split(a.text), textwords.Split(b.text))
}

// agreeing returns how many words at the beginning of a and b are the same.
func agreeing(a, b []word) int {
	n := 0
	for n < min(len(a), len(b)) && same(a[n], b[n]) {
		n++
	}
	return n
}

const sureConfidence = 0.9 // a word from this confidence on rarely changes when more is said

// partial is the transcript that was yielded while the caller speaks. Words are only
// appended until two readings in a row contradict it (D. Liu et al., "Low-latency
// sequence-to-sequence speech recognition and translation by partial hypothesis selection",
// 2020: local agreement).
type partial struct {
	shown []word
	last  []word // of the last reading
}

// update adds the words of a reading that are certain. The last word is never certain,
// because it may be the beginning of a longer one.
func (p *partial) update(read []word) {
	agreed := agreeing(read, p.last)
	sure := agreed
	for sure < len(read)-1 && read[sure].confidence >= sureConfidence {
		sure++
	}
	p.last = read
	switch kept := agreeing(read, p.shown); {
	case kept == len(p.shown) && sure > kept:
		p.shown = append(p.shown, read[kept:sure]...)
	case kept < len(p.shown) && agreed > kept:
		p.shown = slices.Clone(read[:agreed])
	}
}

// replace shows all of a reading, because the caller has paused.
func (p *partial) replace(read []word) {
	p.shown, p.last = slices.Clone(read), read
}

// text returns what is shown. A mark at its end is left out while the caller speaks,
// because the sentence may go on.
func (p *partial) text(isPaused bool) string {
	text := join(p.shown)
	if !isPaused {
		text = strings.TrimRight(text, ".,?!:;-… ")
	}
	return text
}
