package clerk

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"frontdesk/internal/words"
	"frontdesk/tools"
)

// ticketRequested is what the caller wants with a ticket, until it is done.
type ticketRequested struct {
	digits  string // of its number, said so far
	closes  bool   // the caller wants to close it
	note    string // to add to it
	ticket  string // the ticket that contact is for
	contact string // given as proof that the ticket is the caller's
	wrong   int    // contacts that did not match
}

const (
	firstTicketDigits = 4 // the fewest of an older number
	maxWrongContacts  = 2 // then the clerk offers a person
)

// ticketResult is the output of a ticket tool.
type ticketResult struct {
	ID      string         `json:"id"`
	Subject string         `json:"subject"`
	Status  tools.Status   `json:"status"`
	Tell    string         `json:"tell_caller"` // what the caller must know
	Tickets []ticketResult `json:"tickets"`     // of a caller who gave no number
	Error   struct {
		Code string `json:"code"`
	} `json:"error"`
}

func readTicket(result tools.Result) (t ticketResult) {
	decodeOutput(result, &t)
	return t
}

// sayTicket returns the number of a ticket for a typed or spoken reply.
func sayTicket(id string, isTyped bool) string {
	if number, ok := tools.ParseTicketID(id); ok && !isTyped {
		return number.Say()
	}
	return sayID(id, isTyped)
}

// handleTicket tells the status of a ticket, closes it or adds a note.
func (r *responder) handleTicket(st *state, u utterance, in intent, isTyped bool) []part {
	if !r.hasTool[getTicket] {
		return r.tell(r.phrases.noTool, r.personQuestionOr(noQuestion))
	}
	isAsked := st.question == whichTicket
	if !isAsked {
		st.asked.closes, st.asked.note, st.asked.digits = in == closeTicket, "", ""
		if in == noteTicket && r.hasTool[updateTicket] {
			st.asked.note = u.text
		}
	}
	digits := ticketDigits(u.plain, isAsked)
	isRepeated := isAsked && digits == st.asked.digits && len(digits) >= firstTicketDigits // so it is complete
	if all := st.asked.digits + digits; isAsked && !isRepeated && in != no && in != objection && !tools.IsTicketNumber(digits) && len(all) <= ticketNumberDigits {
		digits = all // the caller says the number in pieces
	}
	st.asked.digits = digits
	switch {
	case digits == "" && hasNoNumber.MatchString(u.plain):
		return r.findTickets(isTyped)
	case digits == "" && st.ticket != "":
		return r.openTicket(st, st.ticket, isTyped)
	case digits == "":
		return r.tell("", whichTicket)
	case tools.IsTicketNumber(digits) || (isTyped || isRepeated) && len(digits) < ticketNumberDigits:
		return r.openTicket(st, "T-"+strings.TrimLeft(digits, "0"), isTyped)
	case len(digits) >= ticketNumberDigits:
		st.asked.digits = ""
		return r.tell(r.phrases.misheard, whichTicket)
	default:
		return r.tell(fmt.Sprintf(r.phrases.partial, sayID(digits, isTyped)), whichTicket)
	}
}

// ticketNumberDigits is how many digits the number of a ticket has. Older ones have fewer.
const ticketNumberDigits = 8

// ticketDigits returns the digits of a ticket's number in plain text, or "". If the agent
// asked for it, the number alone is enough.
func ticketDigits(plain string, isAsked bool) string {
	for _, text := range []string{plain, withoutAmounts(plain)} {
		if id, ok := tools.ParseTicketID(text); ok {
			return strings.TrimPrefix(id.String(), "T-")
		}
	}
	if n := number(plain); isAsked || len(n) >= ticketNumberDigits {
		return n
	}
	return ""
}

// isComplete matches what callers say when they have said the whole number.
var isComplete = regexp.MustCompile(`\b(?:that is (?:it|all|everything|the (?:whole )?number)|no more|only (?:four|these|those)|das ist alles|mehr nicht|eso es todo|c'est tout)\b`)

