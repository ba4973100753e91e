package clerk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// state is what the conversation so far implies.
type state struct {
	question  question // that the agent asked last
	query     string   // last search of the knowledge base
	asksHours bool     // the last question was about the opening hours, the date or the time
	topic     string   // what the caller last said or asked, which a ticket would be about

	lookup string // name of the current look-up tool
	number string // digits given for it so far
	fact   provedFact

	ticket        string // last ticket of the conversation, as "T-48291532"
	asked         ticketRequested
	filed         string // ticket that this conversation opened last
	wantsCallback bool   // it is a hand-over that lacks a contact

	isFiling         bool    // a new ticket is being opened
	problem          string  // of the new ticket
	contact          contact // of the caller
	isContactSettled bool    // the caller confirmed contact, or does not want to leave one

	held      *part // its call waits for the caller's consent
	heldTurns int   // in which the caller has spoken since
	reminders int   // how often the caller was asked again
	isAside   bool  // the caller asks something else

	failures int // turns in a row without help for the caller
}

const maxParts = 3 // requests in one turn

// decide returns the parts of the reply to a turn. past are the turns before it.
func (r *responder) decide(st *state, t *turn, past []turn) []part {
	u := newUtterance(t.said)
	in := r.intentOf(u)
	st.isAside = false
	if parts := r.handleConsent(st, t, u, in); parts != nil {
		return parts
	}
	if parts := r.handleAnswer(st, u, in, t.isTyped); parts != nil {
		return parts
	}
	var parts []part
	for _, piece := range splitQuestions(r.lexicon, u) {
		if len(parts) == maxParts {
			break
		}
		pieceIn := in
		if piece.text != u.text {
			pieceIn = r.intentOf(piece)
		}
		parts = append(parts, r.handle(st, piece, r.correctIntent(st, piece, pieceIn), t.isTyped, past)...)
	}
	if st.isFiling && (in == inquiry || in == recordStatus) { // back to the ticket
		parts = append(parts, r.tell("", st.missing())...)
	}
	st.isAside = !st.isFiling && (in == inquiry || in == recordStatus)
	return parts
}

// missing returns the question for what the new ticket lacks.
func (st *state) missing() question {
	if st.problem == "" {
		return whatProblem
	}
	return whatContact
}

// closeThat matches a request to close the current ticket.
var closeThat = regexp.MustCompile(`\b(?:close|cancel) (?:it|that|this)(?: one)?\b`)

// correctIntent corrects an intent if "it" may be the current ticket or record.
func (r *responder) correctIntent(st *state, u utterance, in intent) intent {
	switch {
	case in == inquiry && st.ticket != "" && closeThat.MatchString(u.plain):
		return closeTicket
	case in == inquiry && st.lookup != "" && pronoun.MatchString(u.plain) && asksStatus.MatchString(u.plain) && !otherTopic.MatchString(u.plain),
		in == inquiry && len(st.number) >= minNumber && st.query == r.subjectOf(st.lookup) && pronoun.MatchString(u.plain) && asksOfRecord(u) && len(u.words) <= 8:
		return recordStatus
	}
	return in
}

// subjectOf returns what a look-up finds, such as "order".
func (r *responder) subjectOf(lookup string) string {
	if l := r.lookupNamed(lookup); l != nil {
		return l.subject
	}
	return ""
}

// intentOf returns what the caller wants.
func (r *responder) intentOf(u utterance) intent {
	if len(u.words) == 0 {
		if strings.TrimSpace(u.text) != "" && isFillerOnly(u.text) {
			return holdOn
		}
		return wordless
	}
	for _, rule := range r.rules {
		if rule.matches(u.plain) {
			return rule.intent
		}
	}
	if r.lookupFor(u) != nil {
		return recordStatus
	}
	if !u.isQuestion && findContact(u, false).kind != noContact {
		return giveContact
	}
	if len(u.words) <= 3 && !slices.ContainsFunc(u.words, hasTopic) {
		return wordless // "the", "u s": noise that the recognizer took for words
	}
	return inquiry
}

// hasTopic reports whether a word alone can be about something.
func hasTopic(word string) bool { return len(word) > 1 && !words.AnswerStopWords[word] }

// isFillerOnly reports whether a caller only said "um".
func isFillerOnly(text string) bool {
	said := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	return len(said) > 0 && words.RequestFillers.HasAll(said)
}

// handle returns the parts of the reply to one request.
func (r *responder) handle(st *state, u utterance, in intent, isTyped bool, past []turn) []part {
	if in != objection && in != complaint && in != wordless && in != inquiry && in != repeat {
		st.failures = 0
	}
	switch in {
	case inquiry:
		if parts := r.answerHours(st, u); parts != nil {
			return parts
		}
		if r.isOtherLanguage(u) {
			return r.offerPerson(r.phrases.onlyLanguage)
		}
		return r.search(st, u)
	case emergency:
		return r.handleEmergency(st, u)
	case recordStatus:
		l := r.lookupFor(u)
		if l == nil {
			l = r.lookupNamed(st.lookup)
		}
		return r.lookUpNumber(st, u, l, isTyped)
	case newTicket:
		return r.startTicket(st, u, isTyped)
	case ticketStatus, closeTicket, noteTicket:
		return r.handleTicket(st, u, in, isTyped)
	case giveContact:
		return r.setContact(st, findContact(u, false), isTyped)
	case wantPerson:
		return r.requestPerson(st, u)
	case repeat:
		return r.repeatReply(past)
	case neverMind:
		return r.withdrawTicket(st, isTyped)
	default:
		return r.smallTalk(st, in)
	}
}

