package endpoint

import (
	"strings"

	"frontdesk/internal/words"
)

// kind is what a question wants to hear.
type kind int

const (
	none    kind = iota
	yesOrNo      // "Shall I open a ticket?"
	thing        // "Which colour?": a few words are a whole answer
	account      // "How can I help you?": "yes" only begins one
)

// asked is the last question in what the agent said, or its last sentence.
type asked struct {
	kind  kind
	words []string // normalised
}

var (
	refusals = words.NewSet("no nope not nothing that's it all thanks thank goodbye bye wait stop hold")
	pronouns = words.NewSet("i you he she it we they that this")
	// accounts are words of questions that want more than a thing named.
	accounts = words.NewSet("help happened happens wrong problem tell describe explain why do")
)

const wholeThing = 4 // words that may be all that names a thing

func newAsked(text string) asked {
	var a asked
	for rest := text; rest != ""; {
		i := strings.IndexAny(rest, ".!?")
		if i < 0 {
			i = len(rest) - 1
		}
		sentence, mark := words.Split(rest[:i+1]), rest[i]
		rest = rest[i+1:]
		switch {
		case len(sentence) == 0:
		case mark == '?':
			a = asked{questionKind(sentence), sentence}
		case a.kind == none:
			a = asked{none, sentence}
		}
	}
	return a
}

// questionKind judges by the last clause that begins like a question: "If it is broken,
// shall I…".
func questionKind(sentence []string) kind {
	for i, w := range sentence {
		rest := sentence[i:]
		switch {
		case i > 0 && !leadIns[sentence[i-1]] && !questionWords[w] && !invertedVerbs[w]:
		case invertedVerbs[w] && len(rest) > 2 && rest[1] == "you" && (orders[rest[2]] || accounts[rest[2]]):
			return account // "Could you tell me…"
		case invertedVerbs[w] && len(rest) > 1 && (pronouns[rest[1]] || determiners[rest[1]]):
			return yesOrNo
		case w == "why", w == "how" && !words.NewSet("many much long old often").HasAny(rest), questionWords[w] && accounts.HasAny(rest):
			return account
		case questionWords[w]:
			return thing
		}
	}
	return yesOrNo // "Anything else?"
}

// answered reports whether said, whose last word hangs or not, is a whole answer.
func (a asked) answered(said []string, hangs bool) bool {
	last := said[len(said)-1]
	if len(said) > wholeThing || words.Hesitations[last] {
		return false
	}
	switch {
	case a.kind == yesOrNo && len(said) > 1 && pronouns[said[len(said)-2]] && invertedVerbs[last]:
		return true // "yes it is"
	case hangs:
		return false
	case a.kind == account:
		return answers.HasAll(said) && refusals.HasAny(said)
	case a.kind == thing && !thingsWithNumbers.HasAny(a.words) && !phones.HasAny(a.words) && !mails.HasAny(a.words):
		return !determiners[last] && !pronouns[said[0]]
	}
	return answers.HasAll(said)
}
