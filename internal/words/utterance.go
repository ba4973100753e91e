package words

import (
	"slices"
	"strings"
)

var (
	// backchannels show that a listener follows; they do not take the turn.
	backchannels = NewSet("uh huh mm mhm hm hmm mmm mmhm uhhuh um ah oh ok okay right yeah yep yes sure alright i see good great fine cool")
	// urgent words are meant for the agent, however short the utterance is.
	urgent = NewSet("stop wait no not hold hang help agent person human operator sorry excuse actually pardon cancel wrong " +
		"what why where when which how repeat again louder slower goodbye bye hello")
	// affirmations are the backchannels that answer a question with yes, and a few more.
	affirmations = NewSet("yes yeah yep sure ok okay right alright please fine good great")
	// timeRequests are the words with which callers ask for time.
	timeRequests = NewSet("hold hang on wait just one a sec second seconds moment minute give me for please sorry let")
	farewells    = NewSet("bye goodbye byebye")
)

// timeRequestPhrases tell a request for time from the same words in another order.
var timeRequestPhrases = []string{"hold on", "hang on", "wait a", "one second", "one moment", "one minute", "a second", "a sec", "a moment", "a minute"}

// IsBackchannel reports whether words said while the agent speaks only show that the
// caller listens (V. Yngve, "On getting a word in edgewise", 1970).
func IsBackchannel(text string) bool {
	said := Split(text)
	return len(said) <= 4 && !slices.ContainsFunc(said, saysSomething)
}

// saysSomething reports whether word is neither a backchannel nor noise.
func saysSomething(word string) bool { return !backchannels[word] && !noise[word] }

// IsUrgent reports whether a word of text is meant to stop the agent.
func IsUrgent(text string) bool { return urgent.HasAny(Split(text)) }

// MayBeNoise reports whether text may be a misrecognized backchannel or cough:
// no word is urgent, and at most one is neither a backchannel nor noise.
func MayBeNoise(text string) bool {
	n := 0
	for _, w := range Split(text) {
		switch {
		case urgent[w]:
			return false
		case saysSomething(w):
			n++
		}
	}
	return n <= 1
}

// IsRequestForTime reports whether the caller only asks for time: "hold on a second".
func IsRequestForTime(text string) bool {
	said := Split(text)
	for _, w := range said {
		if !timeRequests[w] && !backchannels[w] {
			return false
		}
	}
	all := " " + strings.Join(said, " ") + " "
	return slices.ContainsFunc(timeRequestPhrases, func(p string) bool { return strings.Contains(all, " "+p+" ") })
}

// IsAffirmation reports whether text, a backchannel, also answers a question with yes.
func IsAffirmation(text string) bool { return affirmations.HasAny(Split(text)) }

// IsGoodbye reports whether the caller ends the call: a short text that begins or ends
// with a farewell and does not ask anything.
func IsGoodbye(text string) bool {
	said := Split(text)
	if len(said) == 0 || len(said) > 8 || strings.Contains(text, "?") {
		return false
	}
	if farewells[said[0]] || farewells[said[len(said)-1]] {
		return true
	}
	all := strings.Join(said, " ")
	return strings.HasPrefix(all, "good bye") || strings.HasSuffix(all, "good bye") || strings.HasSuffix(all, "bye now")
}

var (
	people = NewSet("person human humans agent representative rep operator manager supervisor somebody someone colleague staff technician people " +
		"mensch menschen mitarbeiter mitarbeiterin jemand jemandem jemanden berater beraterin kollege kollegen kollegin vorgesetzten chef " +
		"personne humain conseiller conseillere responsable collegue quelquun operateur " +
		"persona humano agente encargado alguien operador companero asesor")
	// connecting verbs ask for somebody; wishes do so when the caller speaks of themselves.
	connecting = NewSet("talk talking speak speaking chat connect transfer put pass forward hand reach escalate get fetch " +
		"sprechen reden verbinden verbinde durchstellen geben holen parler passer passez joindre transferer transferez hablar pasar paseme comuniqueme pongame transferir")
	wishing  = NewSet("want need give prefer like let rather please mochte will brauche hatte bitte veux voudrais besoin prefere quiero necesito prefiero quisiera dame deme")
	ofMyself = NewSet("i id me my we us please ich mir mich uns bitte je moi jai nous quiero necesito prefiero quisiera me deme")
	asksFact = NewSet("is are was were does do did has have how what when where who why which ist sind wann wo wie wer hat haben est sont quand ou comment qui es son cuando donde como quien")

	callBackPhrases = []string{"call me back", "customer service", "transfer me", "connect me", "put me through",
		"rufen sie mich zuruck", "verbinden sie mich", "rappelez moi", "passez moi", "devuelvame la llamada", "llameme", "paseme"}
)

// IsRequestForPerson reports whether the words ask for a person or a call back, in English,
// German, French or Spanish: "can I talk to somebody", "agent please". A question about
// people, such as whether one must be at home, is no request.
func IsRequestForPerson(text string) bool {
	said := Split(Fold(text))
	all := " " + strings.Join(said, " ") + " "
	switch {
	case len(said) == 0 || refusals.HasAny(said):
		return false
	case slices.ContainsFunc(callBackPhrases, func(p string) bool { return strings.Contains(all, " "+p+" ") }):
		return true
	case !people.HasAny(said):
		return false
	case connecting.HasAny(said):
		return true
	case asksFact[said[0]]:
		return false
	}
	named := slices.DeleteFunc(slices.Clone(said), func(w string) bool { return courtesies[w] })
	return wishing.HasAny(said) && ofMyself.HasAny(said) || len(named) <= 2
}

// courtesies may stand beside the name of what the caller wants.
var courtesies = NewSet("please a an the real live your bitte einen eine den un une le la sil vous plait por favor una el")

var refusals = NewSet("no not dont never nein nicht kein keine keinen non pas nunca")

// leaveTaking are the words of callers who need nothing more.
var leaveTaking = NewSet("no nope nah thanks thank you bye goodbye that is all it thats nothing else more for now good have a nice day im am i " +
	"ok okay well great very much so then done finished set sorted " +
	"nein danke vielen das ist war alles nichts mehr tschuss auf wiederhoren wiedersehen schon " +
	"non merci au revoir cest tout rien d autre bonne journee ce sera " +
	"gracias adios nada mas es todo eso hasta luego")

// NeedsNothingMore reports whether all that the caller says is that they need nothing more:
// "no thanks, that's all", or goodbye.
func NeedsNothingMore(text string) bool {
	said := Split(Fold(text))
	return IsGoodbye(text) || len(said) > 0 && leaveTaking.HasAll(said)
}

// WithoutFarewell returns what a caller says besides goodbye: "yes please thanks" of "yes
// please, thanks, bye".
func WithoutFarewell(text string) string {
	said := slices.DeleteFunc(Split(text), func(w string) bool { return farewells[w] })
	joined := strings.Join(said, " ")
	for _, phrase := range []string{"good bye", "bye now"} {
		joined = strings.TrimSpace(strings.ReplaceAll(joined, phrase, ""))
	}
	return strings.TrimSuffix(joined, " now")
}
