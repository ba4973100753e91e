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
	trieTable = 1 << 16 // entries of a quantization table
)

var errTrie = errors.New("not a trigram model in sphinxbase's trie format")

// ReadTrie reads a trigram model in the binary trie format of sphinxbase (after KenLM,
// Heafield, 2011). It keeps the limit most frequent of the words that accept accepts. The
// layout is
//
//	magic, order (1 byte), counts (4 bytes each), 4 bytes
//	tables of 2^16 floats: bigram probabilities, their backoff weights, trigram probabilities
//	unigrams: probability, backoff weight (floats), index of the first bigram (4 bytes); a sentinel at the end
//	bigrams, packed bit by bit: word, backoff, probability, index of the first trigram; a sentinel at the end
//	trigrams, packed: word, probability
//	length of the words in bytes (4 bytes), words terminated by zero bytes
//
// An n-gram is stored in reverse: it is found from its last word to its first.
func ReadTrie(b []byte, limit int, accept func(word string) bool) (*Model, error) {
	t, err := parseTrie(b)
	if err != nil {
		return nil, err
	}
	ids := t.selectWords(limit, accept)
	m := &Model{}
	var words []string
	for old, id := range ids {
		if id != noWord {
			words = append(words, t.words[old])
		}
	}
	m.setWords(words) // gives them the same ids, since those ascend
	t.fill(m, ids)
	m.sortAndIndex()
	m.normalize()
	m.setBackoffs()
	return m, nil
}

// normalize makes the unigram probabilities add up to one again after words were dropped.
func (m *Model) normalize() {
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

// trie is the parsed file.
type trie struct {
	counts   [3]int
	words    []string
	tables   [3][]byte // bigram probabilities and backoff weights, trigram probabilities
	uni      []byte
	bi, tri  packed
	nextBits int // width of the index of a bigram's first trigram
	wordBits int
}

// packed is a list of records that are not aligned to bytes.
type packed struct {
	b    []byte
	size int // bits of a record
}

func (p packed) bytes(records int) int { return (records*p.size+7)/8 + 8 }

// read returns n bits, at most 25, of a record.
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
			return nil, fmt.Errorf("%w: invalid number of %d-grams: %d", errTrie, i+1, t.counts[i])
		}
	}
	t.wordBits, t.nextBits = bits.Len(uint(t.counts[0])), bits.Len(uint(t.counts[2]))
	t.bi.size, t.tri.size = t.wordBits+32+t.nextBits, t.wordBits+16
	rest := b[head:]
	next := func(n int) []byte {
		if rest == nil || n > len(rest) {
			rest = nil
			return nil
		}
		part := rest[:n]
		rest = rest[n:]
		return part
	}
	for i := range t.tables {
		t.tables[i] = next(4 * trieTable)
	}
	t.uni = next(12 * (t.counts[0] + 1))
	t.bi.b = next(t.bi.bytes(t.counts[1] + 1))
	t.tri.b = next(t.tri.bytes(t.counts[2] + 1))
	length := next(4)
	if rest == nil {
		return nil, fmt.Errorf("%w: the file is truncated", errTrie)
	}
	names := next(int(binary.LittleEndian.Uint32(length)))
	t.words = strings.Split(string(names), "\x00")
	if len(t.words) != t.counts[0]+1 { // a zero byte follows the last word, too
		return nil, fmt.Errorf("%w: it has %d words, want %d", errTrie, len(t.words)-1, t.counts[0])
	}
	t.words = t.words[:t.counts[0]]
	return t, nil
}

func float(b []byte, i int) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
}

// unlog returns the probability for a logarithm, or zeroProb if it is out of range.
func unlog(x float64) float64 {
	if p := math.Exp(x * math.Log(trieBase)); p >= zeroProb && p <= maxBackoff {
		return p
	}
	return zeroProb
}

// selectWords returns the new id of each word, or noWord for words to drop.
func (t *trie) selectWords(limit int, accept func(string) bool) []uint64 {
	var kept []int
	for i, w := range t.words {
		if w == Start || w == End || accept(w) {
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
	kept = kept[:min(len(kept), limit)]
	slices.Sort(kept)
	ids := make([]uint64, len(t.words))
	for i := range ids {
		ids[i] = noWord
	}
	for id, i := range kept {
		ids[i] = uint64(id)
	}
	return ids
}

// fill adds to m the n-grams whose words were all kept.
func (t *trie) fill(m *Model, ids []uint64) {
	biProb, biBackoff, triProb := table(t.tables[0]), table(t.tables[1]), table(t.tables[2])
	bounded := func(at uint32, limit int) int { return min(int(at), limit) }
	for w, id := range ids {
		if id == noWord {
			continue
		}
		m.uni.add(id, unlog(float(t.uni, 3*w)), unlog(float(t.uni, 3*w+1)))
		next := func(w int) int { return bounded(binary.LittleEndian.Uint32(t.uni[12*w+8:]), t.counts[1]) }
		for i := next(w); i < next(w+1); i++ {
			h := t.id(ids, t.bi.read(i, 0, t.wordBits))
			if h == noWord {
				continue
			}
			backoff := biBackoff[t.bi.read(i, t.wordBits, 16)]
			m.bi.add(h<<wordBits|id, biProb[t.bi.read(i, t.wordBits+16, 16)], backoff)
			next := func(i int) int { return bounded(t.bi.read(i, t.wordBits+32, t.nextBits), t.counts[2]) }
			for j := next(i); j < next(i+1); j++ {
				if g := t.id(ids, t.tri.read(j, 0, t.wordBits)); g != noWord {
					m.tri.add(g<<(2*wordBits)|h<<wordBits|id, triProb[t.tri.read(j, t.wordBits, 16)], 0)
				}
			}
		}
	}
}

func (t *trie) id(ids []uint64, old uint32) uint64 {
	if int(old) >= len(ids) {
		return noWord
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
