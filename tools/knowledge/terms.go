package knowledge

import (
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
	text = strings.ReplaceAll(c.lexicon.Fold(text), "e-mail", "email")
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
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
