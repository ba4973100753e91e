package kokoro

import (
	"context"
	"slices"
	"strings"

	"frontdesk/internal/phonemes"
	"frontdesk/internal/spoken"
)

const (
	// minFirst is the fewest symbols of the first piece: about a second of speech, which takes
	// about half a second of a server's core. The network adds 0.8 s of silence to each piece,
	// which costs as much as speech, so further pieces have at least minNext symbols.
	minFirst = 12
	minNext  = 30
	// longPhrase is from how many bytes on a phrase is divided where people may pause.
	longPhrase = 14
)

// piece is what the network speaks at a time.
type piece struct {
	symbols []int64
	mark    string // the punctuation mark behind it, or ""
}

// pieces divides the text of a clause where people pause: at punctuation marks, and before
// words that begin a group of words.
func (s *Synthesizer) pieces(ctx context.Context, text []spoken.Part) ([]piece, error) {
	groups, err := s.translate(ctx, text)
	if err != nil {
		return nil, err
	}
	return join(groups), nil
}

// translate returns the groups of words of text. Those without anything to say are omitted.
func (s *Synthesizer) translate(ctx context.Context, text []spoken.Part) ([]piece, error) {
	var out []piece
	for _, part := range text {
		if part.IPA != "" {
			out = append(out, piece{symbols: symbols(part.IPA)})
			continue
		}
		for rest := part.Text; rest != ""; {
			n, mark := phonemes.CutPhrase(rest)
			groups := divide(strings.TrimRight(rest[:n], phonemes.Marks+" "))
			rest = rest[n:]
			for _, g := range groups {
				ipa, err := s.phonemizer.Phonemes(ctx, g)
				if err != nil {
					return nil, err
				}
				if symbols := symbols(ipa); len(symbols) > 0 {
					out = append(out, piece{symbols: symbols})
				}
			}
			if last := len(out) - 1; last >= 0 && mark != "" {
				out[last].mark = mark
			}
		}
	}
	return out, nil
}

// join joins groups to pieces that are long enough.
func join(groups []piece) []piece {
	var out []piece
	var current piece
	least := minFirst
	for _, g := range groups {
		for part := range slices.Chunk(g.symbols, maxSymbols-2) { // with room for a space and a mark
			if len(current.symbols)+len(part)+2 > maxSymbols {
				out, current = append(out, current), piece{}
			}
			if len(current.symbols) > 0 {
				current.symbols = append(current.symbols, vocabulary[' '])
			}
			current.symbols = append(current.symbols, part...)
		}
		for _, r := range g.mark {
			current.symbols = append(current.symbols, vocabulary[r])
		}
		if current.mark = g.mark; len(current.symbols) >= least {
			out, current, least = append(out, current), piece{}, minNext
		}
	}
	if len(current.symbols) > 0 {
		out = append(out, current)
	}
	return out
}

// beginners are words that begin a group of words, so that people may pause before them.
var beginners = map[string]bool{
	"and": true, "or": true, "but": true, "because": true, "that": true, "which": true, "who": true, "when": true,
	"where": true, "while": true, "if": true, "so": true, "then": true, "on": true, "in": true, "at": true, "to": true,
	"for": true, "with": true, "from": true, "by": true, "until": true, "after": true, "before": true, "about": true,
}

// divide divides a long phrase before beginners. The groups have no space around them.
func divide(phrase string) []string {
	var out []string
	start, at := 0, 0
	for word := range strings.SplitSeq(phrase, " ") {
		if at-start >= longPhrase && len(phrase)-at >= longPhrase && beginners[strings.ToLower(word)] {
			out, start = append(out, strings.TrimSpace(phrase[start:at])), at
		}
		at += len(word) + 1
	}
	return append(out, strings.TrimSpace(phrase[start:]))
}

// spelling turns the IPA of espeak-ng into the phonemes that the network learned, which have
// one letter for each diphthong and affricate (hexgrad's misaki, its fallback for American
// English, says which). Longer keys come before their beginnings.
var spelling = strings.NewReplacer(
	"ʔˌn\u0329", "tᵊn", "ʔn\u0329", "tᵊn", "ʔn", "tᵊn", "n\u0329", "ᵊn", "l\u0329", "ᵊl", "m\u0329", "ᵊm", "\u0329", "",
	"nˈaɪntiː", "nˈInti", "nˈaɪnti", "nˈIndi", // ninety; the network's own vowels and a flap
	"aɪ", "I", "aʊ", "W", "eɪ", "A", "oʊ", "O", "ɔɪ", "Y", "dʒ", "ʤ", "tʃ", "ʧ",
	"ɜːɹ", "ɜɹ", "ɜː", "ɜɹ", "ɪə", "iə", "əl ", "ᵊl ", "ɚ", "əɹ", "ɐ", "ə", "ɾ", "T", "ʔ", "t",
	"ʲo", "jo", "ʲə", "jə", "ʲ", "", "e", "A", "o", "ɔ", "r", "ɹ", "x", "k", "ç", "k", "ɬ", "l", "g", "ɡ",
	"ː", "", "\u0303", "",
)

// symbols returns the symbols of a phrase's IPA. Phonemes that the network does not have are
// omitted.
func symbols(ipa string) []int64 {
	var out []int64
	for _, r := range strings.TrimSpace(spelling.Replace(ipa + " ")) {
		if id, ok := vocabulary[r]; ok {
			out = append(out, id)
		}
	}
	return out
}

// frame returns symbols between the network's padding.
func frame(symbols []int64) []int64 { return slices.Concat([]int64{0}, symbols, []int64{0}) }

// vocabulary has the symbols that English needs, by the numbers of the network's vocabulary.
var vocabulary = map[rune]int64{
	';': 1, ':': 2, ',': 3, '.': 4, '!': 5, '?': 6, ' ': 16,
	'A': 24, 'I': 25, 'O': 31, 'T': 36, 'W': 39, 'Y': 41, 'ᵊ': 42, 'a': 43, 'b': 44, 'd': 46, 'f': 48, 'h': 50,
	'i': 51, 'j': 52, 'k': 53, 'l': 54, 'm': 55, 'n': 56, 'p': 58, 's': 61, 't': 62, 'u': 63, 'v': 64, 'w': 65,
	'z': 68, 'ɑ': 69, 'ɒ': 71, 'æ': 72, 'ɔ': 76, 'ð': 81, 'ʤ': 82, 'ə': 83, 'ɛ': 86, 'ɜ': 87, 'ɡ': 92, 'ɪ': 102,
	'ŋ': 112, 'θ': 119, 'ɹ': 123, 'ʃ': 131, 'ʧ': 133, 'ʊ': 135, 'ʌ': 138, 'ʒ': 147, 'ˈ': 156, 'ˌ': 157, 'ᵻ': 177,
}
