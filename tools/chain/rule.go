package chain

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// Tools are the tools that the steps of chains may call.
type Tools struct {
	Registry *tools.Registry // with the rules of the operator; without chains
	// Later returns the rule that a tool will have that is not there yet, because its server
	// is away; false if there will be none of that name.
	Later func(name string) (gate.Rule, bool)
}

// notInChains are tools that work in a conversation only, and what to use instead.
var notInChains = map[string]string{
	"hand_over":     "use create_ticket, or let the model call hand_over after the workflow",
	"verify_caller": "set who in tools.rules instead",
}

// strength orders effects. The rule of a chain has the strongest effect of its tools.
var strength = []gate.Effect{gate.Read, gate.Write, gate.Communication, gate.Money}

// rule checks the calls of c against the tools, and returns the rule of the chain: at least as
// strict as the rules of its tools. The error is a *FieldError.
func (c *Config) rule(t Tools, schema *jsonschema.Schema) (gate.Rule, error) {
	var out gate.Rule
	trusted := make(map[string]bool) // steps with results that are the operator's own data
	for _, p := range c.parts() {
		spec, err := t.find(p)
		if err != nil {
			return out, err
		}
		if err := p.checkArguments(spec, schema); err != nil {
			return out, err
		}
		r := spec.Rule
		if r.Effect.Changes() && p.kind == checking {
			return out, wrong(p.field+".tool", "%s changes something, but a check must only read", p.call.Tool)
		}
		if isStronger(r.Effect, out.Effect) {
			out.Effect = r.Effect
		}
		if r.Effect.Changes() {
			out.Limits = smallest(out.Limits, r.Limits)
		}
		out.Who = max(out.Who, r.Who)
		trusted[p.step.Name] = trusted[p.step.Name] || p.kind == doing && r.IsTrusted
		for _, name := range r.Identify {
			for _, from := range p.sources(name) {
				out.Identify = union(out.Identify, from, schema)
			}
		}
		for _, name := range r.Destinations {
			for _, from := range p.sources(name) {
				if schema.Properties[from] == nil && from != keyName && !trusted[from] {
					return out, wrong(p.field+".arguments."+name, "decides where something goes, but the result of %s is not trusted: refer to a parameter, or set trusted: true in tools.rules for the tool of that step", from)
				}
				out.Destinations = union(out.Destinations, from, schema)
			}
		}
	}
	if c.Effect == nil {
		return out, nil
	}
	if isStronger(out.Effect, *c.Effect) {
		return out, wrong("effect", "is weaker than that of a step: remove effect")
	}
	out.Effect = *c.Effect
	return out, nil
}

func isStronger(a, b gate.Effect) bool { return slices.Index(strength, a) > slices.Index(strength, b) }

// find returns the tool of a call. Its parameters are nil if they are not known yet.
func (t Tools) find(p part) (tools.Spec, error) {
	if instead, ok := notInChains[p.call.Tool]; ok {
		return tools.Spec{}, wrong(p.field+".tool", "%s works in a conversation only: %s", p.call.Tool, instead)
	}
	if spec, ok := t.Registry.Find(p.call.Tool); ok {
		return spec, nil
	}
	if t.Later != nil {
		if r, ok := t.Later(p.call.Tool); ok {
			return tools.Spec{Name: p.call.Tool, Rule: r}, nil
		}
	}
	var names []string
	for _, s := range t.Registry.Specs() {
		if notInChains[s.Name] == "" {
			names = append(names, s.Name)
		}
	}
	return tools.Spec{}, wrong(p.field+".tool", "unknown tool %q (want one of: %s)", p.call.Tool, strings.Join(names, ", "))
}

// checkArguments checks the names of a call's arguments by the tool's schema. The values are
// checked when they are known.
func (p part) checkArguments(spec tools.Spec, schema *jsonschema.Schema) error {
	if len(spec.Parameters) == 0 { // not known yet
		return nil
	}
	var s struct {
		Properties           map[string]json.RawMessage
		Required             []string
		AdditionalProperties json.RawMessage
	}
	_ = json.Unmarshal(spec.Parameters, &s) // the registry has checked it
	want := strings.Join(slices.Sorted(maps.Keys(s.Properties)), ", ")
	for _, name := range slices.Sorted(maps.Keys(p.call.Arguments)) {
		if _, ok := s.Properties[name]; !ok && isNothing(s.AdditionalProperties) {
			return wrong(p.field+".arguments."+name, "unknown argument %q of tool %q (want one of: %s)", name, spec.Name, want)
		}
	}
	for _, name := range s.Required {
		value, ok := p.call.Arguments[name]
		if !ok {
			return wrong(p.field+".arguments", "the argument %q, which tool %q requires, is missing: add it", name, spec.Name)
		}
		text, _ := value.(string)
		t, err := parseTemplate(text)
		if err != nil || len(t.refs) != 1 || t.texts[0]+t.texts[1] != "" {
			continue
		}
		if r := t.refs[0].name; schema.Properties[r] != nil && !slices.Contains(schema.Required, r) {
			return wrong(p.field+".arguments."+name, "tool %q requires it, but a call may leave the parameter %q out: add it to parameters.required", spec.Name, r)
		}
	}
	return nil
}

// isNothing reports whether a schema of additional properties allows none.
func isNothing(additional json.RawMessage) bool {
	text := strings.ReplaceAll(string(additional), " ", "")
	return text == "false" || text == `{"not":{}}`
}

// sources returns the parameters and steps from which an argument comes.
func (p part) sources(argument string) []string {
	var names []string
	refs, _, _ := refsIn(p.call.Arguments[argument])
	for _, r := range refs {
		if r.name == itemName {
			of, _, _ := refsIn(p.step.Each)
			for _, r := range of {
				names = append(names, r.name)
			}
			continue
		}
		names = append(names, r.name)
	}
	return names
}

// union adds a name to list if it is a parameter.
func union(list []string, name string, schema *jsonschema.Schema) []string {
	if schema.Properties[name] == nil || slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}

// smallest returns the smaller ones of limits that are set.
func smallest(a, b gate.Limits) gate.Limits {
	for _, l := range []struct {
		into *int
		from int
	}{{&a.Turn, b.Turn}, {&a.Session, b.Session}, {&a.Caller, b.Caller}, {&a.Hour, b.Hour}, {&a.Wrong, b.Wrong}} {
		if *l.into == 0 || l.from != 0 && l.from < *l.into {
			*l.into = l.from
		}
	}
	return a
}
