package understanding

import (
	"math"
	"regexp"
	"strings"

	"frontdesk/internal/words"
)

// The lexicon has folded words of four languages, with how strongly they tell how callers feel.
// Words for what callers need help with, such as "broken", count little: they are why people
// call.
var sentiments = lexicon(map[float64]string{
	-3: `stinksauer outrageous disgusting disgrace hate furious scam fraud disaster idiots idiot incompetent appalling atrocious worst
		unverschamt unverschamtheit frechheit katastrophe wutend hasse betrug betruger idioten unfahig schande
		scandaleux scandale honteux honte furieux furieuse arnaque deteste incompetents catastrophe catastrophique
		vergonzoso verguenza furioso furiosa estafa odio desastre inutiles asqueroso incompetentes`,
	-2: `joke angry terrible awful horrible unacceptable useless ridiculous annoyed annoying frustrated frustrating disappointed disappointing upset rubbish pathetic unhelpful fed lousy rude sick
		reicht sauer argerlich argere verargert schrecklich furchtbar inakzeptabel nutzlos lacherlich enttauscht enttauschend frustriert frustrierend mies unmoglich genervt nervt unfreundlich unzumutbar schlimm
		fache fachee enerve enervee enervant inadmissible inacceptable nul nulle ridicule decu decue decevant frustre frustrant terrible horrible affreux marre lamentable
		enfadado enfadada enojado enojada inaceptable inutil ridiculo decepcionado decepcionada decepcionante frustrado frustrante harto harta pesimo pesima horrible fatal molesto lamentable`,
	-1: `bad slow worried unhappy confusing confused poor complain complaint unfortunately badly wrong late waste sad
		schlecht langsam unzufrieden besorgt verwirrend beschwerde beschweren traurig argern falsch
		mauvais mauvaise lent mecontent mecontente inquiet inquiete plainte reclamation triste deçu
		mal malo mala lento preocupado preocupada queja reclamacion descontento descontenta insatisfecho triste`,
	-0.35: `problem problems broken issue error failed never missing lost kaputt fehler defekt problem nie verloren probleme casse panne jamais perdu roto averiado problema nunca perdido`,
	1: `good fine nice thanks thank helpful well kind cheers glad clear easy quick
		gut nett danke dank hilfreich freundlich schnell einfach zufrieden froh
		bien bon bonne merci gentil gentille utile rapide facile content contente
		bien bueno buena gracias amable util rapido facil contento contenta`,
	2: `great excellent happy wonderful perfect love pleased awesome brilliant fantastic lovely appreciate amazing
		super toll prima perfekt wunderbar grossartig freue klasse ausgezeichnet begeistert glucklich
		parfait excellent excellente genial geniale formidable super ravi ravie heureux heureuse magnifique adore
		perfecto excelente genial estupendo maravilloso encantado encantada feliz fantastico`,
})

var (
	negations = words.NewSet(`not no nein non never isnt dont doesnt didnt wasnt arent cant cannot nothing without hardly nicht kein keine keinen nie niemals pas jamais sans nada sin ni nunca ningun`)
	strong    = words.NewSet(`very really so extremely absolutely completely totally utterly too sehr wirklich so total absolut vollig echt extrem tres vraiment tellement completement totalement trop muy realmente tan totalmente completamente demasiado`)
	weak      = words.NewSet(`bit little slightly somewhat etwas bisschen wenig peu legerement poco algo`)
)

// gratitude are words that mean nothing after a negation: "no thanks".
var gratitude = words.NewSet(`thanks thank danke dank merci gracias`)

// greeting matches words that count elsewhere.
var greeting = regexp.MustCompile(`\bgood (?:morning|afternoon|evening|day)\b|\b(?:buen|buenos) dias?\b`)

const (
	negationReach = 3    // words before a word of the lexicon
	closeReach    = 2    // before a strong negative word: "it is not here, what a disgrace" negates nothing
	negated       = -0.6 // "not good" is less bad than "bad"
	strengthened  = 1.5
	weakened      = 0.6
	halfway       = 4 // the square of the sum of weights that makes a sentiment of 0.7
)

func lexicon(lists map[float64]string) map[string]float64 {
	out := make(map[string]float64)
	for weight, list := range lists {
		for w := range strings.FieldsSeq(list) {
			if before, ok := out[words.Fold(w)]; !ok || math.Abs(weight) > math.Abs(before) {
				out[words.Fold(w)] = weight
			}
		}
	}
	return out
}

// Sentiment returns how a caller feels, from -1, very bad, to 1, very good; 0 is neutral.
func Sentiment(text string) float64 {
	said := words.Split(greeting.ReplaceAllString(folded(words.Clip(text, maxText)), ""))
	sum := 0.0
	for i, w := range said {
		weight, ok := sentiments[w]
		if !ok {
			continue
		}
		isNegated, reach := false, negationReach
		if weight <= -2 {
			reach = closeReach
		}
		for j := i - 1; j >= max(0, i-negationReach); j-- {
			switch {
			case negations[said[j]]:
				isNegated = isNegated || j >= i-reach // "no … nada" negates once
			case strong[said[j]] && j >= i-2:
				weight *= strengthened
			case weak[said[j]] && j >= i-2:
				weight *= weakened
			}
		}
		switch {
		case isNegated && gratitude[w]:
			weight = 0
		case isNegated:
			weight *= negated
		}
		sum += weight
	}
	return math.Round(100*sum/math.Sqrt(sum*sum+halfway)) / 100
}
