package knowledge

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"unicode"
)

const (
	minCorrected = 3 // letters of a word that may be misspelled
	minTwoErrors = 8 // letters of a word that may have two errors
	maxVariants  = 3 // words that one misspelled word may stand for

	// What a term counts that was reached by a correction, compared with one that was written.
	oneErrorWeight   = 0.8
	twoErrorsWeight  = 0.6
	shortErrorWeight = 0.5 // of a word of up to four letters, which is often right and unknown
	// firstLetterError is added to the errors of a correction that changes the first letter,
	// which people seldom get wrong.
	firstLetterError = 0.5
)

// vocabulary finds the words that a misspelled one may stand for.
type vocabulary struct {
	words map[string]string // the words of the pages and of the language, with their terms
	list  []spelled         // those that can be misspelled
}

// spelled is a word of the vocabulary.
type spelled struct {
	word, term string
	letters    uint32 // a bit for each letter in it
	pages      int    // passages with its term
}

// newVocabulary makes a vocabulary of words and their terms. Terms are "" for words without
// meaning, such as "when", which may be misspelled, too.
func newVocabulary(words map[string]string, counts map[string]int) *vocabulary {
	v := &vocabulary{words: words}
	for w, term := range words {
		if len(w) >= minCorrected-1 && isLetters(w) {
			v.list = append(v.list, spelled{w, term, lettersOf(w), counts[term]})
		}
	}
	slices.SortFunc(v.list, func(a, b spelled) int {
		return cmp.Or(cmp.Compare(len(a.word), len(b.word)), strings.Compare(a.word, b.word))
	})
	return v
}

func isLetters(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

func lettersOf(w string) uint32 {
	var set uint32
	for _, r := range w {
		set |= 1 << (uint32(r) % 32)
	}
	return set
}

// correction is a word that a misspelled one may stand for.
type correction struct {
	spelled
	errors float64
}

// weight returns what the correction counts, compared with a word as it was written.
func (c *correction) weight() float64 {
	switch {
	case len(c.word) <= 4:
		return shortErrorWeight
	case c.errors < 2:
		return oneErrorWeight
	}
	return twoErrorsWeight
}

// correct returns the words with the fewest errors that word may stand for, those of most
// pages first; none if word is right, or unlike all others.
func (v *vocabulary) correct(word string) []correction {
	if _, ok := v.words[word]; ok || len(word) < minCorrected || !isLetters(word) {
		return nil
	}
	most := 1
	if len(word) >= minTwoErrors {
		most = 2
	}
	letters := lettersOf(word)
	from, _ := slices.BinarySearchFunc(v.list, len(word)-most, func(s spelled, n int) int { return cmp.Compare(len(s.word), n) })
	var best []correction
	for _, s := range v.list[from:] {
		if len(s.word) > len(word)+most {
			break
		}
		if bits.OnesCount32(letters^s.letters) > 2*most {
			continue
		}
		n := editDistance(word, s.word, most)
		if n > most {
			continue
		}
		c := correction{s, float64(n)}
		if word[0] != s.word[0] {
			c.errors += firstLetterError
		}
		if len(best) > 0 && c.errors < best[0].errors {
			best = best[:0]
		}
		if len(best) == 0 || c.errors == best[0].errors {
			best = append(best, c)
		}
	}
	slices.SortStableFunc(best, func(a, b correction) int { return cmp.Compare(b.pages, a.pages) })
	return best[:min(maxVariants, len(best))]
}

// editDistance returns how many letters must be added, left out, replaced or exchanged with
// their neighbor to get b from a (F. Damerau, 1964, in the form of optimal string alignment);
// more than most for words that are too long.
func editDistance(a, b string, most int) int {
	var rows [3][40]int
	if len(a) >= len(rows[0]) || len(b) >= len(rows[0]) {
		return most + 1
	}
	before, above, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
