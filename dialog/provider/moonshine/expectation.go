package moonshine

import (
	"context"
	"sync/atomic"
)

// Expectation is what one caller is likely to say. It belongs to one call. It is safe for
// concurrent use, because a reading that was replaced may not have ended yet.
type Expectation interface {
	// Bias returns the bias of the next reading of an utterance, or nil. seconds is the
	// duration of its audio.
	Bias(seconds float64) Bias
	// Revise may replace the hypotheses of a reading at a pause or at the end, best first.
	// b is the reading's bias. score tells how likely the model finds other texts for the
	// same audio. The first hypothesis has no tokens if the model heard nothing.
	Revise(ctx context.Context, b Bias, hyps []Hypothesis, score func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error)
	// SetLastReply says what the agent said last.
	SetLastReply(text string)
}

// noExpectation is the Expectation of a caller of whom nothing is known.
type noExpectation struct{}

var (
	_ Expectation = noExpectation{}
	_ Expectation = (*vocabularyCall)(nil)
)

func (noExpectation) Bias(float64) Bias { return nil }

func (noExpectation) Revise(_ context.Context, _ Bias, hyps []Hypothesis, _ func([][]Token) ([]Hypothesis, error)) ([]Hypothesis, error) {
	return hyps, nil
}

func (noExpectation) SetLastReply(string) {}

// vocabularyCall is the Expectation of one call of an agent with a Vocabulary.
type vocabularyCall struct {
	*Vocabulary
	question atomic.Pointer[question]
}

func newVocabularyCall(v *Vocabulary) *vocabularyCall {
	c := &vocabularyCall{Vocabulary: v}
	c.question.Store(&question{})
	return c
}

// SetLastReply implements Expectation.
func (c *vocabularyCall) SetLastReply(text string) {
	q := c.ask(text)
	c.question.Store(&q)
}

// Bias implements Expectation.
func (c *vocabularyCall) Bias(seconds float64) Bias {
	r := &readingBias{Vocabulary: c.Vocabulary, question: c.question.Load(), seconds: seconds}
	if seconds <= longestAnswer {
		r.first = make([]float32, len(c.answers)+len(r.question.answers))
	}
	return r
}

// readingBias is the bias of one reading.
type readingBias struct {
	*Vocabulary
	question *question
	seconds  float64   // of audio
	empty    float32   // log probability that nothing was said
	first    []float32 // log probability of the first token of each answer; nil if the audio is too long for one
}

// Adjust implements Bias. At the first token it keeps the model's own probabilities. If the
// model is sure that nothing was said, the vocabulary cannot add words.
func (r *readingBias) Adjust(tokens []Token, logits []float32) {
	if len(tokens) == 0 {
		total := logSum(logits)
		r.empty = logits[endToken] - total
		for i := range r.first {
			r.first[i] = logits[r.answer(i).tokens[0]] - total
		}
		if r.empty >= silenceLogProb {
			logits[endToken] += silenceBonus
			return
		}
	}
	r.adjust(tokens, logits, r.question.context)
}

const silenceBonus = 100 // more than words can gain

// answer returns one of the vocabulary's answers and the question's.
func (r *readingBias) answer(i int) answer {
	if i < len(r.answers) {
		return r.answers[i]
	}
	return r.question.answers[i-len(r.answers)]
}
