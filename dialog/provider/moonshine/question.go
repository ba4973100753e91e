package moonshine

import (
	"slices"
	"strings"

	"frontdesk/internal/words"
)

// question is what the agent asked last.
type question struct {
	context string   // words that answers are likely after, or ""
	isYesNo bool     // yes or no answers it
	answers []answer // other short answers
}

var (
	// numberWords and spellingWords in a question ask for a number or for a spelled word.
	numberWords   = words.NewSet("number numbers code digit digits pin")
	spellingWords = words.NewSet("spell spelled spelling email")
	// auxiliaries begin questions that are answered with yes or no.
	auxiliaries = words.NewSet(`is are am was were do does did can could will would shall should have has had may isn't aren't don't
		doesn't didn't can't won't wouldn't shouldn't haven't hasn't`)
	// assents are the answers to them.
	assents = words.NewSet("yes yeah yep no nope sure okay right correct exactly")
)

const (
	choiceWords   = 3  // on either side of "or" that may be an answer
	longestChoice = 40 // bytes; more cannot be said within longestAnswer
)

// ask returns what the last sentence of the agent's reply asks for.
func (v *Vocabulary) ask(reply string) (q question) {
	start := strings.LastIndexAny(strings.TrimRight(reply, ".!? "), ".!?") + 1
	said := words.Split(reply[start:])
	if len(said) == 0 {
		return q
	}
	switch {
	case numberWords.HasAny(said):
		q.context = "number is"
	case spellingWords.HasAny(said):
		q.context = "email is"
	}
	if !strings.HasSuffix(strings.TrimSpace(reply), "?") {
		return q
	}
	if i := slices.Index(said, "or"); i > 0 {
		for n := range choiceWords {
			q.addChoice(v.tokenizer, said[max(0, i-1-n):i])
			q.addChoice(v.tokenizer, said[i+1:min(len(said), i+2+n)])
			q.addChoice(v.tokenizer, said[max(i+1, len(said)-1-n):])
		}
		return q
	}
	q.isYesNo = auxiliaries[said[0]]
	return q
}

// addChoice adds an answer, unless it is empty, long or known already.
func (q *question) addChoice(t *tokenizer, choice []string) {
	text := strings.Join(choice, " ")
	if text != "" && len(text) <= longestChoice && !slices.ContainsFunc(q.answers, func(a answer) bool { return a.words == text }) {
		q.answers = append(q.answers, newAnswer(t, text))
	}
}

// asksFor reports whether a is one of the answers to the question.
func (q *question) asksFor(a answer) bool {
	if q.isYesNo {
		first, _, _ := strings.Cut(a.words, " ")
		return assents[first]
	}
	return slices.ContainsFunc(q.answers, func(b answer) bool { return a.words == b.words })
}
