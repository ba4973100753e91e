// Package endpoint judges whether a silence is the end of a caller's turn: by the
// words so far, by how the voice fell and slowed, by what the agent had asked, and by
// how long this caller's pauses are. A logistic regression turns these into how likely
// it is the end, and that into how long the silence must last. Its weights are learned
// from recordings by internal/learn/endpoint; that words end turns better than silence
// alone is an old finding (A. Raux and M. Eskenazi, "Optimizing endpointing thresholds
// using dialogue features in a spoken dialogue system", SIGdial 2008).
package endpoint

import (
	"math"
	"time"
)

// Model is what is learned.
type Model struct {
	Weights Features
	// The silence asked for goes from Fast, where the end is certain, to Slow; it is in
	// the middle where the logit is At, and Width logits are the step's scale.
	Fast, Slow time.Duration
	At, Width  float64
}

// Logit is the logarithm of the odds that the turn is over.
func (m *Model) Logit(f *Features) float64 {
	sum := 0.0
	for i, w := range m.Weights {
		sum += w * f[i]
	}
	return sum
}

// Wait is how long a silence with that logit must last to end the turn.
func (m *Model) Wait(logit float64) time.Duration { return m.wait(logit, m.Slow) }

func (m *Model) wait(logit float64, slow time.Duration) time.Duration {
	unsure := 1 / (1 + math.Exp((logit-m.At)/m.Width))
	return m.Fast + time.Duration(unsure*float64(slow-m.Fast))
}

// Reason names the feature that decided: the one that speaks most for the wait there is,
// or "doubt" when none does.
func (m *Model) Reason(f *Features) string {
	toward := 1.0
	if m.Logit(f) < m.At {
		toward = -1
	}
	why, most := "doubt", 0.0
	for i := always + 1; i < count; i++ {
		if part := toward * m.Weights[i] * f[i]; part > most {
			why, most = Names[i], part
		}
	}
	return why
}

// Wordless is f without what words tell, as other languages and ears without partial
// results have it.
func (f Features) Wordless() Features {
	return Features{always: 1, wordless: 1, pitch: f[pitch], slowing: f[slowing], island: f[island]}
}
