// Package words holds what Frontdesk knows about language: which words are fillers,
// backchannels, farewells, numbers or stop words, and how callers read numbers out. Except
// for Lexicon, Split, Clip and Fold it knows English only; IsEnglish says where that applies. Text enters and leaves as strings and slices
// of lower-case words. It imports nothing of Frontdesk. Everything is safe for concurrent
// use.
package words

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Set is a set of lower-case words.
type Set map[string]bool

// NewSet returns the set of the words in list, which are separated by spaces.
func NewSet(list string) Set {
	set := make(Set)
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// HasAny reports whether at least one of words is in the set.
func (s Set) HasAny(words []string) bool {
	for _, w := range words {
		if s[w] {
			return true
		}
	}
	return false
}

// HasAll reports whether every one of words is in the set.
func (s Set) HasAll(words []string) bool {
	for _, w := range words {
		if !s[w] {
			return false
		}
	}
	return true
}

// Language returns the primary subtag of a BCP 47 language tag in lower case: "en" of
// "en-US".
func Language(tag string) string {
	tag = strings.ToLower(tag)
	if i := strings.IndexAny(tag, "-_"); i >= 0 {
		tag = tag[:i]
	}
	return tag
}

// IsEnglish reports whether a BCP 47 language tag is English. An empty tag is English,
// the default.
func IsEnglish(tag string) bool {
	l := Language(tag)
	return l == "" || l == "en"
}

// Split returns the words of text in lower case without punctuation. Apostrophes stay.
func Split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '\'' || r >= 0x80)
	})
}

// Fold returns text in lower case without accents and apostrophes, so that "Café's"
// equals "cafes".
func Fold(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) {
		text = norm.NFKD.String(text)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '’' || r == '‘' || unicode.Is(unicode.Mn, r):
			return -1
		default:
			return unicode.ToLower(r)
		}
	}, text)
}

// Clip returns the beginning of text, at most size bytes of it. It cuts between
// characters and drops bytes that are not UTF-8.
func Clip(text string, size int) string {
	return strings.ToValidUTF8(text[:min(size, len(text))], "")
}

// ClipStart returns the last bytes of text, at most size, without a part of a character.
func ClipStart(text string, size int) string {
	return strings.ToValidUTF8(text[max(0, len(text)-size):], "")
}

// EditDistance is the number of bytes to insert, delete or replace that turn a into b
// (V. Levenshtein, "Binary codes capable of correcting deletions, insertions, and
// reversals", 1966).
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substituted := diagonal
			if a[i] != b[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Printable returns text as valid UTF-8 without characters that are not text: control
// characters other than newline and tab, line and paragraph separators, and format
// characters, which include the overrides of the writing direction, tags and the byte order
// mark. It keeps the zero-width joiner, which many scripts and emoji need.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u200d':
			return r
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}
