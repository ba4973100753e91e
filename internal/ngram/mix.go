package ngram

import "slices"

// Mix returns the mixture of two models, b having the given weight: each n-gram that
// either stores gets its share of both, and backoff weights are such that all
// probabilities after a history add up to one (as SRILM does, Stolcke, 2002).
func Mix(a, b *Model, weight float64) *Model {
	m := &Model{}
	m.setWords(union(a.Words, b.Words))
	ma, mb := view(a, m), view(b, m)
	for w := range uint64(len(m.Words)) {
		m.uni.add(w, (1-weight)*ma.alone(w)+weight*mb.alone(w), 1)
	}
	for _, key := range keys(ma, mb, func(m *Model) []uint64 { return m.bi.keys }, 2) {
		h, w := split2(key)
		m.bi.add(key, (1-weight)*ma.after1(h, w)+weight*mb.after1(h, w), 1)
	}
	for _, key := range keys(ma, mb, func(m *Model) []uint64 { return m.tri.keys }, 3) {
		g, h, w := split3(key)
		m.tri.add(key, (1-weight)*ma.after2(g, h, w)+weight*mb.after2(g, h, w), 0)
	}
	m.finish()
	m.balance()
	return m
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// renamed is a model whose words are numbered as in another.
type renamed struct {
	*Model
	own    []uint64 // its number of the other's word, none if it does not know it
	theirs []uint64 // the other's number of its word
}

const none = uint64(maxWords)

func view(m, other *Model) renamed {
	r := renamed{Model: m, own: make([]uint64, len(other.Words)), theirs: make([]uint64, len(m.Words))}
	for i, w := range other.Words {
		r.own[i] = none
		if id, ok := m.ids[w]; ok {
			r.own[i] = id
			r.theirs[id] = uint64(i)
		}
	}
	return r
}

func (r renamed) alone(w uint64) float64 {
	if w = r.own[w]; w == none {
		return 0
	}
	return r.uni.prob[w]
}

func (r renamed) after1(h, w uint64) float64 {
	if r.own[h] == none || r.own[w] == none {
		return r.alone(w)
	}
	return r.Model.after1(r.own[h], r.own[w])
}

func (r renamed) after2(g, h, w uint64) float64 {
	if r.own[g] == none || r.own[h] == none || r.own[w] == none {
		return r.after1(h, w)
	}
	return r.Model.after2(r.own[g], r.own[h], r.own[w])
}

// keys are those of both models in the numbers of the mixture, in order.
func keys(a, b renamed, of func(*Model) []uint64, order int) []uint64 {
	var all []uint64
	for _, r := range []renamed{a, b} {
		for _, k := range of(r.Model) {
			key := uint64(0)
			for i := order - 1; i >= 0; i-- {
				key = key<<wordBits | r.theirs[k>>(i*wordBits)&wordMask]
			}
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// balance sets the backoff weights: what the stored n-grams of a history leave of its
// probability, over what they leave of the shorter history's.
func (m *Model) balance() {
	for w := range m.uni.weigh {
		m.uni.weigh[w] = 1
	}
	for h, s := range m.shares(&m.bi) {
		m.uni.weigh[h] = s.weight()
	}
	for i := range m.bi.weigh {
		m.bi.weigh[i] = 1
	}
	for key, s := range m.shares(&m.tri) {
		if i, ok := m.bi.find(key, key>>wordBits); ok {
			m.bi.weigh[i] = s.weight()
		}
	}
}

// share is how much of the probability after a history its stored n-grams take, and
// how much they would have after the shorter history.
type share struct {
	stored, shorter float64
}

func (s share) weight() float64 {
	return min(max(1-s.stored, zeroProb)/max(1-s.shorter, 1e-9), maxWeight)
}

// shares yields the share of each history of bigrams or trigrams.
func (m *Model) shares(l *level) func(yield func(history uint64, s share) bool) {
	return func(yield func(uint64, share) bool) {
		for i := 0; i < len(l.keys); {
			history, s := l.keys[i]>>wordBits, share{}
			for ; i < len(l.keys) && l.keys[i]>>wordBits == history; i++ {
				s.stored += l.prob[i]
				s.shorter += m.shorter(l, i)
			}
			if !yield(history, s) {
				return
			}
		}
	}
}

// shorter is the probability of the last word of an n-gram after one word less.
func (m *Model) shorter(l *level, i int) float64 {
	if l == &m.bi {
		return m.uni.prob[l.keys[i]&wordMask]
	}
	_, h, w := split3(l.keys[i])
	return m.after1(h, w)
}
