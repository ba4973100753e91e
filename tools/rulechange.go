package tools

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/tools/gate"
)

// RuleChange is what an operator changes in the rule of a tool. A nil or empty field changes
// nothing.
type RuleChange struct {
	Effect       *gate.Effect
	Who          *gate.Assurance
	Consent      *gate.Consent
	Question     string
	Identify     []string
	Destinations []string
	IsTrusted    *bool
	Arguments    json.RawMessage // a JSON Schema that the arguments must fit besides the tool's own
	Limits       gate.Limits
}

// apply returns the changed rule of a tool. The error is a fault.Error that names the tool and
// the argument that it does not have; key is the part of c that is wrong.
func (c RuleChange) apply(spec Spec) (r gate.Rule, key string, err error) {
	r = spec.Rule
	r.Effect = orValue(c.Effect, r.Effect)
	r.Who = orValue(c.Who, r.Who)
	r.Consent = orValue(c.Consent, r.Consent)
	r.IsTrusted = orValue(c.IsTrusted, r.IsTrusted)
	r.Question = cmp.Or(c.Question, r.Question)
	if c.Identify != nil {
		r.Identify = c.Identify
	}
	if c.Destinations != nil {
		r.Destinations = c.Destinations
	}
	r.Limits = gate.Limits{
		Turn: cmp.Or(c.Limits.Turn, r.Limits.Turn), Session: cmp.Or(c.Limits.Session, r.Limits.Session),
		Caller: cmp.Or(c.Limits.Caller, r.Limits.Caller), Hour: cmp.Or(c.Limits.Hour, r.Limits.Hour),
	}
	for _, names := range []struct {
		key string
		of  []string
	}{{"identify", r.Identify}, {"destinations", r.Destinations}, {"question", namesInBraces(r.Question)}} {
		if err := spec.hasArguments(names.of); err != nil {
			return r, names.key, err
		}
	}
	if len(c.Arguments) == 0 {
		return r, "", nil
	}
	var schema jsonschema.Schema
	err = json.Unmarshal(c.Arguments, &schema)
	if err == nil {
		r.Arguments, err = schema.Resolve(nil)
	}
	if err != nil {
		return r, "arguments", fault.Wrap(err, fault.Invalid, "the rule for the arguments of tool %q is not a usable JSON Schema", spec.Name)
	}
	return r, "arguments", spec.hasArguments(slices.Sorted(maps.Keys(schema.Properties)))
}

func orValue[T any](change *T, value T) T {
	if change != nil {
		return *change
	}
	return value
}

// hasArguments returns an error that names the first of names that the tool does not have.
func (s Spec) hasArguments(names []string) error {
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(s.Parameters, &schema); err != nil {
		return fault.Wrap(err, fault.Invalid, "the parameters of tool %q are not a JSON Schema", s.Name)
	}
	for _, name := range names {
		if _, ok := schema.Properties[name]; !ok {
			return fault.New(fault.Invalid, "unknown argument %q of tool %q (want one of: %s)", name, s.Name,
				strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", "))
		}
	}
	return nil
}

// namesInBraces returns the names that a question holds: "refund {amount} for {order}".
func namesInBraces(question string) []string {
	var names []string
	for {
		_, rest, ok := strings.Cut(question, "{")
		if !ok {
			return names
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return names
		}
		names, question = append(names, name), after
	}
}

// FillQuestion puts the values of a call's arguments in place of their names in braces.
func FillQuestion(question string, arguments json.RawMessage) string {
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber() // 12345678 is not to be read as 1.2345678e+07
	_ = d.Decode(&values)
	var pairs []string
	for _, name := range namesInBraces(question) {
		value := ""
		if v, ok := values[name]; ok {
			value = fmt.Sprint(v)
		}
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(question)
}
