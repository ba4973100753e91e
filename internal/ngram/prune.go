package ngram

import "math"

// Prune returns m without the n-grams whose loss changes the perplexity by less than a
// factor of 1+threshold each (Stolcke, Entropy-based pruning of backoff language
// models, 1998). A bigram stays while a trigram begins or ends with it.
func (m *Model) Prune(threshold float64) *Model {
	out := &Model{Words: m.Words, ids: m.ids, uni: m.uni}
	out.uni.weigh = append([]float64(nil), m.uni.weigh...)
	needed := make([]bool, len(m.bi.keys))
	m.eachLoss(&m.tri, func(i int, loss float64) {
		if loss < threshold {
			return
		}
		out.tri.add(m.tri.keys[i], m.tri.prob[i], 0)
		g, h, w := split3(m.tri.keys[i])
		for _, b := range [][2]uint64{{g, h}, {h, w}} {
			if at, ok := m.bi.find(b[0]<<wordBits|b[1], b[0]); ok {
				needed[at] = true
			}
		}
	})
	m.eachLoss(&m.bi, func(i int, loss float64) {
		if needed[i] || loss >= threshold {
			out.bi.add(m.bi.keys[i], m.bi.prob[i], 1)
		}
	})
	out.finish()
	out.balance()
	return out
}

// eachLoss tells for each n-gram by which factor, less one, the perplexity would grow
// without it.
func (m *Model) eachLoss(l *level, tell func(i int, loss float64)) {
	at := 0
	for history, s := range m.shares(l) {
		p := m.chance(l, history)
		left, leftShorter := max(1-s.stored, zeroProb), max(1-s.shorter, 1e-9)
		weight := math.Log(left / leftShorter)
		for ; at < len(l.keys) && l.keys[at]>>wordBits == history; at++ {
			stored, shorter := l.prob[at], max(m.shorter(l, at), zeroProb)
			without := math.Log((left + stored) / (leftShorter + shorter))
			d := stored*(math.Log(shorter)+without-math.Log(stored)) + left*(without-weight)
			tell(at, math.Expm1(-p*d))
		}
	}
}

// chance is the probability of a history.
func (m *Model) chance(l *level, history uint64) float64 {
	first := func(w uint64) float64 {
		if m.Words[w] == Start {
			return m.uni.prob[m.ids[End]] // as many sentences begin as end
		}
		return m.uni.prob[w]
	}
	if l == &m.bi {
		return first(history)
	}
	g, h := split2(history)
	return first(g) * m.after1(g, h)
}
