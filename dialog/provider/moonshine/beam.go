//go:build cgo

package moonshine

import (
	"context"
	"slices"
)

// candidate is a hypothesis with one token more.
type candidate struct {
	parent  int
	token   Token
	score   float32 // with the bias
	logProb float32 // of the token, by the model alone
}

// search decodes with a beam: it extends the best hypotheses, all in one run, until as many
// have ended or no other can become better.
func (d *decoder) search(ctx context.Context, o decodeOptions) ([]Hypothesis, error) {
	live, ended := []Hypothesis{{}}, []Hypothesis(nil)
	for step := 0; len(live) > 0; step++ {
		var best []candidate
		for i := range live {
			logits := d.first
			if step > 0 {
				logits = d.at(i)
			}
			best = live[i].extend(best, i, logits, o)
		}
		var next []Hypothesis
		var rows []int
		var ids []int64
		for _, c := range best {
			h := live[c.parent]
			h.LogProbs, h.Score = append(slices.Clone(h.LogProbs), c.logProb), c.score
			if c.token == endToken {
				h.Ended = true
				ended = append(ended, h)
				continue
			}
			h.Tokens = append(slices.Clone(h.Tokens), c.token)
			if len(h.Tokens) >= o.limit || isLoop(h.Tokens) {
				ended = append(ended, h)
				continue
			}
			next, rows, ids = append(next, h), append(rows, c.parent), append(ids, int64(c.token))
		}
		slices.SortStableFunc(ended, compareHypotheses)
		if len(ended) >= o.beam && (len(next) == 0 || ended[o.beam-1].Score >= next[0].Score) {
			break
		}
		if live = next; len(live) == 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := d.reorder(rows, d.latest.length); err != nil {
			return nil, err
		}
		if err := d.run(ids); err != nil {
			return nil, err
		}
	}
	return ended[:min(len(ended), o.beam)], nil
}

// extend adds the best continuations of h to best, of which it keeps as many as the beam
// is wide.
func (h Hypothesis) extend(best []candidate, parent int, logits []float32, o decodeOptions) []candidate {
	total := logSum(logits)
	biased := logits
	if o.bias != nil {
		biased = slices.Clone(logits)
		o.bias.Adjust(h.Tokens, biased)
	}
	for id, v := range biased {
		c := candidate{parent: parent, token: Token(id), score: h.Score + v - total}
		if len(best) == o.beam && !(c.score > best[len(best)-1].score) {
			continue
		}
		c.logProb = logits[id] - total
		i, _ := slices.BinarySearchFunc(best, c, func(a, b candidate) int {
			if a.score >= b.score {
				return -1
			}
			return 1
		})
		best = slices.Insert(best, i, c)
		best = best[:min(len(best), o.beam)]
	}
	return best
}

// compareHypotheses orders hypotheses by their score, best first.
func compareHypotheses(a, b Hypothesis) int {
	switch {
	case a.Score > b.Score:
		return -1
	case a.Score < b.Score:
		return 1
	}
	return 0
}
