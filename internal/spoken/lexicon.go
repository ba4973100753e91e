package spoken

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxEntries  = 500
	maxEntry    = 100 // characters of a word and of how it is said
	firstMarker = '\uE000'
)

// Lexicon says how words are pronounced, such as the names of a company's products. Its
// methods accept nil, which has no words. It is safe for concurrent use.
type Lexicon struct {
	pattern *regexp.Regexp    // matches the words, the longest first
	entries map[string]string // by word in lower case: a respelling, or IPA between slashes
}

// NewLexicon returns the lexicon in which each word (or several, with spaces between) is said
// as its respelling, "front desk", or as its IPA between slashes, "/ˈwɪn/". Case makes no
// difference. The error names the wrong entry.
func NewLexicon(words map[string]string) (*Lexicon, error) {
	if len(words) == 0 {
		return nil, nil
	}
	if len(words) > maxEntries {
		return nil, fmt.Errorf("too many words: %d (limit %d)", len(words), maxEntries)
	}
	l := &Lexicon{entries: make(map[string]string)}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		said := strings.TrimSpace(words[word])
		if err := checkEntry(word, said); err != nil {
			return nil, err
		}
		l.entries[strings.ToLower(word)] = said
	}
	keys := slices.SortedFunc(maps.Keys(l.entries), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
	for i, k := range keys {
		keys[i] = regexp.QuoteMeta(k)
	}
	l.pattern = regexp.MustCompile("(?i)" + strings.Join(keys, "|"))
	return l, nil
}

func checkEntry(word, said string) error {
	switch {
	case strings.TrimSpace(word) != word || !strings.ContainsFunc(word, isOfWord) || utf8.RuneCountInString(word) > maxEntry || !utf8.ValidString(word):
		return fmt.Errorf("%q is not a word (want up to %d characters, with a letter or digit)", word, maxEntry)
	case said == "" || utf8.RuneCountInString(said) > maxEntry || strings.ContainsFunc(said, unicode.IsControl) || !utf8.ValidString(said):
		return fmt.Errorf("%q: say it in 1 to %d characters, as a respelling or as IPA between slashes", word, maxEntry)
	}
	if ipa, ok := cutIPA(said); ok && !strings.ContainsFunc(ipa, unicode.IsLetter) || !ok && strings.HasPrefix(said, "/") {
		return fmt.Errorf("%q: %q is not IPA between slashes", word, said)
	}
	return nil
}

func isOfWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

// cutIPA returns what is between slashes, and whether there are any.
func cutIPA(said string) (string, bool) {
	if len(said) > 2 && said[0] == '/' && said[len(said)-1] == '/' {
		return said[1 : len(said)-1], !strings.Contains(said[1:len(said)-1], "/")
	}
	return "", false
}

// Form is the function Form for a text in which the words of l are respelled. Words with IPA
// stay as they are written, for voices that cannot read IPA.
func (l *Lexicon) Form(text, language string) string {
	text, _ = l.respell(withoutMarkers(text), false)
	return form(text, language)
}

// Part is some of a text's spoken form: Text, or a word as IPA.
type Part struct{ Text, IPA string }

// Parts returns the spoken form of a text in which the words of l are respelled, or become
// IPA.
func (l *Lexicon) Parts(text, language string) []Part {
	text, ipa := l.respell(withoutMarkers(text), true)
	text = form(text, language)
	var out []Part
	start := 0
	for i, r := range text {
		n := int(r - firstMarker)
		if n < 0 || n >= len(ipa) {
			continue
		}
		if i > start {
			out = append(out, Part{Text: text[start:i]})
		}
		out = append(out, Part{IPA: ipa[n]})
		start = i + utf8.RuneLen(r)
	}
	if start < len(text) {
		out = append(out, Part{Text: text[start:]})
	}
	return out
}

// respell replaces the words of l. If withIPA is set, it replaces those with IPA by markers,
// which are characters for private use: the first stands for the first of ipa, and so on.
func (l *Lexicon) respell(text string, withIPA bool) (out string, ipa []string) {
	if l == nil {
		return text, nil
	}
	var b strings.Builder
	end := 0
	for _, at := range l.pattern.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		after, _ := utf8.DecodeRuneInString(text[at[1]:])
		said, ok := l.entries[strings.ToLower(text[at[0]:at[1]])]
		if !ok || isOfWord(before) || isOfWord(after) {
			continue
		}
		if sound, isIPA := cutIPA(said); isIPA {
			if !withIPA || len(ipa) == maxEntries {
				continue
			}
			said = string(firstMarker + rune(len(ipa)))
			ipa = append(ipa, sound)
		}
		b.WriteString(text[end:at[0]])
		b.WriteString(said)
		end = at[1]
	}
	b.WriteString(text[end:])
	return b.String(), ipa
}

// withoutMarkers removes characters for private use, which respell uses as markers.
func withoutMarkers(text string) string {
	if !strings.ContainsFunc(text, isPrivate) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if isPrivate(r) {
			return ' '
		}
		return r
	}, text)
}

func isPrivate(r rune) bool { return unicode.Is(unicode.Co, r) }

// Style is how an agent speaks.
type Style struct {
	Speed   float64  // 0.5 to 2; default 1
	Lexicon *Lexicon // the agent's pronunciation; nil if it has none
}
