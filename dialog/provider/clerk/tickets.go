package clerk

import (
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

// ticketRequest matches a request for a ticket, which is not a part of the problem.
var ticketRequest = regexp.MustCompile(`(?i)\b(?:please |(?:can|could|would|will) you (?:please )?|i(?: would|'d) like (?:you )?to |i (?:want|need)(?: you)? to |i (?:want|need) |let us |just )*(?:open|create|make|file|raise|submit|log|start|register|report|issue|put in)? ?(?:me |up )*(?:an? |the |another |new |support |service )*(?:ticket|support request)\b(?: for (?:me|this|that|it))?(?: (?:about|because|for|regarding|that|saying|as|since))?(?:,? please)?[.?!]?`)

// reportRequest matches the request to report something.
var reportRequest = regexp.MustCompile(`(?i)^.*?\b(?:report|log|raise|submit|register|tell you about|complain about|notify you of)\b (?:you )?`)

// genericTerms do not say what a problem is.
var genericTerms = words.NewSet("problem issu fault bug error incid ticket report complaint formal offici support file someth log rais submit")

// namesContact matches what introduces a contact within a longer sentence, up to its end.
var namesContact = regexp.MustCompile(`(?i)[\s,.;]*(?:\b(?:and )?(?:you can )?(?:reach|call|e-?mail|text|contact|write) me(?: back)? (?:at|on|under|by|via)\b|\b(?:and )?my (?:e-?mail|mail|phone|telephone|mobile|cell|contact|number)\b(?:[ -]?(?:address|number|mail))?(?: is|:)?)`)

// withoutContact removes the contact from a text that also says something else.
func withoutContact(text string) string {
	start, end := len(text), len(text)
	for _, pattern := range []*regexp.Regexp{typedEmail, typedPhone} {
		if m := pattern.FindStringIndex(text); m != nil {
			start, end = m[0], m[1]
			break
		}
	}
	if m := namesContact.FindStringIndex(text); m != nil {
		start = min(start, m[0])
	}
	return appendProblem(strings.TrimRight(text[:start], " ,;:"), strings.TrimLeft(text[end:], " ,.;"))
}

// startTicket begins a ticket with what the caller said about the problem.
func (r *responder) startTicket(st *state, u utterance, isTyped bool) []part {
	if !r.hasTool[createTicket] {
		if r.hasTool[handOver] {
			return r.tell(r.phrases.noTool, shallConnect)
		}
		return r.tell(r.phrases.noTool, noQuestion)
	}
	text := u.text
	if c := findContact(u, false); c.isProof() {
		text = withoutContact(text)
		st.contact, st.isContactSettled = c, isTyped || r.asks[createTicket]
	}
	problem := strings.TrimSpace(reportRequest.ReplaceAllString(ticketRequest.ReplaceAllString(text, " "), ""))
	details := 0
	for _, t := range terms(r.lexicon, plainText(problem)) {
		if !genericTerms[t] && r.phrases == englishPhrases { // the patterns above are English
			details++
		}
	}
	st.isFiling, st.problem = true, st.topic
	if details > 0 {
		st.problem = strings.Trim(strings.Join(strings.Fields(problem), " "), " ,.:;")
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
		return r.setContact(st, st.contact, isTyped)
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
			return statement{text: r.failure(result), question: r.personQuestionOr(noQuestion)}
		}
		st.ticket, st.filed, st.problem, st.failures = t.ID, t.ID, "", 0
		text := fmt.Sprintf(r.phrases.created, sayTicket(t.ID, isTyped))
		switch {
		case st.contact.isProof():
			text += " " + fmt.Sprintf(r.phrases.reach, st.contact.inSentence(isTyped))
		case t.Tell != "":
			text += " " + r.phrases.onlyHere
		}
		return statement{text: text, question: anythingElse}
	}}}
}

// failure says that a change has failed, or that nobody knows whether it was made.
func (r *responder) failure(result tools.Result) string {
	if isUncertain(result) {
		return r.phrases.uncertain
	}
	return r.phrases.failed
}

// isUncertain reports whether nobody knows if a change was made: its tool did not answer in
// time, or the line broke before it answered.
func isUncertain(result tools.Result) bool {
	t := readTicket(result)
	return result.Failed && t.Error.Code == string(fault.Timeout) || !result.Failed && t.ID == "" && t.Status == "unknown"
}

// ticketSubject returns the first words of a problem. It ends after a comma, if that leaves
// enough words, because the subject is read back to the caller.
func ticketSubject(problem string) string {
	const atLeast, atMost = 4, 14
	var fields []string
	if s := sentences(problem); len(s) > 0 {
		fields = strings.Fields(s[0])
	}
	if len(fields) > atMost {
		fields = fields[:atMost]
		for n := atMost; n >= atLeast; n-- {
			if strings.HasSuffix(fields[n-1], ",") {
				fields = fields[:n]
				break
			}
		}
	}
	short := strings.Join(fields, " ")
	return capitalize(strings.TrimRight(words.Clip(short, 180), " ,;"))
}
