package clerk

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// ticketRequest matches a request for a ticket, which is not a part of the problem.
var ticketRequest = regexp.MustCompile(`(?i)\b(?:please |(?:can|could|would|will) you (?:please )?|i(?: would|'d) like (?:you )?to |i (?:want|need)(?: you)? to |i (?:want|need) |let us |just )*(?:open|create|make|file|raise|submit|log|start|register|report|issue|put in)? ?(?:me |up )*(?:an? |the |another |new |support |service )*(?:ticket|support request)\b(?: for (?:me|this|that|it))?(?: (?:about|because|for|regarding|that|saying|as|since))?(?:,? please)?[.?!]?`)

// reportRequest matches the request to report something.
var reportRequest = regexp.MustCompile(`(?i)^.*?\b(?:report|log|raise|submit|register|tell you about|complain about|notify you of)\b (?:you )?`)

// genericTerms do not say what a problem is.
var genericTerms = words.NewSet("problem issu fault bug error incid ticket report complaint formal offici support file someth log rais submit")

// startTicket begins a ticket with what the caller said about the problem.
func (r *responder) startTicket(st *state, u utterance, isTyped bool) []part {
	if !r.hasTool[createTicket] {
		if r.hasTool[handOver] {
			return r.tell(r.phrases.noTool, shallConnect)
		}
		return r.tell(r.phrases.noTool, noQuestion)
	}
	problem := strings.TrimSpace(reportRequest.ReplaceAllString(ticketRequest.ReplaceAllString(u.text, " "), ""))
	details := 0
	for _, t := range terms(r.lexicon, plainText(problem)) {
		if !genericTerms[t] && r.phrases == englishPhrases { // the patterns above are English
			details++
		}
	}
	st.isFiling, st.problem = true, st.topic
	if details > 0 {
		st.problem = strings.Trim(strings.Join(strings.Fields(problem), " "), " ,.;")
		st.topic = st.problem
	}
	if details == 1 || st.problem == "" { // "a problem with my router" is too short
		return r.tell(r.phrases.fine, whatProblem)
	}
	return r.continueTicket(st, isTyped)
}

// continueTicket asks for what the new ticket lacks, or else opens it.
func (r *responder) continueTicket(st *state, isTyped bool) []part {
	switch {
	case st.problem == "":
		return r.tell("", whatProblem)
	case !st.isContactSettled && st.contact.kind != noContact:
		return r.setContact(st, st.contact, false)
	case !st.isContactSettled:
		return r.tell("", whatContact)
	}
	arguments := map[string]string{"subject": ticketSubject(st.problem), "description": words.Clip(st.problem, 2000)}
	if st.contact.kind != noContact {
		arguments["contact"] = words.Clip(st.contact.value, 200)
	}
	st.isFiling = false
	return []part{{call: call(createTicket, arguments), respond: func(st *state, result tools.Result) statement {
		t := readTicket(result)
		if result.Failed || t.ID == "" {
			return statement{text: r.phrases.failed, question: r.personQuestionOr(noQuestion)}
		}
		st.ticket, st.problem, st.failures = t.ID, "", 0
		text := fmt.Sprintf(r.phrases.created, sayID(t.ID, isTyped))
		if st.contact.kind == email || st.contact.kind == phoneNumber {
			text += " " + fmt.Sprintf(r.phrases.reach, st.contact.inSentence(isTyped))
		}
		return statement{text: text, question: anythingElse}
	}}}
}

// ticketSubject returns the first words of a problem.
func ticketSubject(problem string) string {
	var fields []string
	if s := sentences(problem); len(s) > 0 {
		fields = strings.Fields(s[0])
	}
	short := strings.Join(fields[:min(14, len(fields))], " ")
	return capitalize(strings.TrimRight(words.Clip(short, 180), " ,;"))
}

// ticketResult is the output of a ticket tool.
type ticketResult struct {
	ID      string       `json:"id"`
	Subject string       `json:"subject"`
	Status  tools.Status `json:"status"`
	Error   struct {
		Code string `json:"code"`
	} `json:"error"`
}

func readTicket(result tools.Result) (t ticketResult) {
	decodeOutput(result, &t)
	return t
}

// handleTicket tells the status of a ticket, closes it or adds a note.
func (r *responder) handleTicket(st *state, u utterance, in intent, isTyped bool) []part {
	if !r.hasTool[getTicket] {
		return r.tell(r.phrases.noTool, r.personQuestionOr(noQuestion))
	}
	if st.question != whichTicket {
		st.isClosing = in == closeTicket
	}
	id := ticketNumber(u.plain, st.question == whichTicket)
	if id == "" {
		id = st.ticket
	}
	if id == "" {
		return r.tell("", whichTicket)
	}
	if in == noteTicket && r.hasTool[updateTicket] {
		return r.addNote(id, u.text, isTyped)
	}
	return []part{{call: call(getTicket, map[string]string{"ticket": id}), respond: func(st *state, result tools.Result) statement {
		t := readTicket(result)
		if result.Failed || t.ID == "" {
			if t.Error.Code == "not_found" || t.Error.Code == "invalid_request" {
				return statement{text: fmt.Sprintf(r.phrases.ticketMissing, sayID(id, isTyped)), question: whichTicket}
			}
			return statement{text: r.phrases.failed, question: r.personQuestionOr(noQuestion)}
		}
		st.ticket = t.ID
		text := fmt.Sprintf(r.phrases.ticketIs, sayID(t.ID, isTyped), cmp.Or(r.phrases.statuses[t.Status], string(t.Status)))
		if t.Subject != "" {
			text += " " + fmt.Sprintf(r.phrases.ticketAbout, strings.TrimRight(t.Subject, "."))
		}
		if st.isClosing && t.Status != tools.Closed && r.hasTool[updateTicket] {
			return statement{text: text, question: shallCloseTicket}
		}
		return statement{text: text, question: anythingElse}
	}}}
}

// ticketNumber returns the number of a ticket in plain text as "T-1042", or "". If the agent
// asked for it, the number alone is enough.
func ticketNumber(plain string, isAsked bool) string {
	if id, ok := tools.ParseTicketID(plain); ok {
		return id.String()
	}
	if n := number(plain); isAsked && n != "" {
		if id, ok := tools.ParseTicketID(n); ok {
			return id.String()
		}
	}
	return ""
}

// closeTicket closes the current ticket.
func (r *responder) closeTicket(st *state, isTyped bool) []part {
	st.isClosing = false
	return r.updateTicket(map[string]string{"ticket": st.ticket, "status": "closed"}, fmt.Sprintf(r.phrases.closed, sayID(st.ticket, isTyped)))
}

// addNote adds a note to a ticket.
func (r *responder) addNote(id, text string, isTyped bool) []part {
	return r.updateTicket(map[string]string{"ticket": id, "note": words.Clip(text, 2000)}, fmt.Sprintf(r.phrases.noted, sayID(id, isTyped)))
}

// updateTicket changes a ticket and says done if that worked.
func (r *responder) updateTicket(arguments map[string]string, done string) []part {
	if !r.hasTool[updateTicket] {
		return r.tell(r.phrases.noTool, r.personQuestionOr(noQuestion))
	}
	return []part{{call: call(updateTicket, arguments), respond: func(_ *state, result tools.Result) statement {
		if result.Failed {
			return statement{text: r.phrases.failed, question: r.personQuestionOr(noQuestion)}
		}
		return statement{text: done, question: anythingElse}
	}}}
}
