package tools

import (
	"strings"
	"unicode"

	"github.com/kljensen/snowball/english"
	"golang.org/x/text/unicode/norm"
)

// stopWords carry no topic: what callers wrap questions in, and the digits of the
// numbers they read out. Words such as "not", "open" or "back" tell pages apart and
// stay. Apostrophes are gone when they are looked up.
var stopWords = words(`a about actually after all already also am an and any anybody anyone are arent as at be been
	being but by can cant could couldnt did didnt do does doesnt doing done dont ever everything for from get gets
	getting give go going good got guys had has hasnt have havent having hello help her here hey hi him his how i id if
	ill im in into is isnt it its ive just keep keeps know last let lets like maybe me mine my need never no now of oh ok
	okay on or our over please question questions re really right say says she should so some somebody someone
	something sorry still sure tell thank thanks that thats the their them then there theres these they thing things
	this those to today too uh uhm um us very want wanted was wasnt way we well went were what whats when where wheres
	which while who whom whose why will with wont would wouldnt yeah yes yet you your youre
	zero one two three four five six seven eight nine ten`)

// sameWords are what callers say for what pages write, before stemming.
var sameWords = map[string]string{
	"parcel": "package", "box": "package", "cancelled": "cancel", "cancellation": "cancel", "canceled": "cancel",
	"cancelling": "cancel", "broken": "damage", "broke": "damage", "bill": "invoice", "receipt": "invoice",
	"cost": "price", "costs": "price", "much": "price", "expensive": "price", "shop": "store", "shops": "store",
	"holidays": "holiday", "bought": "buy", "purchased": "buy", "purchase": "order", "purchases": "order",
	"sent": "send", "shipped": "ship", "shipping": "ship", "shipment": "ship",
	"paid": "pay", "payment": "pay", "payments": "pay", "lost": "lose", "forgot": "forget", "forgotten": "forget",
	"login": "log", "signin": "log", "broadband": "internet", "wifi": "internet", "cellphone": "phone", "mobile": "phone",
	"membership": "member", "members": "member", "subscription": "subscribe", "stolen": "steal", "hours": "open",
	"closes": "close", "closing": "close", "took": "take", "taken": "take", "arrived": "arrive", "fee": "price",
	"fees": "price", "replacement": "replace", "emails": "email",
}

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// analyzer turns text into terms, the same for pages and for questions. It keeps
// the stems it has found, for stemming is slow. Not safe for concurrent use.
type analyzer struct{ stems map[string]string }

// maxStems bounds what an analyzer keeps; a large vocabulary of pages has fewer.
const maxStems = 200_000

// terms appends to dst the stems of text's words in order, without stop words. A
// term holds letters and digits only, so it can stand in a query as it is.
func (a *analyzer) terms(dst []string, text string) []string {
	text = strings.ReplaceAll(fold(text), "e-mail", "email")
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if stem := a.stem(word); stem != "" {
			dst = append(dst, stem)
		}
	}
	return dst
}

// stem is the term of a lower-case word, "" for a stop word.
func (a *analyzer) stem(word string) string {
	if s, ok := a.stems[word]; ok {
		return s
	}
	s := ""
	if !stopWords[word] && len(word) <= 64 {
		if same, ok := sameWords[word]; ok {
			s = english.Stem(same, true)
		} else {
			s = english.Stem(word, true)
		}
	}
	if a.stems == nil || len(a.stems) >= maxStems {
		a.stems = make(map[string]string)
	}
	a.stems[strings.Clone(word)] = s
	return s
}

// fold is text in lower case without accents and apostrophes, so that "Café's" and
// "cafes" meet.
func fold(text string) string {
	plain := true
	for i := range len(text) {
		if text[i] >= 0x80 {
			plain = false
			break
		}
	}
	if !plain {
		text = norm.NFKD.String(text)
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '’' || r == '‘' || unicode.Is(unicode.Mn, r):
			return -1
		default:
			return unicode.ToLower(r)
		}
	}, text)
}
