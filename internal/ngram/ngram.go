// Package ngram makes backoff trigram models for a recognizer: it counts and smooths the
// n-grams of sentences, reads the general model that comes with the recognizer, mixes the
// two, prunes the mixture and writes it in ARPA format. Text enters as lists of words. The
// package imports nothing of Frontdesk.
//
// A model stores p(w|h) for some n-grams. For others, it multiplies the backoff weight of the
// history with the probability after the shorter history (Katz, Estimation of probabilities
// from sparse data, 1987).
package ngram

import (
	"cmp"
	"slices"
)

const (
	// Start and End mark the beginning and the end of a sentence.
	Start = "<s>"
	End   = "</s>"

	maxWords   = 1 << wordBits
	wordBits   = 21 // for each word of a key
	wordMask   = maxWords - 1
	zeroProb   = 1e-99
	maxBackoff = 1e6 // a larger weight is a rounding error
)

// Model is a trigram model. It does not change after it is made. A word's id is its index in
// Words; an n-gram's key holds the ids of its words, the first one in the highest bits.
type Model struct {
	Words []string
	ids   map[string]uint64
	uni   ngrams
	bi    ngrams
	tri   ngrams
}

// ngrams holds all n-grams of one length, sorted by key.
type ngrams struct {
	keys    []uint64
	prob    []float64 // p(w|h)
	backoff []float64 // weight of the n-gram as a history; unused for trigrams
	starts  []int32   // index of the first n-gram for each first word; set by index
}

// setWords gives each word its index as id.
func (m *Model) setWords(words []string) {
	m.Words = words
	m.ids = make(map[string]uint64, len(words))
	for i, w := range words {
		m.ids[w] = uint64(i)
	}
}

func (l *ngrams) add(key uint64, prob, backoff float64) {
	l.keys = append(l.keys, key)
	l.prob = append(l.prob, prob)
	l.backoff = append(l.backoff, backoff)
}

func (l *ngrams) sort() {
	type gram struct {
		key           uint64
		prob, backoff float64
	}
	if slices.IsSorted(l.keys) {
		return
	}
	all := make([]gram, len(l.keys))
	for i := range all {
		all[i] = gram{l.keys[i], l.prob[i], l.backoff[i]}
	}
	slices.SortFunc(all, func(a, b gram) int {
		if a.key < b.key {
			return -1
		}
		return 1 // keys are unique
	})
	for i, g := range all {
		l.keys[i], l.prob[i], l.backoff[i] = g.key, g.prob, g.backoff
	}
}

// index prepares find. order is the length of the n-grams, words the size of the vocabulary.
func (l *ngrams) index(order, words int) {
	l.starts = make([]int32, words+1)
	shift := (order - 1) * wordBits
	for _, k := range l.keys {
		l.starts[k>>shift+1]++
	}
	for w := range words {
		l.starts[w+1] += l.starts[w]
	}
}

// find returns the index of a key; first is the id of its first word.
func (l *ngrams) find(key, first uint64) (int, bool) {
	from, to := int(l.starts[first]), int(l.starts[first+1])
	i, ok := slices.BinarySearch(l.keys[from:to], key)
	return from + i, ok
}

// sortAndIndex prepares the added n-grams for find.
func (m *Model) sortAndIndex() {
	for order, l := range []*ngrams{&m.uni, &m.bi, &m.tri} {
		l.sort()
		l.index(order+1, len(m.Words))
	}
}

// bigramProb returns p(w|h).
func (m *Model) bigramProb(h, w uint64) float64 {
	if i, ok := m.bi.find(h<<wordBits|w, h); ok {
		return m.bi.prob[i]
	}
	return m.uni.backoff[h] * m.uni.prob[w]
}

// trigramProb returns p(w|g h).
func (m *Model) trigramProb(g, h, w uint64) float64 {
	if i, ok := m.tri.find(g<<(2*wordBits)|h<<wordBits|w, g); ok {
		return m.tri.prob[i]
	}
	if i, ok := m.bi.find(g<<wordBits|h, g); ok {
		return m.bi.backoff[i] * m.bigramProb(h, w)
	}
	return m.bigramProb(h, w)
}

func split2(key uint64) (h, w uint64) { return key >> wordBits, key & wordMask }

func split3(key uint64) (g, h, w uint64) {
	return key >> (2 * wordBits), key >> wordBits & wordMask, key & wordMask
}

// Frequent returns the limit most frequent words, the most frequent first.
func (m *Model) Frequent(limit int) []string {
	ids := make([]int, len(m.Words))
	for i := range ids {
		ids[i] = i
	}
	slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(m.uni.prob[b], m.uni.prob[a]) })
	words := make([]string, 0, limit)
	for _, i := range ids[:min(limit, len(ids))] {
		words = append(words, m.Words[i])
	}
	return words
}

// Prob returns p(word | history) by the last two words of history, or 0 if the model lacks one
// of these words. known reports whether the model stores the whole history, not a shorter one.
func (m *Model) Prob(word string, history ...string) (p float64, known bool) {
	w, ok := m.ids[word]
	h, okH := m.ids[history[len(history)-1]]
	if !ok || !okH {
		return 0, false
	}
	if len(history) < 2 {
		return m.bigramProb(h, w), true
	}
	g, okG := m.ids[history[len(history)-2]]
	if !okG {
		return m.bigramProb(h, w), false
	}
	_, known = m.bi.find(g<<wordBits|h, g)
	return m.trigramProb(g, h, w), known
}

// Prior returns p(word), or 0 for an unknown word.
func (m *Model) Prior(word string) float64 {
	w, ok := m.ids[word]
	if !ok {
		return 0
	}
	return m.uni.prob[w]
}
