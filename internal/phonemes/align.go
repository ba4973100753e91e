package phonemes

import (
	"context"
	"strings"
	"unicode"
)

const (
	maxWords = 10_000 // that a Phonemizer remembers
	// maxCells bounds the table of Align: 1,400 phonemes each, more than a clause has.
	maxCells = 2_000_000
)

// Word is Phonemes for single words, which it remembers.
func (p *Phonemizer) Word(ctx context.Context, word string) (string, error) {
	p.wordsMu.Lock()
	ipa, ok := p.words[word]
	p.wordsMu.Unlock()
	if ok {
		return ipa, nil
	}
	ipa, err := p.Phonemes(ctx, word)
	if err != nil {
		return "", err
	}
	p.wordsMu.Lock()
	defer p.wordsMu.Unlock()
	if len(p.words) >= maxWords || p.words == nil {
		p.words = make(map[string]string) // the words of calls differ: those of now come back soon
	}
	p.words[word] = ipa
	return ipa, nil
}

// IsSound reports whether a character of IPA stands for a phoneme, or is the mark of one, and
// not for stress, a pause or the end of a word.
func IsSound(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r)) && r != 'ˈ' && r != 'ˌ'
}

// Align says how many phonemes of said have passed when each of words has ended. The
// phonemes of a word alone differ from those in a sentence, where words melt ("of the" is
// ʌvðə), are reduced, or are read in another way as a number; so the result is that of the
// alignment with the fewest edits (Needleman & Wunsch, 1970). It is nil if the words are far
// longer than a clause.
func Align(said []rune, words [][]rune) []int {
	var alone []rune
	for _, w := range words {
		alone = append(alone, w...)
	}
	width := len(said) + 1
	if (len(alone)+1)*width > maxCells {
		return nil
	}
	steps := edits(alone, said)
	passed := make([]int, len(alone)+1) // phonemes said up to each of alone
	for i, j := len(alone), len(said); i > 0; {
		switch steps[i*width+j] {
		case both:
			passed[i] = j
			i, j = i-1, j-1
		case onlyAlone:
			passed[i] = j
			i--
		default:
			j--
		}
	}
	ends := make([]int, len(words))
	n := 0
	for i, w := range words {
		n += len(w)
		ends[i] = passed[n]
	}
	if last := lastSpoken(words); last >= 0 {
		for i := last; i < len(ends); i++ {
			ends[i] = len(said)
		}
	}
	return ends
}

// lastSpoken returns the index of the last word that has phonemes, or -1.
func lastSpoken(words [][]rune) int {
	for i := len(words) - 1; i >= 0; i-- {
		if len(words[i]) > 0 {
			return i
		}
	}
	return -1
}

// step is how the best alignment of two beginnings ends.
type step uint8

const (
	both      step = iota // a phoneme of each
	onlyAlone             // a phoneme of the first
	onlySaid              // a phoneme of the second
)

// edits returns the best alignment for all beginnings a[:i] and b[:j], at i*(len(b)+1)+j.
// A vowel replaces a vowel, and a consonant a consonant, for half the cost.
func edits(a, b []rune) []step {
	const gap = 2
	width := len(b) + 1
	steps := make([]step, (len(a)+1)*width)
	costs := make([]int, width) // of the row above, up to the current column
	for j := 1; j < width; j++ {
		costs[j], steps[j] = j*gap, onlySaid
	}
	for i := 1; i <= len(a); i++ {
		diagonal := costs[0]
		costs[0], steps[i*width] = i*gap, onlyAlone
		for j := 1; j < width; j++ {
			cost, how := diagonal+replacement(a[i-1], b[j-1]), both
			if c := costs[j] + gap; c < cost {
				cost, how = c, onlyAlone
			}
			if c := costs[j-1] + gap; c < cost {
				cost, how = c, onlySaid
			}
			diagonal, costs[j], steps[i*width+j] = costs[j], cost, how
		}
	}
	return steps
}

func replacement(a, b rune) int {
	switch {
	case a == b:
		return 0
	case isVowel(a) == isVowel(b):
		return 2
	default:
		return 4
	}
}

func isVowel(r rune) bool {
	return strings.ContainsRune("aeiouyæøœɐɑɒɔəɚɛɜɝɤɨɪɯɵɶʉʊʌʏᵻ", r)
}
