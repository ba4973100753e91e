package words

import (
	"maps"
	"slices"
	"strings"
)

// Lexicon turns the words of one language into terms, so that a question and the page that
// answers it have the same ones: it leaves out stop words and replaces synonyms and inflected
// forms. The zero Lexicon is the English one.
type Lexicon struct{ foreign *foreignRules }

// foreignRules make terms of words in another language than English. They serve the search and
// the choice of an answer alike.
type foreignRules struct {
	stopWords Set
	suffixes  []string          // longest first
	synonyms  map[string]string // by stem
}

// LexiconOf returns the lexicon of a BCP 47 language, the English one if it has none.
func LexiconOf(language string) *Lexicon { return &Lexicon{foreign[Language(language)]} }

var foreign = map[string]*foreignRules{
	"de": newForeignRules(germanStopWords, germanSuffixes, germanSynonyms),
	"fr": newForeignRules(frenchStopWords, frenchSuffixes, frenchSynonyms),
	"es": newForeignRules(spanishStopWords, spanishSuffixes, spanishSynonyms),
}

// newForeignRules returns rules from lists of words without accents. All words of a list of
// synonyms have the same term.
func newForeignRules(stopWords, suffixes string, synonyms []string) *foreignRules {
	r := &foreignRules{stopWords: NewSet(stopWords), suffixes: strings.Fields(suffixes), synonyms: make(map[string]string)}
	slices.SortStableFunc(r.suffixes, func(a, b string) int { return len(b) - len(a) })
	for _, list := range synonyms {
		same := strings.Fields(list)
		for _, w := range same {
			r.synonyms[withoutSuffix(w, r.suffixes)] = withoutSuffix(same[0], r.suffixes)
		}
	}
	return r
}

// foldForeign is Fold for languages in which an apostrophe ends a word, as in "l'article", and
// ß is written as ss.
func foldForeign(text string) string {
	return strings.ReplaceAll(Fold(apostrophes.Replace(text)), "ß", "ss")
}

var apostrophes = strings.NewReplacer("'", " ", "’", " ", "‘", " ")

// minStem is how many bytes of a word remain without its suffix: "Tag" and "Tage" meet.
const minStem = 3

// withoutSuffix returns word without the first of the suffixes that it ends with. Stemmers that
// only remove suffixes come close to those with more rules (J. Savoy, "Light stemming approaches
// for the French, Portuguese, German and Hungarian languages", 2006). Snowball's keep
// "ouvrons" and "ouvrez", and "abrimos" and "abren", apart; with these, pages and callers
// speak of the same thing.
func withoutSuffix(word string, suffixes []string) string {
	for _, s := range suffixes {
		if len(word) >= len(s)+minStem && strings.HasSuffix(word, s) {
			return word[:len(word)-len(s)]
		}
	}
	return word
}

// term returns the term of a folded word, or "" if it is a stop word.
func (r *foreignRules) term(word string) string {
	if r.stopWords[word] || len(word) > maxStemmed {
		return ""
	}
	stem := withoutSuffix(word, r.suffixes)
	if synonym, ok := r.synonyms[stem]; ok {
		return synonym
	}
	return stem
}

// Fold returns text as SearchTerm expects its words: in lower case, without accents.
func (l *Lexicon) Fold(text string) string {
	if l.foreign == nil {
		return Fold(text)
	}
	return foldForeign(text)
}

// Known returns the words that the lexicon has by themselves: stop words and synonyms, folded.
func (l *Lexicon) Known() []string {
	stop, synonyms := searchStopWords, searchSynonyms
	if l.foreign != nil {
		stop, synonyms = l.foreign.stopWords, l.foreign.synonyms
	}
	return append(slices.Sorted(maps.Keys(stop)), slices.Sorted(maps.Keys(synonyms))...)
}

// SearchTerm returns the term that a folded word has in a search index, or "" if it is a
// stop word.
func (l *Lexicon) SearchTerm(word string) string {
	if l.foreign == nil {
		return SearchTerm(word)
	}
	return l.foreign.term(word)
}

// AppendAnswerTerms appends the different terms that plain text, lower-case words between spaces,
// has when answers are compared with a question. English numbers become digits, so that
// "nineteen" equals "19".
func (l *Lexicon) AppendAnswerTerms(dst []string, plain string) []string {
	if l.foreign != nil {
		plain = foldForeign(plain)
	}
	for w := range strings.FieldsSeq(plain) {
		t := ""
		if l.foreign != nil {
			t = l.foreign.term(w)
		} else if t = SpokenDigits(w); t == "" || AnswerStopWords[w] {
			t = AnswerTerm(w)
		}
		if t != "" && !slices.Contains(dst, t) {
			dst = append(dst, t)
		}
	}
	return dst
}
