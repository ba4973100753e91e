package ngram

import "math"

// Prune returns m without the n-grams whose removal raises the perplexity by less than a
// factor of 1+threshold each (Stolcke, Entropy-based pruning of backoff language models,
// 1998). It keeps a bigram if a remaining trigram begins or ends with it.
func (m *Model) Prune(threshold float64) *Model {
	out := &Model{Words: m.Words, ids: m.ids, uni: m.uni}
	out.uni.backoff = append([]float64(nil), m.uni.backoff...)
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
	out.sortAndIndex()
	out.setBackoffs()
	return out
}

// eachLoss calls f for each n-gram of l with its loss: the factor, less one, by which the
// perplexity would grow without it.
func (m *Model) eachLoss(l *ngrams, f func(i int, loss float64)) {
	at := 0
	for history, s := range m.masses(l) {
		p := m.historyProb(l, history)
		rest, restShorter := max(1-s.stored, zeroProb), max(1-s.shorter, 1e-9) // of words not stored
		backoff := math.Log(rest / restShorter)
		for ; at < len(l.keys) && l.keys[at]>>wordBits == history; at++ {
			stored, shorter := l.prob[at], max(m.shorterProb(l, at), zeroProb)
			without := math.Log((rest + stored) / (restShorter + shorter))
			d := stored*(math.Log(shorter)+without-math.Log(stored)) + rest*(without-backoff)
			f(at, math.Expm1(-p*d))
		}
	}
}

// historyProb returns the probability of a history of l.
func (m *Model) historyProb(l *ngrams, history uint64) float64 {
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
	return first(g) * m.bigramProb(g, h)
}
