package mouth

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"frontdesk/internal/words"
)

const (
	maxClause        = 200 // bytes; a voice should not wait for more
	commaClause      = 100 // bytes from which a comma ends a clause
	commaFirst       = 3   // words from which a comma ends the first clause
	conjunctionFirst = 6   // words from which the first clause ends before a conjunction
	prepositionFirst = 8   // words from which it ends before a preposition
)

// Clauses cuts a stream of text into clauses that a voice can speak: a short one first, so
// that speech starts soon, then sentences. Joined, the clauses equal the text byte for
// byte, except that white space at the end may be missing. The boundaries of the chunks make
// no difference.
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

// Cutter finds the ends of clauses byte by byte. What follows a byte decides nothing, so a
// clause is complete with the space behind it. The zero value is ready for a new text.
type Cutter struct {
	buf     []byte
	comma   int  // end of the last comma, semicolon or colon in buf
	space   int  // end of the last white space in buf
	isLater bool // the first clause is complete
}

// Add appends text and yields the clauses that it completes.
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

// Flush returns what is left of the text, "" if that is only white space.
func (c *Cutter) Flush() string {
	if isBlank(c.buf) {
		c.buf = c.buf[:0]
		return ""
	}
	return c.take(len(c.buf))
}

func (c *Cutter) take(n int) string {
	clause := string(c.buf[:n])
	c.buf = append(c.buf[:0], c.buf[n:]...)
	c.comma, c.space, c.isLater = 0, 0, true
	return clause
}

// boundary returns how many bytes of buf are a clause, now that a byte was added, or 0.
func (c *Cutter) boundary() int {
	n := len(c.buf)
	switch last := c.buf[n-1]; {
	case isSpace(last):
		if end := c.atSpace(last); end > 0 {
			return end
		}
		c.space = n
	case last >= utf8.RuneSelf && endsWithWideStop(c.buf):
		return n
	}
	if n < maxClause {
		return 0
	}
	switch {
	case c.comma > 0:
		return c.comma
	case c.space > 0 && !isBlank(c.buf[:c.space]):
		return c.space
	default:
		return wholeRunes(c.buf)
	}
}

// atSpace is boundary for white space that was just added.
func (c *Cutter) atSpace(space byte) int {
	n := len(c.buf)
	text := c.buf[:n-1]
	if isBlank(text) {
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
		c.comma = n
		if n >= commaClause || !c.isLater && countWords(text) >= commaFirst {
			return n
		}
	}
	if c.isLater {
		return 0
	}
	before := text[:len(text)-len(word)]
	if n := countWords(before); n >= conjunctionFirst && conjunctions[word] || n >= prepositionFirst && prepositions[word] {
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

// conjunctions begin a clause, prepositions a phrase.
var (
	conjunctions = words.NewSet("and but because which while so when if unless until although before after whereas")
	prepositions = words.NewSet("for with from within without during through between under over about at on in by")
)

// endsSentence reports whether a word with a full stop ends a sentence. A number at the
// start of a line belongs to a list.
func endsSentence(word string, lineStart bool) bool {
	low := strings.ToLower(strings.TrimLeft(word, `"'([`))
	stem := strings.TrimSuffix(low, ".")
	switch {
	case low == "no.": // the answer, or the abbreviation as in "No. 5"
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

// endsWithWideStop reports whether b ends with a Chinese or Japanese full stop, which no
// space follows.
func endsWithWideStop(b []byte) bool {
	switch r, _ := utf8.DecodeLastRune(b); r {
	case '。', '！', '？':
		return true
	}
	return false
}

// wholeRunes returns the length of b without an incomplete character at its end.
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

func isBlank(b []byte) bool {
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

func countWords(b []byte) int {
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

// SentenceStart returns the index at which the sentence begins that holds byte n of text.
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
