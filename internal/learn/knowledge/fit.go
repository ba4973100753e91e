package main

import (
	"fmt"
	"math"
	"slices"

	"frontdesk/internal/eval/retrieval"
	"frontdesk/tools/knowledge"
)

const (
	allowedWrong = 0.03 // of the questions that no page answers
	steps        = 4000 // of gradient descent
	rate         = 0.5
	decay        = 1e-3 // of the weights, in units of their features' spread
)

// example is a passage that was found for a question.
type example struct {
	half                  retrieval.Half
	isHybrid              bool
	isAnswerable, isEmpty bool // of the question
	isFirst               bool // of the passages
	features              knowledge.Features
	isRight               bool
}

// learned are the weights of a logistic model.
type learned struct {
	bias       float64
	weights    knowledge.Features
	answerFrom float64
}

func (l *learned) confidence(f knowledge.Features) float64 {
	sum := l.bias
	for i, w := range l.weights {
		sum += w * f[i]
	}
	return 1 / (1 + math.Exp(-sum))
}

// fit minimizes the cross-entropy by gradient descent on features of equal spread. It always
// gives the same weights for the same examples.
func fit(examples []example) learned {
	examples = slices.DeleteFunc(slices.Clone(examples), func(e example) bool { return e.isEmpty })
	n := float64(len(examples))
	var mean, spread knowledge.Features
	for _, e := range examples {
		for i, x := range e.features {
			mean[i] += x / n
		}
	}
	for _, e := range examples {
		for i, x := range e.features {
			spread[i] += (x - mean[i]) * (x - mean[i]) / n
		}
	}
	for i := range spread {
		spread[i] = math.Sqrt(spread[i])
	}
	var l learned // of scaled features
	scaled := func(e *example) (f knowledge.Features) {
		for i, x := range e.features {
			if spread[i] > 0 {
				f[i] = (x - mean[i]) / spread[i]
			}
		}
		return f
	}
	for range steps {
		var slope knowledge.Features
		bias := 0.0
		for i := range examples {
			f := scaled(&examples[i])
			miss := l.confidence(f)
			if examples[i].isRight {
				miss--
			}
			bias += miss / n
			for j, x := range f {
				slope[j] += miss * x / n
			}
		}
		l.bias -= rate * bias
		for j := range l.weights {
			l.weights[j] -= rate * (slope[j] + decay*l.weights[j])
		}
	}
	for j := range l.weights {
		if spread[j] == 0 {
			l.weights[j] = 0
			continue
		}
		l.weights[j] /= spread[j]
		l.bias -= l.weights[j] * mean[j]
	}
	return l
}

// lowestAnswer returns the lowest confidence with which no more than allowedWrong of the
// unanswerable questions are answered.
func lowestAnswer(examples []example, l learned) float64 {
	var wrong []float64
	for _, e := range examples {
		if e.isFirst && !e.isAnswerable {
			c := 0.0
			if !e.isEmpty {
				c = l.confidence(e.features)
			}
			wrong = append(wrong, c)
		}
	}
	slices.Sort(wrong)
	slices.Reverse(wrong)
	allowed := int(allowedWrong * float64(len(wrong)))
	return math.Ceil(1000*wrong[allowed]+0.5) / 1000
}

// worth says what the model does on the first passages of questions.
func worth(examples []example, l learned) string {
	var answerable, right, misled, unanswerable, wrong int
	for _, e := range examples {
		if !e.isFirst {
			continue
		}
		isAnswered := !e.isEmpty && l.confidence(e.features) >= l.answerFrom
		switch {
		case !e.isAnswerable:
			unanswerable++
			if isAnswered {
				wrong++
			}
		default:
			answerable++
			if isAnswered && e.isRight {
				right++
			} else if isAnswered {
				misled++
			}
		}
	}
	share := func(n, of int) float64 { return 100 * float64(n) / float64(max(1, of)) }
	return fmt.Sprintf("%d questions: %.1f %% answered rightly and %.1f %% wrongly; %d without an answer: %.1f %% answered",
		answerable, share(right, answerable), share(misled, answerable), unanswerable, share(wrong, unanswerable))
}
