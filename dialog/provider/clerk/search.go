package clerk

import (
	"regexp"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

const maxQuery = 300 // bytes of a search

// passage is a result of search_knowledge.
type passage struct {
	Page    string  `json:"page"`
	Heading string  `json:"heading"`
	Text    string  `json:"text"`
	Score   float64 `json:"score"`
}

var (
	// followUp matches a question that continues the previous one.
	followUp = regexp.MustCompile(`^(?:(?:okay|ok|and|so|but|thanks|thank you|great|right) )*(?:what about|how about|and)\b|^(?:and|or) `)
	// pronoun refers to something said before.
	pronoun = regexp.MustCompile(`\b(?:it|them|that|those|one)\b`)
	// trouble matches words that say that something is wrong.
	trouble = regexp.MustCompile(`\b(?:stopped|not working|does not|do not work|did not|is not|was not|will not|can not|broken|broke|crash\w*|leak\w*|damaged|freez\w*|frozen|never|wrong|missing|lost|error|fail\w*|problem|issue|locked|charged|still|flicker\w*|jam\w*|stuck|dead|slow|faulty|defective|twice|overcharged|keeps|stolen|cracked|noise|noisy|smells?|overheat\w*|disconnect\w*|drops?|blinks?|blinking|trouble)\b`)
	// offersTicket matches a page that suggests a ticket.
	offersTicket = regexp.MustCompile(`(?i)\b(?:ticket|tickets)\b`)
)

// search searches the knowledge base and answers from the results.
func (r *responder) search(st *state, u utterance) []part { return r.searchFor(st, u, "") }

// searchFor is search, but looks for topic if that is not "".
func (r *responder) searchFor(st *state, u utterance, topic string) []part {
	asked := reword(u.plain)
	context := "" // from the previous question
	if n := len(terms(r.lexicon, asked)); n <= 3 && followUp.MatchString(asked) || n <= 1 && pronoun.MatchString(asked) || n == 0 {
		context = carryOver(st.query, asked)
	}
	st.query = strings.TrimSpace(context + " " + asked)
	if topic != "" {
		st.query = topic
	}
	st.topic = u.text
	if !r.hasTool[searchKnowledge] {
		return r.tell(r.phrases.unknown, r.ticketQuestion())
	}
	query := call(searchKnowledge, map[string]string{"query": words.Clip(st.query, maxQuery)})
	return []part{{isAnswer: true, call: query, respond: func(st *state, result tools.Result) statement {
		if result.Failed {
			return statement{text: r.phrases.failed, question: r.ticketQuestion()}
		}
		var found struct{ Passages []passage }
		decodeOutput(result, &found)
		return r.tellAnswer(st, u, chooseAnswer(r.lexicon, asked, context, found.Passages))
	}}}
}

var weekday = regexp.MustCompile(`\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tonight|tomorrow)\b`)

// carryOver returns the part of the previous question that a follow-up refers to: all of
// it, but not its day if the follow-up names one.
func carryOver(before, asked string) string {
	if weekday.MatchString(asked) {
		before = weekday.ReplaceAllString(before, " ")
	}
	return strings.Join(strings.Fields(before), " ")
}

// tellAnswer returns what to say with an answer, and counts failures in a row.
func (r *responder) tellAnswer(st *state, u utterance, a pageAnswer) statement {
	if a.text == "" {
		if st.failures++; st.failures > 1 {
			return statement{text: r.phrases.unknown, question: r.personQuestionOr(r.ticketQuestion())}
		}
		return statement{text: r.phrases.unknown, question: r.ticketQuestion()}
	}
	st.failures = 0
	s := statement{text: a.text, pages: []string{a.page}}
	if !a.isSure {
		s.text = r.phrases.closest + " " + s.text
	}
	switch {
	case !r.hasTool[createTicket]:
	case offersTicket.MatchString(a.text):
		s.question = shallOpenTicket
	case !a.isSure || !u.isQuestion && trouble.MatchString(u.plain):
		s.question = elseOpenTicket
	}
	return s
}

// personQuestionOr returns the offer of a person, or other if there is no hand-over.
func (r *responder) personQuestionOr(other question) question {
	if r.hasTool[handOver] {
		return shallConnect
	}
	return other
}
