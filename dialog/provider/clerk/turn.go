package clerk

import (
	"fmt"
	"slices"
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
		case m.Result != nil && m.Result.Late != "":
			last.calls = slices.DeleteFunc(last.calls, func(c tools.Call) bool { return c.ID == m.Result.CallID })
			if i := turnWithCall(all, m.Result.Late); i >= 0 {
				all[i].results[m.Result.Late] = *m.Result
			}
		case m.Result != nil:
			last.results[m.Result.CallID] = *m.Result
		}
	}
	return all
}

// turnWithCall returns the index of the turn with that call, or -1.
func turnWithCall(turns []turn, id string) int {
	return slices.IndexFunc(turns, func(t turn) bool {
		return slices.ContainsFunc(t.calls, func(c tools.Call) bool { return c.ID == id })
	})
}

func isPending(result tools.Result) bool { return result.Pending }

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

// splitCalls splits off the last call of the turn if it follows from what parts do.
func (t *turn) splitCalls(parts []part) (own []tools.Call, following *tools.Call) {
	n := len(t.calls)
	if n == 0 {
		return nil, nil
	}
	last := t.calls[n-1]
	if last.Name != handOver && last.Name != updateTicket && last.Name != createTicket || slices.ContainsFunc(parts, func(p part) bool { return p.call != nil && p.call.Name == last.Name }) {
		return t.calls, nil
	}
	return t.calls[:n-1], &last
}

// callsOf returns the calls of parts, and what is said before them.
func (t *turn) callsOf(parts []part) (before string, calls []tools.Call) {
	for i, p := range parts {
		if p.call != nil {
			p.call.ID = fmt.Sprintf("call_%s_%d_%d", t.id, len(t.calls), i)
			calls = append(calls, *p.call)
			before += p.before
		}
	}
	return before, calls
}

// resultOf returns the result of a call of the turn; one that has none has failed.
func (t *turn) resultOf(c tools.Call) tools.Result {
	if result, ok := t.results[c.ID]; ok {
		return result
	}
	return tools.Result{CallID: c.ID, Failed: true}
}

// resultsOf returns the results of the calls that parts make, in order, and whether all of
// them have been made. They are the last of calls, because another model may have made some
// before it failed.
func (t *turn) resultsOf(parts []part, calls []tools.Call) (results []tools.Result, isDone bool) {
	var wanted []string
	for _, p := range parts {
		if p.call != nil {
			wanted = append(wanted, p.call.Name)
		}
	}
	if len(wanted) > len(calls) {
		return nil, false
	}
	for i, c := range calls[len(calls)-len(wanted):] {
		if c.Name != wanted[i] {
			return nil, false
		}
		results = append(results, t.resultOf(c))
	}
	return results, true
}
