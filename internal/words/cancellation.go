package words

import (
	"slices"
	"strings"
)

var (
	// politeWords may stand around a cancellation without changing it.
	politeWords = NewSet("please ok okay oh no actually well just then sorry thanks you know what " +
		"bitte ach nein doch dann danke non alors merci sil vous plait por favor pues entonces gracias")

	cancellations = newPhrases("cancel", "cancel it", "cancel that", "cancel this", "never mind", "nevermind", "never mind that",
		"stop looking", "stop searching", "stop that", "stop it", "forget it", "forget that", "forget about it", "forget about that",
		"dont bother", "leave it", "dont look it up",
		"abbrechen", "brechen sie ab", "brechen sie das ab", "vergessen sie es", "vergessen sie das", "vergiss es", "lassen sie es",
		"lassen sie das", "suchen sie nicht weiter", "horen sie auf zu suchen", "schon gut", "nicht mehr notig", "das ist nicht mehr notig",
		"annulez", "annulez cela", "annulez ca", "laissez tomber", "oubliez", "oubliez cela", "oubliez ca", "arretez de chercher",
		"arretez cela", "arretez ca", "ce nest plus la peine", "cest plus la peine",
		"cancele", "cancelelo", "cancele eso", "dejelo", "olvidelo", "no busque mas", "deje de buscar", "ya no hace falta")
)

// newPhrases returns the set of phrases without their polite words.
func newPhrases(phrases ...string) Set {
	set := make(Set)
	for _, p := range phrases {
		set[withoutPoliteWords(p)] = true
	}
	return set
}

func withoutPoliteWords(text string) string {
	said := slices.DeleteFunc(Split(Fold(text)), func(w string) bool { return politeWords[w] })
	return strings.Join(said, " ")
}

// IsCancellation reports whether all that the caller says is that they no longer want what is
// being done, in English, German, French or Spanish: "never mind", "cancel that, please". It
// is strict: "cancel my order" is another request.
func IsCancellation(text string) bool { return cancellations[withoutPoliteWords(text)] }
