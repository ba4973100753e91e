package embedding

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const (
	maxTokens    = 256 // of a text, with those at its ends; the rest of a longer text is left out
	maxWordBytes = 100 // of a word; a longer one is unknown
)

// wordPiece cuts text into the tokens of BERT's uncased vocabulary (Y. Wu et al., "Google's
// Neural Machine Translation System", 2016; J. Devlin et al., "BERT", 2019).
type wordPiece struct {
	starts, inner        map[string]int64 // tokens that begin a word, and those inside
	begin, end, unknown  int64
	longestStart, longer int // bytes of the longest tokens
}

// startMark is before the tokens of the vocabulary file that begin a word.
const startMark = "▁"

// newWordPiece parses a vocabulary: a JSON list of tokens in the order of their numbers.
func newWordPiece(vocabulary []byte) (*wordPiece, error) {
	var list []string
	if err := json.Unmarshal(vocabulary, &list); err != nil {
		return nil, fmt.Errorf("parse the vocabulary: %w", err)
	}
	w := &wordPiece{starts: make(map[string]int64, len(list)), inner: make(map[string]int64), begin: -1, end: -1, unknown: -1}
	for i, token := range list {
		id := int64(i)
		switch token {
		case "[CLS]":
			w.begin = id
			continue
		case "[SEP]":
			w.end = id
			continue
		case "[UNK]":
			w.unknown = id
			continue
		}
		if start, ok := strings.CutPrefix(token, startMark); ok {
			w.starts[start] = id
			w.longestStart = max(w.longestStart, len(start))
		} else if !strings.HasPrefix(token, "[") || len(token) == 1 {
			w.inner[token] = id
			w.longer = max(w.longer, len(token))
		}
	}
	if w.begin < 0 || w.end < 0 || w.unknown < 0 {
		return nil, fmt.Errorf("the vocabulary has no [CLS], [SEP] or [UNK]")
	}
	return w, nil
}

// tokens returns the numbers of text's tokens, between those that begin and end a text.
func (w *wordPiece) tokens(text string) []int64 {
	out := []int64{w.begin}
	for word := range basicWords(text) {
		out = w.appendWord(out, word)
		if len(out) >= maxTokens-1 {
			out = out[:maxTokens-1]
			break
		}
	}
	return append(out, w.end)
}

// appendWord appends the tokens of a word: always the longest one that the rest begins with.
func (w *wordPiece) appendWord(out []int64, word string) []int64 {
	if len(word) > maxWordBytes {
		return append(out, w.unknown)
	}
	before := len(out)
	table, longest := w.starts, w.longestStart
	for len(word) > 0 {
		n := min(len(word), longest)
		for n > 0 {
			if id, ok := table[word[:n]]; ok {
				out = append(out, id)
				break
			}
			n--
		}
		if n == 0 {
			return append(out[:before], w.unknown)
		}
		word, table, longest = word[n:], w.inner, w.longer
	}
	return out
}

// basicWords yields the words of text in lower case and without accents, and each
// punctuation mark and each Chinese character on its own.
func basicWords(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var word strings.Builder
		flush := func() bool {
			if word.Len() == 0 {
				return true
			}
			s := word.String()
			word.Reset()
			return yield(s)
		}
		for _, r := range norm.NFD.String(strings.ToLower(text)) {
			switch {
			case r == 0 || r == unicode.ReplacementChar || unicode.Is(unicode.Mn, r) || unicode.IsControl(r) && !unicode.IsSpace(r):
			case unicode.IsSpace(r):
				if !flush() {
					return
				}
			case isMark(r) || unicode.Is(unicode.Han, r):
				if !flush() || !yield(string(r)) {
					return
				}
			default:
				word.WriteRune(r)
			}
		}
		flush()
	}
}

// isMark reports whether r is a punctuation mark; all signs of ASCII are.
func isMark(r rune) bool {
	return unicode.IsPunct(r) || r < unicode.MaxASCII && unicode.IsSymbol(r)
}
