// Package ngram makes backoff trigram models of text: it counts and smooths, reads the
// general model that comes with a recogniser, mixes the two, prunes the mixture and
// writes it in ARPA form. It imports nothing of Frontdesk but fault.
//
// A model gives p(w|h) of every n-gram it stores, and for others the backoff weight of
// the longest history it stores, times the probability after the shorter history (Katz,
// Estimation of probabilities from sparse data, 1987).
package ngram

import (
	"cmp"
	"slices"
)

const (
	// Start and End are the words before and after a sentence.
	Start = "<s>"
	End   = "</s>"

	maxWords  = 1 << wordBits
	wordBits  = 21 // of a key, for each word
	wordMask  = maxWords - 1
	zeroProb  = 1e-99
	maxWeight = 1e6 // of a backoff; more would be an error of rounding
)

// Model is a trigram model. Words are numbered; an n-gram's key holds its words, the
// first in the highest bits. It is read-only once made.
type Model struct {
	Words []string
	ids   map[string]uint64
	uni   level
	bi    level
	tri   level
}

// level is all n-grams of one length, in the order of their keys.
type level struct {
	keys  []uint64
	prob  []float64 // p(w|h)
	weigh []float64 // backoff weight of the n-gram as a history; none for trigrams
	first []int32   // where the n-grams with each first word begin; set by index
}

// Len is the number of n-grams of each length.
func (m *Model) Len() (uni, bi, tri int) { return len(m.uni.keys), len(m.bi.keys), len(m.tri.keys) }

// setWords numbers the words in the order given.
func (m *Model) setWords(words []string) {
	m.Words = words
	m.ids = make(map[string]uint64, len(words))
	for i, w := range words {
		m.ids[w] = uint64(i)
	}
}

func (l *level) add(key uint64, prob, weigh float64) {
	l.keys = append(l.keys, key)
	l.prob = append(l.prob, prob)
	l.weigh = append(l.weigh, weigh)
}

// sort orders the n-grams by key.
func (l *level) sort() {
	type gram struct {
		key         uint64
		prob, weigh float64
	}
	if slices.IsSorted(l.keys) {
		return
	}
	all := make([]gram, len(l.keys))
	for i := range all {
		all[i] = gram{l.keys[i], l.prob[i], l.weigh[i]}
	}
	slices.SortFunc(all, func(a, b gram) int {
		if a.key < b.key {
			return -1
		}
		return 1 // keys are unique
	})
	for i, g := range all {
		l.keys[i], l.prob[i], l.weigh[i] = g.key, g.prob, g.weigh
	}
}

// index makes find fast: order is the length of the n-grams, words how many there are.
func (l *level) index(order, words int) {
	l.first = make([]int32, words+1)
	shift := (order - 1) * wordBits
	for _, k := range l.keys {
		l.first[k>>shift+1]++
	}
	for w := range words {
		l.first[w+1] += l.first[w]
	}
}

// find returns the place of a key whose first word is known.
func (l *level) find(key, first uint64) (int, bool) {
	from, to := int(l.first[first]), int(l.first[first+1])
	i, ok := slices.BinarySearch(l.keys[from:to], key)
	return from + i, ok
}

// finish sorts and indexes what was added.
func (m *Model) finish() {
	for order, l := range []*level{&m.uni, &m.bi, &m.tri} {
		l.sort()
		l.index(order+1, len(m.Words))
	}
}

// after1 is p(w|h).
func (m *Model) after1(h, w uint64) float64 {
	if i, ok := m.bi.find(h<<wordBits|w, h); ok {
		return m.bi.prob[i]
	}
	return m.uni.weigh[h] * m.uni.prob[w]
}

// after2 is p(w|g h).
func (m *Model) after2(g, h, w uint64) float64 {
	if i, ok := m.tri.find(g<<(2*wordBits)|h<<wordBits|w, g); ok {
		return m.tri.prob[i]
	}
	if i, ok := m.bi.find(g<<wordBits|h, g); ok {
		return m.bi.weigh[i] * m.after1(h, w)
	}
	return m.after1(h, w)
}

func split2(key uint64) (h, w uint64) { return key >> wordBits, key & wordMask }

func split3(key uint64) (g, h, w uint64) {
	return key >> (2 * wordBits), key >> wordBits & wordMask, key & wordMask
}

// Frequent are the most frequent words, as many as most, in order of frequency.
func (m *Model) Frequent(most int) []string {
	ids := make([]int, len(m.Words))
	for i := range ids {
		ids[i] = i
	}
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(m.uni.prob[b], m.uni.prob[a]) })
	words := make([]string, 0, most)
	for _, i := range ids[:min(most, len(ids))] {
		words = append(words, m.Words[i])
	}
	return words
}

// Prob is p(word | history), by the last two words of history; 0 when a word is not
// known. known tells whether the model stores the history itself rather than a shorter one.
func (m *Model) Prob(word string, history ...string) (p float64, known bool) {
	w, ok := m.ids[word]
	h, okH := m.ids[history[len(history)-1]]
	if !ok || !okH {
		return 0, false
	}
	if len(history) < 2 {
		return m.after1(h, w), true
	}
	g, okG := m.ids[history[len(history)-2]]
	if !okG {
		return m.after1(h, w), false
	}
	_, known = m.bi.find(g<<wordBits|h, g)
	return m.after2(g, h, w), known
}

// Prior is p(word), 0 when it is not known.
func (m *Model) Prior(word string) float64 {
	w, ok := m.ids[word]
	if !ok {
		return 0
	}
	return m.uni.prob[w]
}
