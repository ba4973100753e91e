package ngram

import (
	"maps"
	"slices"
)

// Count makes a model of sentences, smoothed after Witten and Bell (The zero-frequency
// problem, 1991): after a history h seen c times with t different words, a word seen n
// times has p = (n + t·p') / (c + t), where p' is its probability after the shorter
// history.
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

// history is what was seen after a history.
type history struct {
	count float64
	types float64
}

func (h history) of(n, shorter float64) float64 { return (n + h.types*shorter) / (h.count + h.types) }

// weight is the backoff weight.
func (h history) weight() float64 {
	if h.count == 0 {
		return 1
	}
	return h.types / (h.count + h.types)
}

func histories(counts map[uint64]float64) map[uint64]history {
	all := make(map[uint64]history)
	for key, n := range counts {
		h := all[key>>wordBits]
		all[key>>wordBits] = history{h.count + n, h.types + 1}
	}
	return all
}

func (m *Model) smooth(n1, n2, n3 map[uint64]float64) {
	after1, after2 := histories(n2), histories(n3)
	total, types := 0.0, float64(len(m.Words)-1) // all but Start, which is never said
	for _, n := range n1 {
		total += n
	}
	for w := range uint64(len(m.Words)) {
		p := 0.0
		if m.Words[w] != Start {
			p = history{total, types}.of(n1[w], 1/types)
		}
		m.uni.add(w, p, after1[w].weight())
	}
	for key, n := range n2 {
		h, w := split2(key)
		m.bi.add(key, after1[h].of(n, m.uni.prob[w]), after2[key].weight())
	}
	m.finish()
	for key, n := range n3 {
		_, h, w := split3(key)
		m.tri.add(key, after2[key>>wordBits].of(n, m.after1(h, w)), 0)
	}
	m.finish()
}
