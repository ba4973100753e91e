package clerk

import (
	"slices"

	"frontdesk/dialog"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

var _ dialog.Collector = Clerk{}

// Unfinished implements dialog.Collector: it returns the ticket that the caller was filing, if
// they have said what it is about and have not taken it back, said goodbye or got it.
func (Clerk) Unfinished(p dialog.Prompt) (tools.Call, bool) {
	r := newResponder(p)
	all := splitTurns(p.Messages)
	last := len(all) - 1
	if last == 0 || !r.hasTool[createTicket] || r.intentOf(newUtterance(all[last].said)) == goodbye {
		return tools.Call{}, false
	}
	filed := -1 // the last turn that filed a ticket, by whatever model
	for i := range all {
		if all[i].files() {
			filed = i
		}
	}
	if filed == last {
		return tools.Call{}, false
	}
	before := r.replay(all[:last])
	for _, part := range r.decide(&before, &all[last], all[:last]) {
		if part.call != nil && part.call.Name == createTicket { // the reply did not get so far
			part.call.ID = "call_" + all[last].id + "_left"
			return *part.call, true
		}
	}
	st := r.replay(all)
	if !st.isFiling || st.problem == "" || filed >= 0 && r.replay(all[:filed+1]).isFiling {
		return tools.Call{}, false
	}
	arguments := map[string]string{"subject": ticketSubject(st.problem), "description": words.Clip(st.problem, 2000)}
	if st.contact.kind != noContact && st.isContactSettled {
		arguments["contact"] = words.Clip(st.contact.value, 200)
	}
	c := call(createTicket, arguments)
	c.ID = "call_" + all[last].id + "_left"
	return *c, true
}

// files reports whether the turn called create_ticket, and the call did not wait for consent.
func (t *turn) files() bool {
	return slices.ContainsFunc(t.calls, func(c tools.Call) bool { return c.Name == createTicket && !t.resultOf(c).Held })
}
