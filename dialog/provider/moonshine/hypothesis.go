package moonshine

import (
	"math"
	"slices"
)

// Bias changes which tokens the decoder prefers in one utterance. It is used by one
// goroutine at a time.
type Bias interface {
	// Adjust changes logits, the score before the softmax that each token of the vocabulary
	// has as the one after prefix. It is called for every hypothesis at every step and does
	// not keep prefix. A logit of -Inf forbids a token; none may be NaN.
	Adjust(prefix []Token, logits []float32)
}

// Hypothesis is one way to understand an utterance.
type Hypothesis struct {
	Tokens   []Token
	LogProbs []float32 // of each token, and of the end if Ended: by the model alone
	Score    float32   // sum of the log probabilities, with the bias
	Ended    bool      // false: the limit of tokens was reached, or it was a loop
}

// meanLogProb returns the mean of the log probabilities, 0 if there are none.
func (h Hypothesis) meanLogProb() float64 {
	sum := 0.0
	for _, p := range h.LogProbs {
		sum += float64(p)
	}
	return sum / float64(max(1, len(h.LogProbs)))
}

// decodeOptions say how to decode an utterance.
type decodeOptions struct {
	beam      int     // hypotheses that are compared; 1 is greedy
	limit     int     // tokens
	bias      Bias    // or nil
	forbidEnd bool    // the first token may not be the end, because the audio surely holds words
	draft     []Token // tokens that the result probably begins with, such as those of a shorter reading; needs a beam of 1
}

const (
	loopLength  = 12 // tokens of repetitions that are a loop
	loopRepeats = 3  // how often they must repeat; people say some things twice
	minRestart  = 3  // repeated tokens before the limit that are removed
)

// isLoop reports whether tokens end with many repetitions of the same words, as the decoder
// sometimes writes without end.
func isLoop(tokens []Token) bool {
	for period := 1; period <= len(tokens)/loopRepeats; period++ {
		n := max(loopRepeats*period, loopLength)
		if repeated(tokens, period) >= n-period {
			return true
		}
	}
	return false
}

// repeated returns how many tokens at the end equal the ones period before them.
func repeated(tokens []Token, period int) int {
	n := 0
	for i := len(tokens) - 1; i >= period && tokens[i] == tokens[i-period]; i-- {
		n++
	}
	return n
}

// cutLoop removes repetitions from the end of a hypothesis that did not end by itself.
func (h *Hypothesis) cutLoop() {
	if h.Ended {
		return
	}
	longest := 0
	for period := 1; period < len(h.Tokens); period++ {
		longest = max(longest, repeated(h.Tokens, period))
	}
	if n := len(h.Tokens) - longest; longest >= minRestart {
		h.Tokens, h.LogProbs = slices.Clone(h.Tokens[:n]), slices.Clone(h.LogProbs[:n])
	}
}

// logSum returns the logarithm of the sum of the exponentials of logits.
func logSum(logits []float32) float32 {
	top := slices.Max(logits)
	sum := 0.0
	for _, v := range logits {
		if v > top-20 { // smaller ones add less than a millionth
			sum += math.Exp(float64(v - top))
		}
	}
	return top + float32(math.Log(sum))
}
