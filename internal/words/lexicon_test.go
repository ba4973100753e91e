package words

import (
	"slices"
	"testing"
)

func TestFormsOfAWordHaveOneTerm(t *testing.T) {
	for language, groups := range map[string][]string{
		"de-AT": {"öffnen öffnet geöffnet Öffnungszeiten", "schließen schließt geschlossen", "Läden Laden", "Samstag samstags", "Gerät Geräte"},
		"fr":    {"ouvrez ouvrons ouvrent ouverts", "fermés fermons ferme", "livrez livrons livraison", "remboursé remboursons", "l'article d'articles"},
		"es-MX": {"abren abrimos abierto", "cierra cerramos cerradas", "envían envíos", "devolver devuelven devoluciones", "sábado sábados"},
		"en":    {"open opens hours", "shipped shipping"},
	} {
		l := LexiconOf(language)
		for _, group := range groups {
			var terms []string
			for _, w := range Split(l.Fold(group)) {
				if term := l.SearchTerm(w); term != "" && !slices.Contains(terms, term) {
					terms = append(terms, term)
				}
			}
			if len(terms) != 1 {
				t.Errorf("%s: %s has the terms %q", language, group, terms)
			}
		}
	}
}

func TestQuestionWordsHaveNoTerm(t *testing.T) {
	for language, said := range map[string]string{
		"de": "wann können sie mir bitte wie viel", "fr": "est-ce que vous pouvez s'il vous plaît quand", "es": "cuándo puede usted por favor qué",
		"en": "what would you please",
	} {
		l := LexiconOf(language)
		for _, w := range Split(l.Fold(said)) {
			if term := l.SearchTerm(w); term != "" {
				t.Errorf("%s: %q has the term %q", language, w, term)
			}
		}
	}
}

func TestStopWordsAreFolded(t *testing.T) {
	for language, r := range foreign {
		for w := range r.stopWords {
			if foldForeign(w) != w {
				t.Errorf("%s: the stop word %q would never be met", language, w)
			}
		}
		for w, s := range r.synonyms {
			if foldForeign(w) != w || foldForeign(s) != s {
				t.Errorf("%s: the synonym %q of %q would never be met", language, w, s)
			}
		}
	}
}

func TestAnswerTerms(t *testing.T) {
	for language, c := range map[string]struct {
		plain string
		want  []string
	}{
		"en": {"how much are nineteen cheap lamps lamp", []string{"19", "price", "lamp"}},
		"de": {"was kostet die lampe die lampen", []string{"kost", "lamp"}},
		"fr": {"combien coûte l'article", []string{"prix", "articl"}},
		"pl": {"lamps", []string{"lamp"}},
	} {
		if got := LexiconOf(language).AppendAnswerTerms(nil, c.plain); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", language, got, c.want)
		}
	}
}
