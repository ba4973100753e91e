package endpoint

import (
	"strings"

	"frontdesk/internal/words"
)

// questionKind is the kind of answer that a question wants.
type questionKind int

const (
	notAQuestion     questionKind = iota
	wantsYesOrNo                  // "Shall I open a ticket?"
	wantsThing                    // "Which colour?": a few words are a complete answer
	wantsExplanation              // "How can I help you?": "yes" is only the beginning of an answer
)

// agentQuestion is the last question of what the agent said, or else its last sentence.
type agentQuestion struct {
	kind  questionKind
	words []string
}

const maxThing = 4 // words of an answer that names a thing

// parseQuestion finds the last question in what the agent said.
func parseQuestion(text string) agentQuestion {
	var q agentQuestion
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
			q = agentQuestion{kindOf(sentence), sentence}
		case q.kind == notAQuestion:
			q = agentQuestion{notAQuestion, sentence}
		}
	}
	return q
}

// kindOf judges a question by its first clause that begins like a question: "If it is
// broken, shall I…".
func kindOf(sentence []string) questionKind {
	for i, w := range sentence {
		rest := sentence[i:]
		switch {
		case i > 0 && !leadIns[sentence[i-1]] && !questionWords[w] && !auxiliaries[w]:
		case auxiliaries[w] && len(rest) > 2 && rest[1] == "you" && (imperatives[rest[2]] || explanations[rest[2]]):
			return wantsExplanation // "Could you tell me…"
		case auxiliaries[w] && len(rest) > 1 && (pronouns[rest[1]] || determiners[rest[1]]):
			return wantsYesOrNo
		case w == "why", w == "how" && !quantities.HasAny(rest), questionWords[w] && explanations.HasAny(rest):
			return wantsExplanation
		case questionWords[w]:
			return wantsThing
		}
	}
	return wantsYesOrNo // "Anything else?"
}

// isAnsweredBy reports whether said is a complete answer. isOpen says that its last word
// can hardly be the last one.
func (q agentQuestion) isAnsweredBy(said []string, isOpen bool) bool {
	last := said[len(said)-1]
	if len(said) > maxThing || words.Hesitations[last] {
		return false
	}
	switch {
	case q.kind == wantsYesOrNo && len(said) > 1 && pronouns[said[len(said)-2]] && auxiliaries[last]:
		return true // "yes it is"
	case isOpen:
		return false
	case q.kind == wantsExplanation:
		return answers.HasAll(said) && refusals.HasAny(said)
	case q.kind == wantsThing && !numbered.HasAny(q.words) && !phones.HasAny(q.words) && !mails.HasAny(q.words):
		return !determiners[last] && !pronouns[said[0]]
	}
	return answers.HasAll(said)
}
