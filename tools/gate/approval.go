package gate

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// Approval is the caller's consent to one call.
type Approval struct{ digest [sha256.Size]byte }

// Approve returns the caller's consent to a call, or nil. answer is what the caller said
// in the turn after the question, or in the one after that (turns is 1 or 2). Only a plain
// yes is a consent: "yes, but to another address" is not. "Yes, close it" is one if the
// question was about closing.
func Approve(tool string, arguments json.RawMessage, question, answer string, turns int) *Approval {
	if turns < 1 || turns > recentTurns || answerTo(question, answer) != Yes {
		return nil
	}
	return &Approval{digest: digest(tool, arguments)}
}

// covers reports whether the caller agreed to exactly this call.
func (a *Approval) covers(tool string, arguments json.RawMessage) bool {
	return a != nil && a.digest == digest(tool, arguments)
}

// Answer is what a caller answers to a question for consent.
type Answer int

const (
	Unclear Answer = iota
	Yes
	No
)

// The words are folded: without accents and apostrophes.
var (
	agreement = words.NewSet(`yes yeah yep yup sure ok okay correct right exactly absolutely definitely certainly agreed affirmative fine confirmed
		ja jawohl genau richtig gerne gern einverstanden klar naturlich stimmt
		oui ouais exact exactement entendu volontiers
		si claro vale correcto exacto perfecto`)
	agreeingPhrases = []string{
		"go ahead", "please do", "do it", "do that", "of course", "that is right", "thats right", "sounds good", "uh huh", "mm hm",
		"auf jeden fall", "machen sie das", "bitte", "d accord", "daccord", "bien sur", "allez y", "de acuerdo", "por supuesto", "adelante",
		"hagalo", "please",
	}
	// courtesies may stand beside an agreement.
	courtesies = words.NewSet(`please thanks thank you very much do it that thats go ahead is sounds good perfect great the a i would like want of
		course uh huh um er well so and all looks just now oh ah hm mm alright lovely wonderful
		bitte danke das ist vielen dank mach machen sie so sehr gut auf jeden fall
		merci s il sil vous plait c est cest allez y faites le d accord daccord tres bien sur parfait
		por favor gracias eso es hagalo de acuerdo muy bueno adelante supuesto esta`)
	refusal = words.NewSet(`no nope nah not never dont wrong stop cancel wait incorrect false
		nein nicht nee falsch stopp kein keine
		non pas faux jamais
		nunca tampoco incorrecto`)
)

// actions are beginnings of words that name the same action, one group a line. An answer may
// repeat the action of its question in other words of the group.
var actions = strings.Split(`open creat mak file anleg legen eroffn erstell ouvr cre abr crea
close closing schlie ferm cerr cierr
refund erstatt rembours reembols
cancel stornier annul
send schick envo envi
change chang set
add note notier hinzu ajout anad anot
book buch reserv
ticket tique
colleague person kolleg menschen collegue companero
end hang call beend termin`, "\n")

// fillersOfActions may stand beside the action in an answer.
var fillersOfActions = words.NewSet("for me now up one ein eine den dem es an un une el lo la le les")

// repeatsAction reports whether a word of an answer names an action of the question.
func repeatsAction(word string, question []string) bool {
	return slices.ContainsFunc(actions, func(group string) bool {
		names := strings.Fields(group)
		isOfGroup := func(w string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(w, name) })
		}
		return isOfGroup(word) && slices.ContainsFunc(question, isOfGroup)
	})
}

// idioms hold a refusing word and refuse nothing. They agree to nothing either.
var idioms = strings.NewReplacer(" no problem ", " thanks ", " not a problem ", " thanks ", " why not ", " thanks ", " kein problem ", " thanks ",
	" warum nicht ", " thanks ", " pas de probleme ", " thanks ", " pourquoi pas ", " thanks ", " no hay problema ", " thanks ", " por que no ", " thanks ")

// AnswerIn reads the answer to a question that yes or no answers, in English, German, French
// and Spanish.
func AnswerIn(text string) Answer { return answerTo("", text) }

// answerTo reads the answer to a question.
func answerTo(question, text string) Answer {
	asked := words.Split(words.Fold(question))
	said := strings.Fields(idioms.Replace(" " + strings.Join(words.Split(words.Fold(text)), " ") + " "))
	all := " " + strings.Join(said, " ") + " "
	agrees := slices.ContainsFunc(agreeingPhrases, func(p string) bool { return strings.Contains(all, " "+p+" ") })
	isPlain := true
	for _, w := range said {
		switch {
		case repeatsAction(w, asked), question != "" && fillersOfActions[w]:
		case refusal[w]:
			return No
		case agreement[w]:
			agrees = true
		case !courtesies[w]:
			isPlain = false
		}
	}
	if agrees && isPlain {
		return Yes
	}
	return Unclear
}
