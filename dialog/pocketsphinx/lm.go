package pocketsphinx

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	sentenceStart = "<s>"
	sentenceEnd   = "</s>"
	order         = 3
)

// ngrams counts what follows what.
type ngrams struct {
	follow [order]map[string]map[string]float64 // by history of 0, 1, 2 words, joined by spaces
}

func newNgrams() *ngrams {
	n := &ngrams{}
	for i := range n.follow {
		n.follow[i] = make(map[string]map[string]float64)
	}
	return n
}

// add counts a sentence with a weight.
func (n *ngrams) add(words []string, weight float64) {
	if len(words) == 0 {
		return
	}
	line := append(append([]string{sentenceStart}, words...), sentenceEnd)
	for i := 1; i < len(line); i++ {
		for k := 0; k < order && k <= i; k++ {
			history := strings.Join(line[i-k:i], " ")
			next := n.follow[k][history]
			if next == nil {
				next = make(map[string]float64)
				n.follow[k][history] = next
			}
			next[line[i]] += weight
		}
	}
}

// level is the distribution after one history.
type level struct {
	p       map[string]float64 // of the words seen there
	backoff float64            // what is left for all others
}

// smooth gives every history its Witten-Bell distribution: as many unseen events as
// there were different seen ones (Witten & Bell, IEEE Trans. Inf. Theory 37(4), 1991),
// each order interpolated with the one below.
func (n *ngrams) smooth() [order]map[string]level {
	var out [order]map[string]level
	for k := range order {
		out[k] = make(map[string]level, len(n.follow[k]))
		for history, next := range n.follow[k] {
			total := 0.0
			for _, c := range next {
				total += c
			}
			kinds := float64(len(next))
			l := level{p: make(map[string]float64, len(next)), backoff: kinds / (total + kinds)}
			for w, c := range next {
				lower := 1 / kinds // of all words alike, below single words
				if k > 0 {
					lower = prob(out[:k], shorter(history), w)
				}
				l.p[w] = (c + kinds*lower) / (total + kinds)
			}
			out[k][history] = l
		}
	}
	return out
}

func shorter(history string) string {
	_, rest, _ := strings.Cut(history, " ")
	return rest
}

// prob is the probability of w after history, in the orders there are.
func prob(levels []map[string]level, history, w string) float64 {
	k := len(levels) - 1
	l, ok := levels[k][history]
	if p, seen := l.p[w]; seen {
		return p
	}
	if k == 0 {
		return 0
	}
	lower := prob(levels[:k], shorter(history), w)
	if !ok {
		return lower
	}
	return l.backoff * lower
}

// writeARPA writes the model in the ARPA back-off format (Doug Paul's, as read by
// sphinxbase): base-10 logarithms, an n-gram a line with its back-off weight behind.
func (n *ngrams) writeARPA(w io.Writer) error {
	levels := n.smooth()
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "\\data\\\nngram 1=%d\n", len(levels[0][""].p)+1) // and <s>
	for k := 1; k < order; k++ {
		count := 0
		for _, l := range levels[k] {
			count += len(l.p)
		}
		fmt.Fprintf(b, "ngram %d=%d\n", k+1, count)
	}
	for k := range order {
		fmt.Fprintf(b, "\n\\%d-grams:\n", k+1)
		if k == 0 {
			fmt.Fprintf(b, "-99 %s %.4f\n", sentenceStart, backoff(levels[1], sentenceStart))
		}
		for _, history := range slices.Sorted(maps.Keys(levels[k])) {
			l := levels[k][history]
			for _, word := range slices.Sorted(maps.Keys(l.p)) {
				gram := strings.TrimSpace(history + " " + word)
				fmt.Fprintf(b, "%.4f %s", math.Log10(l.p[word]), gram)
				if k+1 < order {
					fmt.Fprintf(b, " %.4f", backoff(levels[k+1], gram))
				}
				b.WriteByte('\n')
			}
		}
	}
	b.WriteString("\n\\end\\\n")
	return b.Flush()
}

func backoff(levels map[string]level, history string) float64 {
	l, ok := levels[history]
	if !ok {
		return 0
	}
	return math.Log10(l.backoff)
}