// answerWhichTicket handles an answer to the question for the number of a ticket.
func (r *responder) answerWhichTicket(st *state, u utterance, in intent, isTyped bool) []part {
	switch {
	case number(u.plain) != "":
		return r.handleTicket(st, u, in, isTyped)
	case len(st.asked.digits) >= firstTicketDigits && (in == yes || in == no || in == backchannel || isComplete.MatchString(u.plain)):
		return r.openTicket(st, "T-"+strings.TrimLeft(st.asked.digits, "0"), isTyped) // an older number
	case hasNoNumber.MatchString(u.plain):
		return r.findTickets(isTyped)
	case in == no || in == objection:
		return r.tell(r.phrases.fine, anythingElse)
	}
	return nil
}

// findTickets looks for tickets of a caller who does not know the number.
func (r *responder) findTickets(isTyped bool) []part {
	return []part{{call: call(getTicket, struct{}{}), respond: func(st *state, result tools.Result) statement {
		if t := readTicket(result); !result.Failed && len(t.Tickets) > 0 {
			st.asked = ticketRequested{closes: st.asked.closes}
			return r.describeTicket(st, t.Tickets[0], isTyped)
		}
		st.asked = ticketRequested{}
		return statement{text: r.phrases.noTicketFound, question: r.personQuestionOr(r.ticketQuestion())}
	}}}
}

// openTicket does what the caller asked for with a ticket. It passes on the contact that the
// caller gave for that ticket.
func (r *responder) openTicket(st *state, id string, isTyped bool) []part {
	if st.asked.ticket != id {
		st.asked.ticket, st.asked.contact, st.asked.wrong = id, "", 0
	}
	if st.asked.note != "" {
		return r.addNote(st, id, isTyped)
	}
	return []part{{call: call(getTicket, st.asked.arguments(nil)), respond: func(st *state, result tools.Result) statement {
		t := readTicket(result)
		if result.Failed || t.ID == "" {
			return r.ticketRefused(st, t.Error.Code, isTyped)
		}
		return r.describeTicket(st, t, isTyped)
	}, next: func(st *state, result tools.Result) *part {
		t := readTicket(result)
		if result.Failed || t.ID == "" || t.Status == tools.Closed || !st.asked.closes || !r.asks[updateTicket] {
			return nil
		}
		return &r.closeTicket(st, isTyped)[0]
	}}}
}

// arguments returns the arguments of a ticket tool: the ticket, the caller's proof, and more.
func (a ticketRequested) arguments(more map[string]string) map[string]string {
	out := map[string]string{"ticket": a.ticket}
	if a.contact != "" {
		out["contact"] = a.contact
	}
	for name, value := range more {
		out[name] = value
	}
	return out
}

// describeTicket tells the status of a ticket that the caller may know.
func (r *responder) describeTicket(st *state, t ticketResult, isTyped bool) statement {
	st.ticket, st.asked.ticket, st.asked.digits, st.asked.wrong = t.ID, t.ID, "", 0
	text := fmt.Sprintf(r.phrases.ticketIs, sayTicket(t.ID, isTyped), cmp.Or(r.phrases.statuses[t.Status], string(t.Status)))
	if t.Subject != "" {
		text += " " + fmt.Sprintf(r.phrases.ticketAbout, strings.TrimRight(t.Subject, "."))
	}
	if st.asked.closes && t.Status != tools.Closed && r.hasTool[updateTicket] {
		if r.asks[updateTicket] { // the call that follows asks
			return statement{text: text}
		}
		return statement{text: text, question: shallCloseTicket}
	}
	return statement{text: text, question: anythingElse}
}

// ticketRefused says why a ticket tool failed, and asks for what it needs.
func (r *responder) ticketRefused(st *state, code string, isTyped bool) statement {
	said := sayTicket(st.asked.ticket, isTyped)
	switch code {
	case "proof_needed":
		if st.asked.contact == "" {
			return statement{leadIn: fmt.Sprintf(r.phrases.proveIt, said), question: whatProof}
		}
		given := st.asked.contact
		if !isTyped {
			given = findContact(newUtterance(given), true).readBack()
		}
		text := fmt.Sprintf(r.phrases.proofWrong, said, given)
		st.asked.contact = ""
		if st.asked.wrong++; st.asked.wrong < maxWrongContacts {
			return statement{text: text, question: whatProof}
		}
		st.asked = ticketRequested{}
		return statement{text: text, question: r.personQuestionOr(r.ticketQuestion())}
	case "rate_limited":
		st.asked = ticketRequested{}
		return statement{text: r.phrases.tooManyWrong, question: r.personQuestionOr(r.ticketQuestion())}
	case "not_found", "invalid_request":
		st.asked.digits, st.asked.contact = "", ""
		return statement{text: fmt.Sprintf(r.phrases.ticketMissing, said), question: whichTicket}
	}
	return statement{text: r.phrases.failed, question: r.personQuestionOr(noQuestion)}
}

