package chain

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/internal/jsonpointer"
)

const (
	keyName  = "key"  // in templates: the key of the step, the same in every attempt
	itemName = "item" // the element of the list for which a step runs
)

// template is a text with references in braces: {name} is a parameter of the chain, {step} or
// {step/field/0} the result of a step or a part of it, as a JSON Pointer. A template that is
// one reference stands for its value, whatever its type; in a longer text it is written out.
type template struct {
	texts []string // one more than refs: around them
	refs  []ref
}

type ref struct {
	name    string
	pointer jsonpointer.Pointer
}

var (
	braces   = regexp.MustCompile(`\{([^{}]*)\}`)
	validRef = regexp.MustCompile(`^([A-Za-z0-9_]+)((?:/.*)?)$`)
)

func parseTemplate(text string) (template, error) {
	var t template
	last := 0
	for _, at := range braces.FindAllStringSubmatchIndex(text, -1) {
		inside := text[at[2]:at[3]]
		m := validRef.FindStringSubmatch(inside)
		if m == nil {
			return t, fmt.Errorf("{%s} is neither a parameter nor a result (want one such as {order} or {label/id})", inside)
		}
		p, err := jsonpointer.Parse(m[2])
		if err != nil {
			return t, fmt.Errorf("in {%s}, %w", inside, err)
		}
		t.texts, t.refs, last = append(t.texts, text[last:at[0]]), append(t.refs, ref{m[1], p}), at[1]
	}
	t.texts = append(t.texts, text[last:])
	if strings.ContainsAny(strings.Join(t.texts, ""), "{}") {
		return t, fmt.Errorf("has a brace without its partner")
	}
	return t, nil
}

// values are what templates may refer to.
type values struct {
	parameters map[string]any
	steps      map[string]any // results by name; also keyName and itemName
}

// with returns v with one more result.
func (v values) with(name string, result any) values {
	steps := maps.Clone(v.steps)
	if steps == nil {
		steps = make(map[string]any)
	}
	steps[name] = result
	return values{v.parameters, steps}
}

// find returns what r refers to. A parameter may be absent; a result must be there.
func (r ref) find(v values) (value any, isThere bool, err error) {
	whole, isStep := v.steps[r.name]
	if !isStep {
		whole, isThere = v.parameters[r.name]
		if !isThere {
			return nil, false, nil
		}
	}
	value, isThere = r.pointer.Find(whole)
	if !isThere && isStep {
		return nil, false, fault.New(fault.BadAnswer, "the result of %s has nothing at /%s", r.name, strings.Join(r.pointer, "/"))
	}
	return value, isThere, nil
}

// fill returns the value of t. isThere is false if t is one parameter that the call left out.
func (t template) fill(v values) (value any, isThere bool, err error) {
	if len(t.refs) == 1 && t.texts[0] == "" && t.texts[1] == "" {
		return t.refs[0].find(v)
	}
	var b strings.Builder
	b.WriteString(t.texts[0])
	for i, r := range t.refs {
		found, _, err := r.find(v)
		if err != nil {
			return nil, false, err
		}
		switch f := found.(type) {
		case nil:
		case string:
			b.WriteString(f)
		case json.Number, bool:
			fmt.Fprint(&b, f)
		default:
			return nil, false, fault.New(fault.BadAnswer, "{%s} is not a single value, so it cannot be a part of a text", r.name)
		}
		b.WriteString(t.texts[i+1])
	}
	return b.String(), true, nil
}

// fill returns a value of a Config with its templates filled in. isThere is false for a
// parameter that the call left out.
func fill(value any, v values) (out any, isThere bool, err error) {
	switch x := value.(type) {
	case string:
		t, err := parseTemplate(x)
		if err != nil {
			return nil, false, fault.Wrap(err, fault.Invalid, "a template cannot be read")
		}
		return t.fill(v)
	case map[string]any:
		filled := make(map[string]any, len(x))
		for name, inner := range x {
			value, isThere, err := fill(inner, v)
			if err != nil {
				return nil, false, err
			}
			if isThere {
				filled[name] = value
			}
		}
		return filled, true, nil
	case []any:
		filled := make([]any, 0, len(x))
		for _, inner := range x {
			value, isThere, err := fill(inner, v)
			if err != nil {
				return nil, false, err
			}
			if isThere {
				filled = append(filled, value)
			}
		}
		return filled, true, nil
	}
	return value, true, nil
}

// refsIn returns the references in a value of a Config. The error names the place in the
// value, such as ".address.street".
func refsIn(value any) (refs []ref, place string, err error) {
	switch x := value.(type) {
	case string:
		t, err := parseTemplate(x)
		return t.refs, "", err
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(x)) {
			inner, place, err := refsIn(x[name])
			if err != nil {
				return nil, "." + name + place, err
			}
			refs = append(refs, inner...)
		}
	case []any:
		for i, element := range x {
			inner, place, err := refsIn(element)
			if err != nil {
				return nil, fmt.Sprintf("[%d]%s", i, place), err
			}
			refs = append(refs, inner...)
		}
	}
	return refs, "", nil
}
