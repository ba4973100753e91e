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
// yes is a consent: "yes, but to another address" is not.
func Approve(tool string, arguments json.RawMessage, answer string, turns int) *Approval {
	if turns < 1 || turns > recentTurns || AnswerIn(answer) != Yes {
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

// AnswerIn reads the answer to a question that yes or no answers, in English, German, French
// and Spanish.
func AnswerIn(text string) Answer {
	said := words.Split(words.Fold(text))
	all := " " + strings.Join(said, " ") + " "
	agrees := slices.ContainsFunc(agreeingPhrases, func(p string) bool { return strings.Contains(all, " "+p+" ") })
	isPlain := true
	for _, w := range said {
		switch {
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
