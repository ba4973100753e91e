package clerk

import (
	"strings"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// turn is what a caller said and what the agent did and said about it.
type turn struct {
	id            string // of the caller's message
	said          string
	isTyped       bool
	calls         []tools.Call
	results       map[string]tools.Result // by call id
	heard         string                  // what the caller heard of the reply
	isInterrupted bool                    // the caller interrupted the reply
}

// splitTurns splits a history into turns. The first one is the greeting, without words of
// the caller. What a caller says in two pieces, without hearing anything in between, is one
// turn.
func splitTurns(messages []dialog.Message) []turn {
	all := []turn{{results: map[string]tools.Result{}}}
	for _, m := range messages {
		last := &all[len(all)-1]
		switch {
		case m.Role == dialog.User && len(all) > 1 && last.heard == "" && !last.hasEffect():
			last.id, last.said, last.isTyped = m.ID, last.said+" "+m.Text, m.Typed
			last.calls, last.results, last.isInterrupted = nil, map[string]tools.Result{}, false
		case m.Role == dialog.User:
			all = append(all, turn{id: m.ID, said: m.Text, isTyped: m.Typed, results: map[string]tools.Result{}})
		case m.Role == dialog.Assistant:
			last.calls = append(last.calls, m.Calls...)
			last.heard = strings.TrimSpace(last.heard + " " + m.Text)
			last.isInterrupted = last.isInterrupted || m.Interrupted
		case m.Result != nil:
			last.results[m.Result.CallID] = *m.Result
		}
	}
	return all
}

// hasEffect reports whether the turn called a tool that changes something. Such a tool must
// not be called again for the same words.
func (t *turn) hasEffect() bool {
	for _, c := range t.calls {
		switch c.Name {
		case createTicket, updateTicket, handOver:
			return true
		}
	}
	return false
}

// resultsOf returns the results of the calls that parts make, in order, and whether all of
// them have been made. They are the last calls of the turn, because another model may have
// made some before it failed.
func (t *turn) resultsOf(parts []part) (results []tools.Result, isDone bool) {
	var wanted []string
	for _, p := range parts {
		if p.call != nil {
			wanted = append(wanted, p.call.Name)
		}
	}
	if len(wanted) > len(t.calls) {
		return nil, false
	}
	for i, c := range t.calls[len(t.calls)-len(wanted):] {
		if c.Name != wanted[i] {
			return nil, false
		}
		result, ok := t.results[c.ID]
		if !ok {
			result = tools.Result{CallID: c.ID, Failed: true}
		}
		results = append(results, result)
	}
	return results, true
}
