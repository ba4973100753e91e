// Package endpoint judges whether a silence is the end of a caller's turn: by the words so
// far, by how the voice fell and slowed, by what the agent had asked, and by the pauses
// this caller makes. A logistic regression turns these features into the probability of the
// end, and that into how long the silence must last. internal/learn/endpoint learns its
// weights from recordings. That words end turns better than silence alone is known from
// A. Raux and M. Eskenazi, "Optimizing endpointing thresholds using dialogue features in a
// spoken dialogue system", SIGdial 2008.
//
// Speech enters frame by frame through Judge.Hear, words and silences through Judge.Wait.
// The package imports media and internal/words.
package endpoint

import (
	"math"
	"time"
)

// Models judge turns: Words those whose words are known, Wordless the others.
type Models struct{ Words, Wordless Model }

// Model is a logistic regression over Features.
type Model struct {
	Weights Features
	// The required silence is Fast where the logit is above At, and Slow below. It changes over
	// a few times logitWidth. A third wait between the two, for the less certain ends, cut off
	// more turns in cross-validation (ten folds by sentence) and was no faster.
	Fast, Slow time.Duration
	At         float64
}

// logitWidth is how gradually the wait changes with the logit. Of the widths from 0.05 to 1,
// the smallest ones gave the shortest waits in cross-validation.
const logitWidth = 0.1

// Logit returns the logarithm of the odds that the turn is over.
func (m *Model) Logit(f *Features) float64 {
	sum := 0.0
	for i, w := range m.Weights {
		sum += w * f[i]
	}
	return sum
}

// Wait returns how long a silence with the given logit must last to end the turn.
func (m *Model) Wait(logit float64) time.Duration { return m.wait(logit, m.Slow) }

func (m *Model) wait(logit float64, slow time.Duration) time.Duration {
	doubt := 1 / (1 + math.Exp((logit-m.At)/logitWidth))
	return m.Fast + time.Duration(doubt*float64(slow-m.Fast))
}

// Reason returns the name of the feature that contributes most to the decision, or "doubt"
// if none does.
func (m *Model) Reason(f *Features) string {
	sign := 1.0
	if m.Logit(f) < m.At {
		sign = -1
	}
	reason, most := "doubt", 0.0
	for i := always + 1; i < count; i++ {
		if part := sign * m.Weights[i] * f[i]; part > most {
			reason, most = Names[i], part
		}
	}
	return reason
}
