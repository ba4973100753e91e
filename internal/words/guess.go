package words

import "strings"

const (
	minLanguageWords = 3   // of a language that a text must have
	minLanguageShare = 0.4 // of the words of the text
)

// GuessLanguage returns the BCP 47 language, of en, de, fr and es, whose function words text
// has, "" if there are too few of them or two languages have as many. Function words tell
// languages apart in short texts (R. Cavnar and J. Trenkle compare more in "N-Gram-Based Text
// Categorization", 1994, which needs longer ones).
func GuessLanguage(text string) string {
	if strings.ContainsAny(text, "¿¡") {
		return "es"
	}
	said := Split(foldForeign(text))
	best, most, isTie := "", 0, false
	for _, language := range []string{"en", "de", "fr", "es"} {
		n := 0
		for _, w := range said {
			if isFunctionWord(language, w) {
				n++
			}
		}
		switch {
		case n > most:
			best, most, isTie = language, n, false
		case n == most:
			isTie = true
		}
	}
	if isTie || most < minLanguageWords || float64(most) < minLanguageShare*float64(len(said)) {
		return ""
	}
	return best
}

func isFunctionWord(language, folded string) bool {
	if r := foreign[language]; r != nil {
		return r.stopWords[folded]
	}
	return searchStopWords[folded]
}
