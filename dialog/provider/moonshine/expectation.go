package moonshine

import "context"

// Expectation is what one caller is likely to say. It belongs to one call. It is safe for
// concurrent use, because a reading that was replaced may not have ended yet.
type Expectation interface {
	// Bias returns the bias of the next reading of an utterance, or nil. seconds is the
	// duration of its audio.
	Bias(seconds float64) Bias
	// Revise may replace the hypotheses of a reading at a pause or at the end, best first.
	// score tells how likely the model finds other texts for the same audio. The first
	// hypothesis has no tokens if the model heard nothing.
	Revise(ctx context.Context, hyps []Hypothesis, score func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error)
	// Format returns a transcript in the form that the rest of Frontdesk expects.
	Format(text string) string
}

// unexpected is the Expectation of a caller of whom nothing is known.
type unexpected struct{}

var _ Expectation = unexpected{}

func (unexpected) Bias(float64) Bias { return nil }

func (unexpected) Revise(_ context.Context, hyps []Hypothesis, _ func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error) {
	return hyps, nil
}

func (unexpected) Format(text string) string { return text }
