package clerk

import (
	"regexp"
	"slices"
	"strings"

	"frontdesk/tools/gate"
)

// maxHeldTurns is how many turns of the caller the conversation waits for consent.
const maxHeldTurns = 2

// maxReminders is how often the clerk asks for the same consent again after it has answered
// something else.
const maxReminders = 2

// otherMethod matches callers who want to be reached in another way, and do not say where.
var otherMethod = regexp.MustCompile(`\b(?:but|rather|instead|lieber|aber|plutôt|mais|mejor|pero)\b.*\b(?:call|phone|ring|text|write|email|mail|rufen|telefon|appelez|téléphone|llame|llámeme|teléfono|correo)|\b(?:call|phone|ring|text|write to|email) me (?:instead|rather)\b`)

// handleConsent handles the turn after a call for which the conversation asked the caller.
// It returns nil if the caller said something else.
func (r *responder) handleConsent(st *state, t *turn, u utterance, in intent) []part {
	p := st.held
	if p == nil {
		return nil
	}
	if len(t.calls) > 0 && t.calls[0].Name == p.call.Name && !t.resultOf(t.calls[0]).Held { // the caller agreed
		st.held, st.reminders = nil, 0
		return []part{*p}
	}
	if st.heldTurns++; st.heldTurns >= maxHeldTurns {
		st.held = nil
	}
	isFiling := p.call.Name == createTicket
	c := findContact(u, false)
	switch answer := gate.AnswerIn(t.said); {
	case isFiling && c.kind != noContact:
		st.held = nil
		st.isFiling, st.contact, st.isContactSettled = true, c, true
		return r.continueTicket(st, t.isTyped)
	case isFiling && otherMethod.MatchString(u.plain) && !u.isQuestion:
		st.held = nil
		st.isFiling, st.contact, st.isContactSettled = true, contact{}, false
		return r.tell(r.phrases.fine, whatContact)
	case answer == gate.Yes: // the question was not heard: it is asked again
		return []part{*p}
	case answer == gate.No && !slices.Contains([]intent{newTicket, ticketStatus, closeTicket, noteTicket, recordStatus, wantPerson}, in) && !u.isQuestion:
		st.held = nil
		if isFiling {
			return r.tell(r.phrases.dropped, anythingElse)
		}
		return r.tell(r.phrases.fine, anythingElse)
	}
	return nil
}

// remind returns the call that waits for consent, so that the caller is asked again after the
// answer to something else. It returns nil if there is none, if the answer ends with another
// question that must be asked now, or if the caller was reminded often enough.
func (r *responder) remind(st *state, asked question, text string) *part {
	if st.held == nil || !st.isAside || st.reminders >= maxReminders || asked == shallConnect || priority(asked) > priority(shallOpenTicket) {
		return nil
	}
	st.reminders++
	p := *st.held
	if asked != noQuestion { // one question at a time
		text = strings.TrimSuffix(text, r.phrases.ask[asked])
	}
	p.before = strings.TrimSpace(text) + " "
	return &p
}
