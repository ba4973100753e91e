package clerk

import (
	"strings"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// exchange is what a caller said and what came of it.
type exchange struct {
	id      string // of the caller's message
	said    string
	typed   bool
	calls   []tools.Call
	results map[string]tools.Result // by call
	heard   string                  // the agent's words that the caller heard after it
	cut     bool                    // the caller interrupted them
}

// exchanges reads a history. The first one has no words of the caller: it is the
// greeting. What a caller says in two pieces, without hearing anything between
// them, is one.
func exchanges(messages []dialog.Message) []exchange {
	all := []exchange{{results: map[string]tools.Result{}}}
	for _, m := range messages {
		last := &all[len(all)-1]
		switch {
		case m.Role == dialog.User && len(all) > 1 && last.heard == "" && !last.acted():
			last.id, last.said, last.typed = m.ID, last.said+" "+m.Text, m.Typed
			last.calls, last.results, last.cut = nil, map[string]tools.Result{}, false
		case m.Role == dialog.User:
			all = append(all, exchange{id: m.ID, said: m.Text, typed: m.Typed, results: map[string]tools.Result{}})
		case m.Role == dialog.Assistant:
			last.calls = append(last.calls, m.Calls...)
			last.heard = strings.TrimSpace(last.heard + " " + m.Text)
			last.cut = last.cut || m.Interrupted
		case m.Result != nil:
			last.results[m.Result.CallID] = *m.Result
		}
	}
	return all
}

// acted reports whether a tool that changes something was called, which must not be
// called again for the same words.
func (e *exchange) acted() bool {
	for _, c := range e.calls {
		switch c.Name {
		case createTicket, updateTicket, handOver:
			return true
		}
	}
	return false
}

// answers are the results of the calls parts make, in order; ok tells that all of
// them have been made. They are the last calls of the exchange, because another
// model may have made some before it failed.
func (e *exchange) answers(parts []part) (results []tools.Result, ok bool) {
	var wanted []string
	for _, p := range parts {
		if p.call != nil {
			wanted = append(wanted, p.call.Name)
		}
	}
	if len(wanted) > len(e.calls) {
		return nil, false
	}
	for i, c := range e.calls[len(e.calls)-len(wanted):] {
		if c.Name != wanted[i] {
			return nil, false
		}
		result, there := e.results[c.ID]
		if !there {
			result = tools.Result{CallID: c.ID, Failed: true}
		}
		results = append(results, result)
	}
	return results, true
}
