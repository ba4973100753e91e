package ngram

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

const (
	trieMagic = "Trie Language Model"
	trieBase  = 1.0001  // of the logarithms in it
	trieTable = 1 << 16 // values of a quantization table
)

var errTrie = errors.New("not a trigram model in the trie format")

// ReadTrie reads a trigram model in the binary trie format of sphinxbase (which follows
// KenLM, Heafield, 2011), restricted to words: those for which keep returns true, and
// of them the most frequent, as many as most. The layout is
//
//	magic, order (1 byte), counts (4 bytes each), 4 bytes
//	tables of 2^16 floats: bigram probabilities, their backoff weights, trigram probabilities
//	unigrams: probability, backoff weight (floats), first bigram (4 bytes); one more at the end
//	bigrams, packed bit by bit: word, backoff, probability, first trigram; one more at the end
//	trigrams, packed: word, probability
//	length of the words (4 bytes), words ended by zero bytes
//
// in which an n-gram is found from its last word to its first.
func ReadTrie(b []byte, most int, keep func(word string) bool) (*Model, error) {
	t, err := parseTrie(b)
	if err != nil {
		return nil, err
	}
	ids := t.choose(most, keep)
	m := &Model{}
	var words []string
	for old, id := range ids {
		if id != none {
			words = append(words, t.words[old])
		}
	}
	m.setWords(words) // ids count up in the same order
	t.fill(m, ids)
	m.finish()
	m.normalise()
	m.balance()
	return m, nil
}

// normalise makes the single words' probabilities add up to one again after some were
// left out.
func (m *Model) normalise() {
	sum := 0.0
	start, known := m.ids[Start]
	for w, p := range m.uni.prob {
		if !known || uint64(w) != start {
			sum += p
		}
	}
	for w := range m.uni.prob {
		m.uni.prob[w] /= sum
	}
	if known {
		m.uni.prob[start] = 0
	}
}

// trie is a model as it lies in the file.
type trie struct {
	counts   [3]int
	words    []string
	tables   [3][]byte // bigram probabilities and backoff weights, trigram probabilities
	uni      []byte
	bi, tri  packed
	nextBits int // of a bigram's first trigram
	wordBits int
}

// packed is records of so many bits each.
type packed struct {
	b    []byte
	size int
}

func (p packed) bytes(records int) int { return (records*p.size+7)/8 + 8 }

// read returns some bits of a record. n is at most 25.
func (p packed) read(record, offset, n int) uint32 {
	at := record*p.size + offset
	return binary.LittleEndian.Uint32(p.b[at>>3:]) >> (at & 7) & (1<<n - 1)
}

func parseTrie(b []byte) (*trie, error) {
	const head = len(trieMagic) + 1 + 3*4 + 4
	if len(b) < head || string(b[:len(trieMagic)]) != trieMagic || b[len(trieMagic)] != 3 {
		return nil, errTrie
	}
	t := &trie{}
	for i := range t.counts {
		t.counts[i] = int(binary.LittleEndian.Uint32(b[len(trieMagic)+1+4*i:]))
		if t.counts[i] < 1 || t.counts[i] >= 1<<25 || i == 0 && t.counts[i] > maxWords-2 {
			return nil, fmt.Errorf("%w: %d %d-grams", errTrie, t.counts[i], i+1)
		}
	}
	t.wordBits, t.nextBits = bits.Len(uint(t.counts[0])), bits.Len(uint(t.counts[2]))
	t.bi.size, t.tri.size = t.wordBits+32+t.nextBits, t.wordBits+16
	rest := b[head:]
	take := func(n int) []byte {
		if rest == nil || n > len(rest) {
			rest = nil
			return nil
		}
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	for i := range t.tables {
		t.tables[i] = take(4 * trieTable)
	}
	t.uni = take(12 * (t.counts[0] + 1))
	t.bi.b = take(t.bi.bytes(t.counts[1] + 1))
	t.tri.b = take(t.tri.bytes(t.counts[2] + 1))
	length := take(4)
	if rest == nil {
		return nil, fmt.Errorf("%w: it ends too soon", errTrie)
	}
	names := take(int(binary.LittleEndian.Uint32(length)))
	t.words = strings.Split(string(names), "\x00")
	if len(t.words) != t.counts[0]+1 { // the last one ends with a zero byte, too
		return nil, fmt.Errorf("%w: %d words instead of %d", errTrie, len(t.words)-1, t.counts[0])
	}
	t.words = t.words[:t.counts[0]]
	return t, nil
}

func float(b []byte, i int) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
}

// unlog undoes the logarithm. What is no probability becomes a tiny one.
func unlog(x float64) float64 {
	if p := math.Exp(x * math.Log(trieBase)); p >= zeroProb && p <= maxWeight {
		return p
	}
	return zeroProb
}

// choose gives each word its new number, or none.
func (t *trie) choose(most int, keep func(string) bool) []uint64 {
	var kept []int
	for i, w := range t.words {
		if w == Start || w == End || keep(w) {
			kept = append(kept, i)
		}
	}
	rank := func(i int) float64 {
		if t.words[i] == Start || t.words[i] == End {
			return math.Inf(1)
		}
		return float(t.uni, 3*i)
	}
	slices.SortStableFunc(kept, func(a, b int) int {
		switch {
		case rank(a) > rank(b):
			return -1
		case rank(a) < rank(b):
			return 1
		}
		return 0
	})
	kept = kept[:min(len(kept), most)]
	slices.Sort(kept)
	ids := make([]uint64, len(t.words))
	for i := range ids {
		ids[i] = none
	}
	for id, i := range kept {
		ids[i] = uint64(id)
	}
	return ids
}

// fill adds the n-grams whose words all have numbers.
func (t *trie) fill(m *Model, ids []uint64) {
	biProb, biWeigh, triProb := table(t.tables[0]), table(t.tables[1]), table(t.tables[2])
	within := func(at uint32, most int) int { return min(int(at), most) }
	for w, id := range ids {
		if id == none {
			continue
		}
		m.uni.add(id, unlog(float(t.uni, 3*w)), unlog(float(t.uni, 3*w+1)))
		next := func(w int) int { return within(binary.LittleEndian.Uint32(t.uni[12*w+8:]), t.counts[1]) }
		for i := next(w); i < next(w+1); i++ {
			h := t.id(ids, t.bi.read(i, 0, t.wordBits))
			if h == none {
				continue
			}
			weigh := biWeigh[t.bi.read(i, t.wordBits, 16)]
			m.bi.add(h<<wordBits|id, biProb[t.bi.read(i, t.wordBits+16, 16)], weigh)
			next := func(i int) int { return within(t.bi.read(i, t.wordBits+32, t.nextBits), t.counts[2]) }
			for j := next(i); j < next(i+1); j++ {
				if g := t.id(ids, t.tri.read(j, 0, t.wordBits)); g != none {
					m.tri.add(g<<(2*wordBits)|h<<wordBits|id, triProb[t.tri.read(j, t.wordBits, 16)], 0)
				}
			}
		}
	}
}

func (t *trie) id(ids []uint64, old uint32) uint64 {
	if int(old) >= len(ids) {
		return none
	}
	return ids[old]
}

func table(b []byte) []float64 {
	out := make([]float64, trieTable)
	for i := range out {
		out[i] = unlog(float(b, i))
	}
	return out
}
