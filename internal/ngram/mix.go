package ngram

import "slices"

// Mix returns the linear interpolation of two models, in which b has the given weight. It
// stores each n-gram that a or b stores, and sets the backoff weights so that all
// probabilities after a history add up to one (Stolcke, SRILM, 2002).
func Mix(a, b *Model, weight float64) *Model {
	m := &Model{}
	m.setWords(union(a.Words, b.Words))
	ma, mb := renumber(a, m), renumber(b, m)
	for w := range uint64(len(m.Words)) {
		m.uni.add(w, (1-weight)*ma.unigramProb(w)+weight*mb.unigramProb(w), 1)
	}
	for _, key := range mergedKeys(ma, mb, func(m *Model) []uint64 { return m.bi.keys }, 2) {
		h, w := split2(key)
		m.bi.add(key, (1-weight)*ma.bigramProb(h, w)+weight*mb.bigramProb(h, w), 1)
	}
	for _, key := range mergedKeys(ma, mb, func(m *Model) []uint64 { return m.tri.keys }, 3) {
		g, h, w := split3(key)
		m.tri.add(key, (1-weight)*ma.trigramProb(g, h, w)+weight*mb.trigramProb(g, h, w), 0)
	}
	m.sortAndIndex()
	m.setBackoffs()
	return m
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// renumbered is a model that is read with the word ids of another model, the mixture.
type renumbered struct {
	*Model
	toOwn   []uint64 // by id in the mixture; noWord if the model does not have the word
	toMixed []uint64 // by id in the model
}

// noWord is the id of a word that a model does not have.
const noWord = uint64(maxWords)

func renumber(m, mixture *Model) renumbered {
	r := renumbered{Model: m, toOwn: make([]uint64, len(mixture.Words)), toMixed: make([]uint64, len(m.Words))}
	for i, w := range mixture.Words {
		r.toOwn[i] = noWord
		if id, ok := m.ids[w]; ok {
			r.toOwn[i] = id
			r.toMixed[id] = uint64(i)
		}
	}
	return r
}

func (r renumbered) unigramProb(w uint64) float64 {
	if w = r.toOwn[w]; w == noWord {
		return 0
	}
	return r.uni.prob[w]
}

func (r renumbered) bigramProb(h, w uint64) float64 {
	if r.toOwn[h] == noWord || r.toOwn[w] == noWord {
		return r.unigramProb(w)
	}
	return r.Model.bigramProb(r.toOwn[h], r.toOwn[w])
}

func (r renumbered) trigramProb(g, h, w uint64) float64 {
	if r.toOwn[g] == noWord || r.toOwn[h] == noWord || r.toOwn[w] == noWord {
		return r.bigramProb(h, w)
	}
	return r.Model.trigramProb(r.toOwn[g], r.toOwn[h], r.toOwn[w])
}

// mergedKeys returns the sorted keys of both models with the word ids of the mixture.
func mergedKeys(a, b renumbered, of func(*Model) []uint64, order int) []uint64 {
	var all []uint64
	for _, r := range []renumbered{a, b} {
		for _, k := range of(r.Model) {
			key := uint64(0)
			for i := order - 1; i >= 0; i-- {
				key = key<<wordBits | r.toMixed[k>>(i*wordBits)&wordMask]
			}
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// setBackoffs sets the backoff weight of each history: the probability that its stored
// n-grams leave to other words, divided by what they would leave after the shorter history.
func (m *Model) setBackoffs() {
	for w := range m.uni.backoff {
		m.uni.backoff[w] = 1
	}
	for h, s := range m.masses(&m.bi) {
		m.uni.backoff[h] = s.backoff()
	}
	for i := range m.bi.backoff {
		m.bi.backoff[i] = 1
	}
	for key, s := range m.masses(&m.tri) {
		if i, ok := m.bi.find(key, key>>wordBits); ok {
			m.bi.backoff[i] = s.backoff()
		}
	}
}

// mass is the probability of all stored n-grams of one history, and of the same words after
// the shorter history.
type mass struct {
	stored, shorter float64
}

func (s mass) backoff() float64 {
	return min(max(1-s.stored, zeroProb)/max(1-s.shorter, 1e-9), maxBackoff)
}

// masses yields the mass of each history of the bigrams or trigrams l.
func (m *Model) masses(l *ngrams) func(yield func(history uint64, s mass) bool) {
	return func(yield func(uint64, mass) bool) {
		for i := 0; i < len(l.keys); {
			history, s := l.keys[i]>>wordBits, mass{}
			for ; i < len(l.keys) && l.keys[i]>>wordBits == history; i++ {
				s.stored += l.prob[i]
				s.shorter += m.shorterProb(l, i)
			}
			if !yield(history, s) {
				return
			}
		}
	}
}

// shorterProb returns the probability of the last word of n-gram i of l after one word less.
func (m *Model) shorterProb(l *ngrams, i int) float64 {
	if l == &m.bi {
		return m.uni.prob[l.keys[i]&wordMask]
	}
	_, h, w := split3(l.keys[i])
	return m.bigramProb(h, w)
}