// answerWhatProof handles an answer to the question for the contact given with a ticket.
func (r *responder) answerWhatProof(st *state, u utterance, in intent, isTyped bool) []part {
	c := findContact(u, false)
	all := strings.TrimPrefix(st.asked.ticket, "T-") + number(u.plain) // a number that was typed or keyed in pieces
	switch {
	case tools.IsTicketNumber(all) && !tools.IsTicketNumber(strings.TrimPrefix(st.asked.ticket, "T-")):
		return r.openTicket(st, "T-"+all, isTyped)
	case in == ticketStatus || in == closeTicket || in == noteTicket: // another number
		return nil
	case c.isProof():
		st.asked.contact = c.value
		return r.openTicket(st, st.asked.ticket, isTyped)
	case namesContactMethod.MatchString(u.plain) || in == yes || in == backchannel:
		return r.tell(r.phrases.goAhead, whatProof)
	case in == no || hasNoNumber.MatchString(u.plain) || declinesContact.MatchString(u.plain):
		st.asked = ticketRequested{}
		return r.tell(r.phrases.withoutProof, r.personQuestionOr(r.ticketQuestion()))
	case in == inquiry && !u.isQuestion:
		return r.tell(r.phrases.inaudible, whatProof)
	}
	return nil
}

// closeTicket closes the current ticket.
func (r *responder) closeTicket(st *state, isTyped bool) []part {
	st.asked.closes = false
	return r.updateTicket(st, st.ticket, map[string]string{"status": "closed"}, fmt.Sprintf(r.phrases.closed, sayTicket(st.ticket, isTyped)), isTyped)
}

// withdrawTicket takes back the ticket that this conversation opened last, if there is one.
func (r *responder) withdrawTicket(st *state, isTyped bool) []part {
	st.isFiling, st.asked = false, ticketRequested{}
	if st.filed == "" || !r.hasTool[updateTicket] {
		return r.tell(r.phrases.fine, anythingElse)
	}
	id := st.filed
	parts := r.updateTicket(st, id, map[string]string{"status": string(tools.Withdrawn)}, fmt.Sprintf(r.phrases.withdrawn, sayTicket(id, isTyped)), isTyped)
	respond := parts[0].respond
	parts[0].respond = func(st *state, result tools.Result) statement {
		if !result.Failed {
			st.filed = ""
		}
		return respond(st, result)
	}
	return parts
}

// addNote adds the note that the caller asked for to a ticket.
func (r *responder) addNote(st *state, id string, isTyped bool) []part {
	return r.updateTicket(st, id, map[string]string{"note": words.Clip(st.asked.note, 2000)}, fmt.Sprintf(r.phrases.noted, sayTicket(id, isTyped)), isTyped)
}

// updateTicket changes a ticket and says done if that worked.
func (r *responder) updateTicket(st *state, id string, change map[string]string, done string, isTyped bool) []part {
	if !r.hasTool[updateTicket] {
		return r.tell(r.phrases.noTool, r.personQuestionOr(noQuestion))
	}
	if st.asked.ticket != id {
		st.asked = ticketRequested{ticket: id, note: st.asked.note}
	}
	return []part{{call: call(updateTicket, st.asked.arguments(change)), respond: func(st *state, result tools.Result) statement {
		t := readTicket(result)
		switch {
		case isUncertain(result):
			return statement{text: r.phrases.uncertain, question: r.personQuestionOr(noQuestion)}
		case result.Failed:
			return r.ticketRefused(st, t.Error.Code, isTyped)
		}
		st.asked.note = ""
		if t.ID != "" {
			st.ticket = t.ID
		}
		return statement{text: done, question: anythingElse}
	}}}
}
