package ngram

import "slices"

// After returns p(w | history) for each word w of Words, by the last two words of history:
// what Prob returns word by word. A history that the model does not have is shortened; an
// empty one gives p(w).
func (m *Model) After(history ...string) []float64 {
	probs := slices.Clone(m.uni.prob)
	if len(history) == 0 {
		return probs
	}
	h, ok := m.ids[history[len(history)-1]]
	if !ok {
		return probs
	}
	m.bi.replace(probs, m.uni.backoff[h], h<<wordBits, int(m.bi.starts[h]), int(m.bi.starts[h+1]))
	if len(history) < 2 {
		return probs
	}
	g, ok := m.ids[history[len(history)-2]]
	if !ok {
		return probs
	}
	if i, ok := m.bi.find(g<<wordBits|h, g); ok {
		m.tri.replace(probs, m.bi.backoff[i], (g<<wordBits|h)<<wordBits, int(m.tri.starts[g]), int(m.tri.starts[g+1]))
	}
	return probs
}

// replace multiplies probs, which follow the shorter history, by its backoff weight, and
// sets those of the n-grams that l stores: their keys begin with history and lie between
// the indices from and to.
func (l *ngrams) replace(probs []float64, backoff float64, history uint64, from, to int) {
	for w := range probs {
		probs[w] *= backoff
	}
	i, _ := slices.BinarySearch(l.keys[from:to], history)
	for i += from; i < to && l.keys[i]&^uint64(wordMask) == history; i++ {
		probs[l.keys[i]&wordMask] = l.prob[i]
	}
}
