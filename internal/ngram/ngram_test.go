package ngram

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"
)

func parse(text string) [][]string {
	var out [][]string
	for line := range strings.Lines(text) {
		out = append(out, strings.Fields(line))
	}
	return out
}

var callSentences = parse(`where is my order
where is my parcel
i want my money back
i want to send my order back
is my order late
when is my parcel here`)

var newsSentences = parse(`the weather is nice today
it is late today
the money is here
they want to send the parcel today`)

// total returns the sum of the probabilities of all words after a history of at most two words.
func total(m *Model, history ...string) float64 {
	sum := 0.0
	for _, word := range m.Words {
		w := m.ids[word]
		switch len(history) {
		case 0:
			sum += m.uni.prob[w]
		case 1:
			sum += m.bigramProb(m.ids[history[0]], w)
		default:
			sum += m.trigramProb(m.ids[history[0]], m.ids[history[1]], w)
		}
	}
	return sum
}

func TestProbabilitiesAfterEveryHistoryAddUpToOne(t *testing.T) {
	mixed := Mix(Count(newsSentences), Count(callSentences), 0.3)
	for name, m := range map[string]*Model{
		"counted": Count(callSentences), "mixed": mixed, "pruned": mixed.Prune(0.001), "all pruned": mixed.Prune(1e9),
	} {
		histories := [][]string{{}}
		for _, a := range m.Words {
			if a == End {
				continue // no word follows it
			}
			histories = append(histories, []string{a})
			for _, b := range m.Words {
				if b != Start && b != End {
					histories = append(histories, []string{a, b})
				}
			}
		}
		for _, h := range histories {
			if sum := total(m, h...); math.Abs(sum-1) > 1e-6 {
				t.Errorf("%s: after %q: %v", name, h, sum)
			}
		}
	}
}

// perplexity returns the perplexity of sentences without unknown words, and the share of
// unknown words.
func (m *Model) perplexity(sentences [][]string) (perplexity, unknown float64) {
	var sum float64
	var known, missing int
	for _, s := range sentences {
		g, h := uint64(0), m.ids[Start]
		have := 1
		for _, word := range append(slices.Clone(s), End) {
			w, ok := m.ids[word]
			if !ok {
				missing, have = missing+1, 0
				continue
			}
			switch have {
			case 0:
				sum += math.Log(max(m.uni.prob[w], zeroProb))
			case 1:
				sum += math.Log(max(m.bigramProb(h, w), zeroProb))
			default:
				sum += math.Log(max(m.trigramProb(g, h, w), zeroProb))
			}
			g, h, have = h, w, have+1
			known++
		}
	}
	return math.Exp(-sum / float64(max(known, 1))), float64(missing) / float64(max(known+missing, 1))
}

func TestSeenSentencesAreMoreLikelyThanShuffledOnes(t *testing.T) {
	m := Count(callSentences)
	seen, unknown := m.perplexity(parse("where is my order"))
	shuffled, _ := m.perplexity(parse("order my is where"))
	if seen > shuffled/5 || unknown != 0 {
		t.Errorf("perplexity %.1f, shuffled %.1f, unknown %v", seen, shuffled, unknown)
	}
	if _, unknown := m.perplexity(parse("where is my zebra")); unknown != 0.2 {
		t.Errorf("share of unknown words %v, want 0.2: one of four words and the end", unknown)
	}
}

func TestMixtureIsTheWeightedMeanOfBothModels(t *testing.T) {
	a, b := Count(newsSentences), Count(callSentences)
	m := Mix(a, b, 0.25)
	got := m.trigramProb(m.ids["is"], m.ids["my"], m.ids["order"])
	want := 0.25 * b.trigramProb(b.ids["is"], b.ids["my"], b.ids["order"])
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("p(order|is my) = %v, want %v", got, want)
	}
	got = m.bigramProb(m.ids["want"], m.ids["to"])
	want = 0.75*a.bigramProb(a.ids["want"], a.ids["to"]) + 0.25*b.bigramProb(b.ids["want"], b.ids["to"])
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("p(to|want) = %v, want %v", got, want)
	}
}

