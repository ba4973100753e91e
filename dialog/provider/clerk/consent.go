package clerk

import (
	"slices"

	"frontdesk/tools/gate"
)

// maxHeldTurns is how many turns of the caller the conversation waits for consent.
const maxHeldTurns = 2

// handleConsent handles the turn after a call for which the conversation asked the caller.
// It returns nil if the caller said something else.
func (r *responder) handleConsent(st *state, t *turn, u utterance, in intent) []part {
	p := st.held
	if p == nil {
		return nil
	}
	if len(t.calls) > 0 && t.calls[0].Name == p.call.Name && !t.resultOf(t.calls[0]).Held { // the caller agreed
		st.held = nil
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
