package moonshine

import (
	"math"
	"strings"
	"testing"
)

// spoken returns words of the given confidence; a "~" after a word makes it unsure.
func spoken(text string) (out []word) {
	for w := range strings.FieldsSeq(text) {
		confidence := 0.99
		if w, isUnsure := strings.CutSuffix(w, "~"); isUnsure {
			out = append(out, word{w, 0.4})
			continue
		}
		out = append(out, word{w, confidence})
	}
	return out
}

func TestPartialTranscriptGrowsByWhatIsCertain(t *testing.T) {
	var p partial
	for _, step := range []struct{ read, want string }{
		{"Where.", ""},                                 // the last word may go on
		{"Where is.", "Where"},                         // said twice, or certain
		{"Where is my~ or.", "Where is"},               // "my" is unsure
		{"Where is my~ order?", "Where is my"},         // and is confirmed
		{"Where is the order, please?", "Where is my"}, // one reading does not take words back
		{"Where is the order, please? I", "Where is the order, please"},
	} {
		p.update(spoken(step.read))
		if got := p.text(false); got != step.want {
			t.Errorf("after %q: %q, want %q", step.read, got, step.want)
		}
	}
	p.replace(spoken("Where is it?"))
	if got := p.text(true); got != "Where is it?" {
		t.Errorf("at a pause: %q", got)
	}
}

func TestWordsHaveTheConfidenceOfTheirTokens(t *testing.T) {
	tok := testTokenizer(t, "▁or", "der", "?", "▁my")
	h := Hypothesis{
		Tokens:   []Token{firstPiece + 3, firstPiece, firstPiece + 1, firstPiece + 2},
		LogProbs: []float32{float32(math.Log(0.9)), float32(math.Log(0.5)), float32(math.Log(0.08)), float32(math.Log(0.1)), -1},
	}
	got := tok.wordsOf(h)
	if len(got) != 2 || got[0].text != "my" || got[1].text != "order?" ||
		math.Abs(got[0].confidence-0.9) > 1e-3 || math.Abs(got[1].confidence-0.2) > 1e-3 {
		t.Errorf("got %v", got)
	}
}
