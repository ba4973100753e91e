package mouth

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxClause      = 200 // bytes; a voice should not have to wait for more
	softClause     = 100 // from here on a comma is as good as a full stop
	minFirstClause = 3   // words before a comma may end the first clause
	firstClause    = 6   // words from which it ends before a conjunction, too
	longFirst      = 8   // words from which it ends before a preposition, too
)

// Clauses cuts a stream of text into pieces a voice can speak: the first one short,
// so that speech begins soon, then sentences. The pieces together are the text, to
// the byte, except that white space at the very end may be missing. Where the
// stream's own chunks begin and end makes no difference.
func Clauses(chunks iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		var c Cutter
		for chunk := range chunks {
			for clause := range c.Add(chunk) {
				if !yield(clause) {
					return
				}
			}
		}
		if rest := c.Flush(); rest != "" {
			yield(rest)
		}
	}
}

// cutter finds the ends of clauses byte by byte. Nothing is decided by what comes
// after a byte, so a clause is ready as soon as the space behind it is. The zero
// value begins a reply.
type Cutter struct {
	buf   []byte
	soft  int // end of the last comma or the like in buf
	space int // end of the last white space in buf
	begun bool
}

// add takes the next text and yields the clauses it completes.
func (c *Cutter) Add(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(text) {
			c.buf = append(c.buf, text[i])
			if n := c.boundary(); n > 0 && !yield(c.take(n)) {
				c.buf = append(c.buf, text[i+1:]...)
				return
			}
		}
	}
}

// flush takes what is left, "" when it is only white space.
func (c *Cutter) Flush() string {
	if blank(c.buf) {
		c.buf = c.buf[:0]
		return ""
	}
	return c.take(len(c.buf))
}

func (c *Cutter) take(n int) string {
	clause := string(c.buf[:n])
	c.buf = append(c.buf[:0], c.buf[n:]...)
	c.soft, c.space, c.begun = 0, 0, true
	return clause
}

// boundary is how much of buf is a clause now that a byte was added, or 0.
func (c *Cutter) boundary() int {
	n := len(c.buf)
	switch last := c.buf[n-1]; {
	case isSpace(last):
		if end := c.atSpace(last); end > 0 {
			return end
		}
		c.space = n
	case last >= utf8.RuneSelf && endsWide(c.buf):
		return n
	}
	if n < maxClause {
		return 0
	}
	switch {
	case c.soft > 0:
		return c.soft
	case c.space > 0 && !blank(c.buf[:c.space]):
		return c.space
	default:
		return wholeRunes(c.buf)
	}
}

// atSpace judges a boundary at the white space that was just added.
func (c *Cutter) atSpace(space byte) int {
	n := len(c.buf)
	text := c.buf[:n-1]
	if blank(text) {
		return 0
	}
	if space == '\n' {
		return n
	}
	word := lastWord(text)
	mark := strings.TrimRight(word, `"')]*_`)
	if mark == "" {
		return 0
	}
	switch mark[len(mark)-1] {
	case '!', '?':
		return n
	case '.':
		if endsSentence(mark, len(text) == len(word) || text[len(text)-len(word)-1] == '\n') {
			return n
		}
	case ',', ';', ':':
		c.soft = n
		if n >= softClause || !c.begun && words(text) >= minFirstClause {
			return n
		}
	}
	if c.begun {
		return 0
	}
	before := text[:len(text)-len(word)]
	if n := words(before); n >= firstClause && conjunctions[word] || n >= longFirst && prepositions[word] {
		return len(before)
	}
	return 0
}

// abbreviations end with a full stop in the middle of a sentence.
var abbreviations = map[string]bool{
	"mr.": true, "mrs.": true, "ms.": true, "dr.": true, "st.": true, "prof.": true,
	"e.g.": true, "i.e.": true, "vs.": true, "no.": true, "nos.": true, "approx.": true,
	"inc.": true, "ltd.": true, "co.": true, "dept.": true, "ext.": true, "tel.": true,
	"a.m.": true, "p.m.": true, "jan.": true, "feb.": true, "mar.": true, "apr.": true,
	"aug.": true, "sep.": true, "sept.": true, "oct.": true, "nov.": true, "dec.": true,
	"u.s.": true, "u.k.": true, "jr.": true, "sr.": true, "min.": true, "max.": true,
}

// conjunctions begin a clause of their own, prepositions at least a phrase.
var (
	conjunctions = wordSet("and but because which while so when if unless until although before after whereas")
	prepositions = wordSet("for with from within without during through between under over about at on in by")
)

// endsSentence reports whether a word with a full stop ends a sentence. At the start
// of a line a number is one of a list.
func endsSentence(word string, lineStart bool) bool {
	low := strings.ToLower(strings.TrimLeft(word, `"'([`))
	stem := strings.TrimSuffix(low, ".")
	switch {
	case low == "no.": // the answer and the abbreviation: "No. 5" is rare in speech
		return lineStart
	case abbreviations[low]:
		return false
	case len(stem) == 1 && stem[0] >= 'a' && stem[0] <= 'z' && stem != "i": // an initial
		return false
	case lineStart && stem != "" && strings.Trim(stem, "0123456789") == "":
		return false
	}
	return true
}

// endsWide reports whether b ends with a full stop of Chinese or Japanese, which no
// space follows.
func endsWide(b []byte) bool {
	switch r, _ := utf8.DecodeLastRune(b); r {
	case '。', '！', '？':
		return true
	}
	return false
}

// wholeRunes is the length of b without a character that is not complete.
func wholeRunes(b []byte) int {
	for i := len(b) - 1; i > 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}

func isSpace(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

func blank(b []byte) bool {
	for _, c := range b {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

func lastWord(b []byte) string {
	i := len(b)
	for i > 0 && !isSpace(b[i-1]) {
		i--
	}
	return string(b[i:])
}

func words(b []byte) int {
	n := 0
	inside := false
	for _, c := range b {
		if isSpace(c) {
			inside = false
		} else if !inside {
			inside = true
			n++
		}
	}
	return n
}

// sentence is where in text the sentence begins in which the n-th byte lies.
func SentenceStart(text string, n int) int {
	start, end := 0, 0
	for clause := range Clauses(slices.Values([]string{text})) {
		if end += len(clause); end-len(clause)+len(strings.TrimRight(clause, " \n")) > n {
			break
		}
		if last := clause[len(clause)-1]; last == '\n' || strings.ContainsAny(lastWord([]byte(strings.TrimSpace(clause))), ".!?。！？") {
			start = end
		}
	}
	return start
}

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
