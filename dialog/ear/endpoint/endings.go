package endpoint

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// endingsText holds, of English words and of some pairs of them, how often a sentence
// ends behind: ten times the negative decimal logarithm of that probability. It is
// counted from the language model of the Debian package pocketsphinx-en-us (BSD
// licence) by internal/learn/endpoint.
//
//go:embed endings.txt
var endingsText string

const usualEnding = 0.85 // negative decimal logarithm of p(end) behind the words of a usual sentence

var endings = sync.OnceValue(func() map[string]float64 {
	table := make(map[string]float64)
	for line := range strings.Lines(endingsText) {
		words, tenths, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		n, err := strconv.Atoi(tenths)
		if err != nil {
			continue // a line of the header
		}
		table[words] = float64(n) / 10
	}
	return table
})

// endingOf is the logarithm of how much more often than usual a sentence ends behind the
// last of these words, -1.5 to 0.5; 0 for words that are not known.
func endingOf(said []string) float64 {
	last := said[len(said)-1]
	if len(said) > 1 {
		if p, ok := endings()[said[len(said)-2]+" "+last]; ok {
			return bounded(usualEnding - p)
		}
	}
	if p, ok := endings()[last]; ok {
		return bounded(usualEnding - p)
	}
	return 0
}

func bounded(x float64) float64 { return min(max(x, -1.5), 0.5) }
