package ngram

import (
	"maps"
	"slices"
)

// Count makes a model of sentences with Witten-Bell smoothing (Witten and Bell, The
// zero-frequency problem, 1991): after a history seen c times with t different next words, a
// word seen n times has p = (n + t·p') / (c + t), where p' is its probability after the
// shorter history.
func Count(sentences [][]string) *Model {
	m := &Model{}
	m.setWords(vocabulary(sentences))
	n1, n2, n3 := make(map[uint64]float64), make(map[uint64]float64), make(map[uint64]float64)
	for _, s := range sentences {
		g, h := uint64(0), m.ids[Start]
		for i := 0; i <= len(s); i++ {
			w := m.ids[End]
			if i < len(s) {
				w = m.ids[s[i]]
			}
			n1[w]++
			n2[h<<wordBits|w]++
			if i > 0 {
				n3[g<<(2*wordBits)|h<<wordBits|w]++
			}
			g, h = h, w
		}
	}
	m.smooth(n1, n2, n3)
	return m
}

func vocabulary(sentences [][]string) []string {
	seen := map[string]bool{Start: true, End: true}
	for _, s := range sentences {
		for _, w := range s {
			seen[w] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// followers counts the words seen after one history.
type followers struct {
	count float64 // all words
	types float64 // different words
}

// prob returns the smoothed probability of a word seen n times.
func (f followers) prob(n, shorter float64) float64 {
	return (n + f.types*shorter) / (f.count + f.types)
}

func (f followers) backoff() float64 {
	if f.count == 0 {
		return 1
	}
	return f.types / (f.count + f.types)
}

// countFollowers returns the followers of each history.
func countFollowers(counts map[uint64]float64) map[uint64]followers {
	all := make(map[uint64]followers)
	for key, n := range counts {
		f := all[key>>wordBits]
		all[key>>wordBits] = followers{f.count + n, f.types + 1}
	}
	return all
}

// smooth fills the model from the counts of unigrams, bigrams and trigrams.
func (m *Model) smooth(n1, n2, n3 map[uint64]float64) {
	after1, after2 := countFollowers(n2), countFollowers(n3)
	total, types := 0.0, float64(len(m.Words)-1) // without Start, which never follows a word
	for _, n := range n1 {
		total += n
	}
	for w := range uint64(len(m.Words)) {
		p := 0.0
		if m.Words[w] != Start {
			p = followers{total, types}.prob(n1[w], 1/types)
		}
		m.uni.add(w, p, after1[w].backoff())
	}
	for key, n := range n2 {
		h, w := split2(key)
		m.bi.add(key, after1[h].prob(n, m.uni.prob[w]), after2[key].backoff())
	}
	m.sortAndIndex()
	for key, n := range n3 {
		_, h, w := split3(key)
		m.tri.add(key, after2[key>>wordBits].prob(n, m.bigramProb(h, w)), 0)
	}
	m.sortAndIndex()
}
