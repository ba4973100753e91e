package gate

import (
	"encoding/json"
	"slices"
	"strings"
)

// Evidence is what a session holds that a model cannot invent.
type Evidence struct {
	Caller    string    // identifies the caller for the limits: an account, a number or an address
	Assurance Assurance // how well the caller is known
	Line      string    // the telephone number that the caller calls from, "" if there is none
	Said      []string  // what the caller said, typed and keyed, one text per turn, oldest first
	Outputs   []Output  // what the tools of the session returned
	Proved    []string  // keys of the records of which the caller has proved a fact
}

// Output is the result of a tool.
type Output struct {
	JSON      json.RawMessage
	IsTrusted bool // see Rule.IsTrusted
}

// Origin is where a value of a call comes from.
type Origin int

const (
	Nowhere         Origin = iota // the model made it up, or found it inside a longer text
	FromTool                      // a field of a tool's result has the value
	FromTrustedTool               // a field of a trusted tool's result has the value
	FromLine                      // it is the number that the caller calls from
	FromCaller                    // the caller said, typed or keyed it
)

// recentTurns is how many of the last turns may hold the caller's request for a tool, or
// the consent to a question.
const recentTurns = 2

// OriginOf returns the best origin of a value. A value that is only a part of a longer text
// of a tool has none, because whoever wrote the text could choose it.
func (e *Evidence) OriginOf(value string) Origin {
	if value == "" {
		return Nowhere
	}
	if IsSaid(value, e.Said) {
		return FromCaller
	}
	if isSameNumber(value, e.Line) {
		return FromLine
	}
	best := Nowhere
	for _, o := range e.Outputs {
		switch {
		case best == FromTrustedTool || best == FromTool && !o.IsTrusted:
		case !hasLeaf(o.JSON, value):
		case o.IsTrusted:
			best = FromTrustedTool
		default:
			best = FromTool
		}
	}
	return best
}

// isSameNumber reports whether value is a telephone number, or the end of one without its
// country code.
func isSameNumber(value, line string) bool {
	v, l := onlyDigits(value), onlyDigits(line)
	const subscriber = 7 // digits that a number has at least without its prefixes
	return len(v) >= subscriber && !hasLetter(value) && strings.HasSuffix(l, v)
}

// hasProved reports whether the caller has proved a fact of the record that the arguments
// with these names identify.
func (e *Evidence) hasProved(arguments map[string]string, names []string) bool {
	isProved := false
	for _, name := range names {
		value, ok := arguments[name]
		if !ok {
			continue
		}
		if slices.ContainsFunc(e.Proved, func(key string) bool { return isSameValue(key, value) }) {
			isProved = true
		}
	}
	return isProved
}

// requests reports whether the caller's last turns hold a request.
func (e *Evidence) requests(isRequest func(string) bool) bool {
	return slices.ContainsFunc(e.Said[max(0, len(e.Said)-recentTurns):], isRequest)
}

// hasLeaf reports whether a string or number in a JSON value equals value.
func hasLeaf(output json.RawMessage, value string) bool {
	var root any
	d := json.NewDecoder(strings.NewReader(string(output)))
	d.UseNumber()
	if d.Decode(&root) != nil {
		return false
	}
	return leafEquals(root, value)
}

func leafEquals(node any, value string) bool {
	switch n := node.(type) {
	case string:
		return isSameValue(n, value)
	case json.Number:
		return isSameValue(n.String(), value)
	case []any:
		return slices.ContainsFunc(n, func(child any) bool { return leafEquals(child, value) })
	case map[string]any:
		for _, child := range n {
			if leafEquals(child, value) {
				return true
			}
		}
	}
	return false
}
