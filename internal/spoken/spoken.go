// Package spoken writes text the way it is read aloud, for voices that would stumble
// over marks, numbers and addresses as they are written.
package spoken

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of a text is read, in bytes. Clauses are far shorter.
const maxText = 4 << 10

// Text is text in words and punctuation. In English, prices, times, ranges, addresses,
// ticket and order numbers become words too; in other languages they are left to the
// voice, and only marks go. Language is BCP 47, "" being English. Text that has
// nothing to say becomes "".
func Text(text, language string) string {
	text = clip(strings.ToValidUTF8(text, ""))
	for _, r := range marks {
		text = r(text)
	}
	if english(language) {
		for _, r := range words {
			text = r(text)
		}
	}
	text = strings.Join(strings.Fields(strings.Map(audible, text)), " ")
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return ""
	}
	return text
}

func english(language string) bool {
	primary, _, _ := strings.Cut(strings.ToLower(language), "-")
	return primary == "" || primary == "en"
}

// clip cuts text between two letters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// audible drops what no voice can read: control characters, emoji, and the quotes and
// brackets that some read out by name.
func audible(r rune) rune {
	switch {
	case r == '’' || r == '‘':
		return '\''
	case strings.ContainsRune("\"“”„«»()[]{}<>\\^~|*_`#=", r), unicode.IsControl(r):
		return ' '
	case unicode.In(r, unicode.So, unicode.Sk, unicode.Cf, unicode.Co):
		return ' '
	case r == '…':
		return '.'
	}
	return r
}
