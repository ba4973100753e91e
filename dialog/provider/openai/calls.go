package openai

import (
	"crypto/rand"
	"encoding/json"
	"strings"

	"frontdesk/tools"
)

// callPart is a piece of a tool call as servers stream them: usually an index, with
// id and name in the first piece and arguments spread over the others; from some
// servers whole, or without index or id.
type callPart struct {
	Index    *int    `json:"index"`
	ID       lenient `json:"id"`
	Function struct {
		Name      lenient `json:"name"`
		Arguments lenient `json:"arguments"` // a string, or from some servers the object itself
	} `json:"function"`
}

// callAssembly puts the pieces of a step's calls together.
type callAssembly struct {
	calls []*callDraft
	size  int
}

type callDraft struct {
	index     int // -1 when the server gives none
	id, name  string
	arguments strings.Builder
}

// add takes a piece and reports whether the calls are within their bounds.
func (a *callAssembly) add(p callPart) bool {
	a.size += len(p.Function.Arguments) + len(p.Function.Name) + len(p.ID)
	d := a.draft(p)
	if a.size > maxText || len(a.calls) > maxCalls {
		return false
	}
	if d.id == "" {
		d.id = string(p.ID)
	}
	if d.name != string(p.Function.Name) { // some servers repeat it with every piece
		d.name += string(p.Function.Name)
	}
	d.arguments.WriteString(string(p.Function.Arguments))
	return true
}

// draft is the call that p continues, or a new one.
func (a *callAssembly) draft(p callPart) *callDraft {
	index := -1
	if p.Index != nil {
		index = *p.Index
	}
	for i := len(a.calls) - 1; i >= 0; i-- {
		if d := a.calls[i]; d.index == index || index < 0 {
			if d.continuedBy(p) {
				return d
			}
			break
		}
	}
	d := &callDraft{index: index}
	a.calls = append(a.calls, d)
	return d
}

// continuedBy tells a further piece of d from the beginning of a call that a careless
// server sent under the same index, or under none. A piece without a name continues.
func (d *callDraft) continuedBy(p callPart) bool {
	switch name, id := string(p.Function.Name), string(p.ID); {
	case name == "":
		return true
	case id != "" && d.id != "":
		return id == d.id
	default:
		return !json.Valid([]byte(d.arguments.String()))
	}
}

// incomplete reports whether the last call lacks a part of its arguments.
func (a *callAssembly) incomplete() bool {
	if len(a.calls) == 0 {
		return false
	}
	last := a.calls[len(a.calls)-1].arguments.String()
	return last == "" || !json.Valid([]byte(last))
}

// take returns the calls and forgets them. Arguments are as the server sent them;
// none at all become an empty object. A call without a name is no call.
func (a *callAssembly) take() []tools.Call {
	var out []tools.Call
	for _, d := range a.calls {
		if d.name == "" {
			continue
		}
		if d.id == "" {
			d.id = "call_" + rand.Text()
		}
		arguments := strings.TrimSpace(d.arguments.String())
		if arguments == "" {
			arguments = "{}"
		}
		out = append(out, tools.Call{ID: d.id, Name: d.name, Arguments: json.RawMessage(arguments)})
	}
	a.calls = nil
	return out
}
