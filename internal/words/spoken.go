package words

import (
	"strings"
	"unicode"
)

const maxSpokenText = 4 << 10 // bytes of a text that SpokenForm reads; clauses are far shorter

// SpokenForm returns text in words and punctuation, as it is read aloud, for voices that
// stumble over markup, numbers and addresses. In English, prices, times, ranges,
// addresses, ticket and order numbers become words too; in other languages they are left
// to the voice. Language is a BCP 47 tag. A text without anything to say becomes "".
func SpokenForm(text, language string) string {
	text = Clip(text, maxSpokenText)
	for _, rewrite := range markupRules {
		text = rewrite(text)
	}
	if IsEnglish(language) {
		for _, rewrite := range englishRules {
			text = rewrite(text)
		}
	}
	text = strings.Join(strings.Fields(strings.Map(audibleRune, text)), " ")
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return ""
	}
	return text
}

// audibleRune replaces by a space what no voice can read: control characters, emoji, and
// the quotes and brackets that some voices read out by name.
func audibleRune(r rune) rune {
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
