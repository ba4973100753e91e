package knowledge

import (
	"iter"
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

// termCache turns text into terms, the same way for pages and for questions, and caches
// them, because stemming is slow. Not safe for concurrent use.
type termCache struct {
	lexicon *words.Lexicon
	terms   map[string]string // by word
}

func newTermCache(l *words.Lexicon) *termCache { return &termCache{l, make(map[string]string)} }

// maxCachedTerms exceeds the number of different words in a large knowledge base.
const maxCachedTerms = 200_000

// append appends to dst the terms of text's words in order, without stop words. A term
// holds letters and digits only, so a query can contain it as it is.
func (c *termCache) append(dst []string, text string) []string {
	for word := range foldedWords(c.lexicon, text) {
		term, ok := c.terms[word]
		if !ok {
			if len(c.terms) >= maxCachedTerms {
				clear(c.terms)
			}
			term = c.lexicon.SearchTerm(word)
			c.terms[strings.Clone(word)] = term
		}
		if term != "" {
			dst = append(dst, term)
		}
	}
	return dst
}

// foldedWords yields the words of text as the lexicon expects them.
func foldedWords(l *words.Lexicon, text string) iter.Seq[string] {
	text = strings.ReplaceAll(l.Fold(text), "e-mail", "email")
	return strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
