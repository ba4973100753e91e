package endpoint

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
)

// endingsText lists English words and pairs of words, each with the probability that a
// sentence ends after it, as ten times the negative decimal logarithm.
// internal/learn/endpoint counts it from the language model of the Debian package
// pocketsphinx-en-us (BSD licence).
//
//go:embed endings.txt
var endingsText string

const usualEnding = 0.85 // negative decimal logarithm of the probability that a usual sentence ends after its last words

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

// endingScore returns how much more often than usual a sentence ends after the last of
// these words: a decimal logarithm from -1.5 to 0.5, 0 for unknown words.
func endingScore(said []string) float64 {
	last := said[len(said)-1]
	p, ok := 0.0, false
	if len(said) > 1 {
		p, ok = endings()[said[len(said)-2]+" "+last]
	}
	if !ok {
		p, ok = endings()[last]
	}
	if !ok {
		return 0
	}
	return min(max(usualEnding-p, -1.5), 0.5)
}
