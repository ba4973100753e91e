package words

import (
	"strings"

	"github.com/kljensen/snowball/english"
)

// Stop words and synonyms exist twice, because two steps of answering a question weigh
// words differently: the search of the knowledge base must find every page that may help,
// the choice of an answer must tell the sentences of those pages apart.

// searchStopWords say nothing about the topic of a page: the words that callers wrap
// questions in, and the digits of numbers they read out. Words such as "not", "open" or
// "back" tell pages apart and are not in it. Its words have no apostrophes; see Fold.
var searchStopWords = NewSet(`a about actually after all already also am an and any anybody anyone are arent as at be been
	being but by can cant could couldnt did didnt do does doesnt doing done dont ever everything for from get gets
	getting give go going good got guys had has hasnt have havent having hello help her here hey hi him his how i id if
	ill im in into is isnt it its ive just keep keeps know last let lets like maybe me mine my need never no now of oh ok
	okay on or our over please question questions re really right say says she should so some somebody someone
	something sorry still sure tell thank thanks that thats the their them then there theres these they thing things
	this those to today too uh uhm um us very want wanted was wasnt way we well went were what whats when where wheres
	which while who whom whose why will with wont would wouldnt yeah yes yet you your youre
	zero one two three four five six seven eight nine ten`)

// searchSynonyms replaces words of callers by those of pages, before stemming.
var searchSynonyms = map[string]string{
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

// AnswerStopWords say nothing about what a question wants to know.
var AnswerStopWords = NewSet(`a about after again all also am an and any anybody anyone are as at be because been before being but
	by can could did do does doing done for from get give given go going good got had has have having hello help her here
	hey hi him his how i if in into is it its just know last let like ll make many maybe me mine much my need no not now of off
	oh ok okay on once one only or other our out over please question really right s say says she should since so some
	somebody someone something still sure take tell than thank thanks that the their them then there these they thing
	things think this those to too two until up us use very want wanted was way we were what when where which while who
	whom whose why will with would yeah yes yet you your first second third exactly kind sort possible able ask asking
	wondering wonder bit long happen happens happened today currently`)

// answerSynonyms maps what callers say and what pages write to one term.
var answerSynonyms = synonyms(
	"price cost costs fee fees expensive cheap",
	"order orders ordered buy bought purchase purchased purchases",
	"cancel cancelled canceled cancelling canceling cancellation quit terminate unsubscribe",
	"subscription subscribe subscribed membership member plan",
	"ship shipping shipped shipment deliver delivery delivered delivering send sent postage",
	"package parcel box packet",
	"broken broke damage damaged defective faulty crushed smashed cracked dented",
	"login log logging sign signin",
	"store stores shop shops branch location locations",
	"open opens opening hours close closes closing closed shut shuts",
	"invoice receipt bill",
	"email inbox mail",
	"refund refunded refunds reimburse reimbursed",
	"return returned returning returns",
	"replacement replace replaced swap",
	"crash crashes crashed crashing freezes",
	"recognize recognise unknown unrecognized",
	"phone mobile cellphone telephone handset",
	"wifi internet",
	"twice double duplicate",
	"forgot forgotten forget",
	"update updated change changed changing edit modify",
	"work working works",
	"moved moving move",
	"lose lost losing",
	"start begin begins beginning starting",
	"guarantee warranty",
	"coupon voucher code promo",
	"card visa mastercard",
)

// synonyms maps all words of a list to the stem of its first one.
func synonyms(lists ...string) map[string]string {
	out := make(map[string]string)
	for _, list := range lists {
		same := strings.Fields(list)
		for _, w := range same {
			out[w] = english.Stem(same[0], true)
		}
	}
	return out
}

// maxStemmed is how long a word may be, in bytes, that SearchTerm stems.
const maxStemmed = 64

// SearchTerm returns the term that a folded word has in a search index, or "" if it is a
// stop word.
func SearchTerm(word string) string {
	if searchStopWords[word] || len(word) > maxStemmed {
		return ""
	}
	if synonym, ok := searchSynonyms[word]; ok {
		word = synonym
	}
	return english.Stem(word, true)
}

// AnswerTerm returns the term that a lower-case word has when answers are compared with a
// question, or "" if it is a stop word.
func AnswerTerm(word string) string {
	if AnswerStopWords[word] {
		return ""
	}
	if term, ok := answerSynonyms[word]; ok {
		return term
	}
	return english.Stem(word, true)
}
