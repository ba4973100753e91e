package openai

import (
	"crypto/rand"
	"encoding/json"
	"strings"

	"frontdesk/tools"
)

// callDelta is a piece of a tool call as servers stream it. Most send an index, the id and
// the name in the first piece, and the arguments spread over the others. Some send the call
// whole, or without an index or id.
type callDelta struct {
	Index    *int    `json:"index"`
	ID       lenient `json:"id"`
	Function struct {
		Name      lenient `json:"name"`
		Arguments lenient `json:"arguments"` // a string; some servers send the object itself
	} `json:"function"`
}

// callAssembly joins the pieces of one step's tool calls.
type callAssembly struct {
	calls []*partialCall
	size  int
}

type partialCall struct {
	index     int // -1 if the server sends none
	id, name  string
	arguments strings.Builder
}

// add adds a piece. It returns false when the calls exceed their limits.
func (a *callAssembly) add(p callDelta) bool {
	a.size += len(p.Function.Arguments) + len(p.Function.Name) + len(p.ID)
	c := a.callFor(p)
	if a.size > maxText || len(a.calls) > maxCalls {
		return false
	}
	if c.id == "" {
		c.id = string(p.ID)
	}
	if c.name != string(p.Function.Name) { // some servers repeat the name in every piece
		c.name += string(p.Function.Name)
	}
	c.arguments.WriteString(string(p.Function.Arguments))
	return true
}

// callFor returns the call that p continues, or a new one.
func (a *callAssembly) callFor(p callDelta) *partialCall {
	index := -1
	if p.Index != nil {
		index = *p.Index
	}
	for i := len(a.calls) - 1; i >= 0; i-- {
		if c := a.calls[i]; c.index == index || index < 0 {
			if c.continuesWith(p) {
				return c
			}
			break
		}
	}
	c := &partialCall{index: index}
	a.calls = append(a.calls, c)
	return c
}

// continuesWith reports whether p continues c. Otherwise p begins another call, to which the
// server gave the same index or none.
func (c *partialCall) continuesWith(p callDelta) bool {
	switch name, id := string(p.Function.Name), string(p.ID); {
	case name == "":
		return true
	case id != "" && c.id != "":
		return id == c.id
	default:
		return !json.Valid([]byte(c.arguments.String()))
	}
}

// incomplete reports whether the arguments of the last call are cut off.
func (a *callAssembly) incomplete() bool {
	if len(a.calls) == 0 {
		return false
	}
	last := a.calls[len(a.calls)-1].arguments.String()
	return last == "" || !json.Valid([]byte(last))
}

// flush returns the calls and removes them. Arguments are returned as the server sent them,
// or as an empty object if it sent none. Calls without a name are dropped.
func (a *callAssembly) flush() []tools.Call {
	var out []tools.Call
	for _, c := range a.calls {
		if c.name == "" {
			continue
		}
		if c.id == "" {
			c.id = "call_" + rand.Text()
		}
		arguments := strings.TrimSpace(c.arguments.String())
		if arguments == "" {
			arguments = "{}"
		}
		out = append(out, tools.Call{ID: c.id, Name: c.name, Arguments: json.RawMessage(arguments)})
	}
	a.calls = nil
	return out
}
