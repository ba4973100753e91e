// Package spoken writes text as it is read aloud, for the voices that run on this machine:
// they misread markup, numbers, dates and addresses. English, German, French and Spanish have
// a table each; of other languages only the markup is removed. The package imports only words.
// The text of a clause enters and leaves.
package spoken

import (
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

const (
	maxText   = 4 << 10  // bytes of a text that is read; clauses are far shorter
	maxSpoken = 32 << 10 // bytes of its spoken form
)

// Form returns text in words and punctuation, as it is read aloud. Numbers that every voice
// reads correctly remain figures. Language is a BCP 47 tag. A text without anything to say
// becomes "".
func Form(text, language string) string { return form(withoutMarkers(text), language) }

// form is Form for a text in which characters for private use are markers, which stay.
func form(text, language string) string {
	text = words.Clip(text, maxText)
	for _, rewrite := range markupRules {
		text = rewrite(text)
	}
	for _, rewrite := range rulesFor(language) {
		text = rewrite(text)
	}
	text = strings.Join(strings.Fields(strings.Map(audibleRune, words.Clip(text, maxSpoken))), " ")
	text = spaceBeforeMark.Replace(text)
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || isPrivate(r) }) {
		return ""
	}
	return text
}

var spaceBeforeMark = strings.NewReplacer(" ,", ",", " .", ".", " ;", ";")

// audibleRune replaces by a space what no voice can read: control characters, emoji, and
// the quotes and brackets that some voices read out by name.
func audibleRune(r rune) rune {
	switch {
	case r == '’' || r == '‘':
		return '\''
	case strings.ContainsRune("\"“”„«»()[]{}<>\\^~|*_`#=", r), unicode.IsControl(r):
		return ' '
	case unicode.In(r, unicode.So, unicode.Sk, unicode.Cf):
		return ' '
	case r == '…':
		return '.'
	}
	return r
}