// smallTalk replies to what does not need a tool.
func (r *responder) smallTalk(st *state, in intent) []part {
	switch in {
	case wordless:
		return r.tell(r.phrases.inaudible, noQuestion)
	case greeting:
		return r.tell(r.phrases.here, noQuestion)
	case thanks:
		return r.tell(r.phrases.welcome, anythingElse)
	case goodbye:
		return r.hangUp()
	case holdOn:
		return r.tell(r.phrases.takeTime, noQuestion)
	case stopTalking, backchannel, yes:
		return r.tell(r.phrases.stopped, noQuestion)
	case no:
		st.isFiling, st.asked = false, ticketRequested{}
		return r.tell(r.phrases.fine, anythingElse)
	case objection:
		if st.failures++; st.failures > 1 {
			return r.offerPerson(r.phrases.complaint)
		}
		return r.tell(r.phrases.objection, noQuestion)
	case complaint:
		return r.offerPerson(r.phrases.complaint)
	case announcement:
		return r.tell(r.phrases.goAhead, noQuestion)
	case areYouRobot:
		return r.offerPerson(r.phrases.robot)
	default: // abilities
		text := r.phrases.able
		if len(r.suggestions) > 0 {
			text += " " + fmt.Sprintf(r.phrases.forExample, strings.Join(r.suggestions, " "))
		}
		return r.tell(text, noQuestion)
	}
}

// offerPerson says text and offers a person, or else a ticket.
func (r *responder) offerPerson(text string) []part {
	if !r.hasTool[handOver] {
		return r.tell(text, r.ticketQuestion())
	}
	return r.tell(text, shallConnect)
}

// ticketQuestion returns the offer of a ticket, or else of a person.
func (r *responder) ticketQuestion() question {
	switch {
	case r.hasTool[createTicket]:
		return shallOpenTicket
	case r.hasTool[handOver]:
		return shallConnect
	default:
		return anythingElse
	}
}

// hangUp ends the call. The conversation says the agent's farewell.
func (r *responder) hangUp() []part {
	if !r.hasTool[endCall] {
		return r.tell(r.phrases.welcome, noQuestion)
	}
	return []part{{call: call(endCall, struct{}{}), respond: func(*state, tools.Result) statement {
		return statement{text: r.phrases.welcome}
	}}}
}

// repeatReply says the last reply again. It says all of an interrupted reply.
func (r *responder) repeatReply(past []turn) []part {
	for i := len(past) - 1; i >= 0; i-- {
		t := &past[i]
		if t.heard == "" {
			continue
		}
		if t.isInterrupted && i > 0 {
			st := r.replay(past[:i])
			parts := r.decide(&st, t, past[:i])
			own, _ := t.splitCalls(parts)
			if results, isDone := t.resultsOf(parts, own); isDone {
				return r.restateReply(r.compose(&st, parts, results))
			}
		}
		return r.restateReply(t.heard, r.phrases.questionIn(t.heard))
	}
	return r.tell(r.phrases.here, noQuestion)
}

// restateReply says text, which may end with a question of the agent.
func (r *responder) restateReply(text string, asked question) []part {
	return []part{{respond: func(st *state, _ tools.Result) statement {
		st.question = asked
		return statement{text: text}
	}}}
}

// requestPerson hands the call over to a person.
func (r *responder) requestPerson(st *state, u utterance) []part {
	if !r.hasTool[handOver] {
		return r.tell(r.phrases.noTool, r.ticketQuestion())
	}
	arguments := map[string]string{"reason": words.Clip(u.text, 150)}
	if st.topic != "" {
		arguments["summary"] = words.Clip(st.topic, 1000)
	}
	if st.isContactSettled && st.contact.kind != noContact {
		arguments["contact"] = st.contact.value
	}
	if when := r.callBackTime(u.text); when != "" {
		arguments["when"] = when
	}
	return []part{{call: call(handOver, arguments), respond: func(st *state, result tools.Result) statement {
		if result.Failed || isUncertain(result) {
			return statement{text: r.failure(result), question: r.ticketQuestion()}
		}
		var out struct {
			Message, Ticket, Contact string
			Connecting               bool
		}
		decodeOutput(result, &out)
		if out.Message == "" {
			out.Message = r.phrases.handover
		}
		st.isFiling, st.failures = false, 0
		if out.Connecting {
			return statement{text: out.Message}
		}
		if out.Ticket == "" || out.Contact != "" || st.isContactSettled || !r.hasTool[updateTicket] {
			return statement{text: out.Message, question: anythingElse}
		}
		st.ticket, st.filed, st.wantsCallback = out.Ticket, out.Ticket, true
		return statement{text: out.Message, question: whatContact}
	}}}
}