func TestPruningRemovesManyNGramsForLittlePerplexity(t *testing.T) {
	m := Mix(Count(newsSentences), Count(callSentences), 0.5)
	p := m.Prune(0.0005)
	bi, tri := len(m.bi.keys), len(m.tri.keys)
	fewerBi, fewerTri := len(p.bi.keys), len(p.tri.keys)
	if fewerTri >= tri || fewerBi > bi || fewerTri == 0 {
		t.Errorf("%d bigrams and %d trigrams became %d and %d", bi, tri, fewerBi, fewerTri)
	}
	before, _ := m.perplexity(callSentences)
	after, _ := p.perplexity(callSentences)
	if after > 1.3*before {
		t.Errorf("perplexity grew from %.2f to %.2f", before, after)
	}
	for _, key := range p.tri.keys {
		g, h, w := split3(key)
		for _, b := range [][2]uint64{{g, h}, {h, w}} {
			if _, ok := p.bi.find(b[0]<<wordBits|b[1], b[0]); !ok {
				t.Errorf("a bigram of the trigram %s %s %s was pruned", p.Words[g], p.Words[h], p.Words[w])
			}
		}
	}
}

func TestARPAFileHasTheCountsOfItsHeader(t *testing.T) {
	var b bytes.Buffer
	if err := Count(callSentences[:2]).WriteARPA(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for _, want := range []string{"\\data\\", "ngram 1=7", "ngram 2=7", "ngram 3=6", "\\3-grams:", "\\end\\"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "\nngram ") + strings.Count(b.String(), "-grams:\n"); n != 6 {
		t.Errorf("%d headings", n)
	}
	if !strings.Contains(b.String(), "\twhere is my\n") || !strings.Contains(b.String(), "\twhere is\t") {
		t.Errorf("n-grams are missing in\n%s", b.String())
	}
}

// trieFile returns a trie file with the given counts, empty tables, and rest after them.
func trieFile(n1, n2, n3 uint32, rest []byte) []byte {
	b := append([]byte(trieMagic), 3)
	for _, n := range []uint32{n1, n2, n3, 1} {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	b = append(b, make([]byte, 3*4*trieTable)...)
	return append(b, rest...)
}

func TestInvalidTrieFilesAreRefused(t *testing.T) {
	whole := trieFile(1, 1, 1, nil)
	for name, b := range map[string][]byte{
		"empty":      nil,
		"ARPA":       []byte("\\data\\\nngram 1=3\n"),
		"no words":   trieFile(0, 1, 1, nil),
		"too many":   trieFile(1<<31, 1, 1, nil),
		"cut header": whole[:100],
		"cut tables": whole,
	} {
		if _, err := ReadTrie(b, 10, func(string) bool { return true }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReadTrie(f *testing.F) {
	words := []byte("\x0b\x00\x00\x00<s>\x00</s>\x00a\x00")
	f.Add(uint32(3), uint32(2), uint32(1), append(make([]byte, 12*4+2*9+8+2*3+16), words...))
	f.Add(uint32(1), uint32(1), uint32(1), bytes.Repeat([]byte{0xFF}, 200))
	f.Fuzz(func(t *testing.T, n1, n2, n3 uint32, rest []byte) {
		m, err := ReadTrie(trieFile(n1, n2, n3, rest), 10, func(string) bool { return true })
		if err != nil {
			return
		}
		if len(m.Words) > 10 {
			t.Errorf("%d words", len(m.Words))
		}
		_, _ = m.perplexity([][]string{{"a", "b"}})
	})
}

func TestAllProbabilitiesAfterAHistoryEqualSingleOnes(t *testing.T) {
	m := Mix(Count(newsSentences), Count(callSentences), 0.3).Prune(1e-3)
	for _, history := range [][]string{{Start}, {"my"}, {Start, "where"}, {"is", "my"}, {"today", "my"}, {"unheard", "my"}} {
		for w, p := range m.After(history...) {
			if want, _ := m.Prob(m.Words[w], history...); math.Abs(p-want) > 1e-12 {
				t.Errorf("p(%s | %q) = %g, want %g", m.Words[w], history, p, want)
			}
		}
	}
	for w, p := range m.After("my", "unheard") {
		if want := m.Prior(m.Words[w]); p != want {
			t.Errorf("p(%s) after an unknown word = %g, want %g", m.Words[w], p, want)
		}
	}
}
