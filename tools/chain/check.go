package chain

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/tools/workflow"
)

var (
	validName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	backoffs  = []workflow.Backoff{"", workflow.Exponential, workflow.Linear, workflow.Fixed}
	// retryableCodes are the codes of errors that a retry policy may name.
	retryableCodes = []string{string(fault.Unavailable), string(fault.Timeout), string(fault.Limited), string(fault.BadAnswer), string(fault.Provider),
		string(fault.NotFound), string(fault.Conflict), string(fault.Forbidden), string(fault.Invalid), string(fault.Storage), string(fault.Internal)}
)

// MaxDelay bounds the delay between two attempts of a step.
const MaxDelay = time.Hour

// Check returns what is wrong with c apart from its tools: a *FieldError.
func (c *Config) Check() error {
	schema, _, err := c.schema()
	if err != nil {
		return err
	}
	steps, fields := c.calls()
	if len(steps) == 0 || len(steps) > maxSteps {
		return wrong("steps", "a workflow has 1 to %d steps, this one has %d", maxSteps, len(steps))
	}
	names := make(map[string]bool)
	for i, s := range steps {
		if err := s.check(fields[i]); err != nil {
			return err
		}
		switch {
		case names[s.Name]:
			return wrong(fields[i]+".name", "another step is already called %q", s.Name)
		case schema.Properties[s.Name] != nil:
			return wrong(fields[i]+".name", "a parameter is already called %q: choose another name, because templates refer to both", s.Name)
		}
		names[s.Name] = true
	}
	return c.checkRefs(schema)
}

// schema returns the parameters as a JSON Schema.
func (c *Config) schema() (*jsonschema.Schema, json.RawMessage, error) {
	parameters := map[string]any{"type": "object", "additionalProperties": false}
	maps.Copy(parameters, c.Parameters)
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, nil, wrong("parameters", "cannot be written as JSON: %v", err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, nil, wrong("parameters", "is not a JSON Schema: %v", err)
	}
	if schema.Type != "object" {
		return nil, nil, wrong("parameters", "must describe an object: set type: object")
	}
	if _, err := schema.Resolve(nil); err != nil {
		return nil, nil, wrong("parameters", "is not a usable JSON Schema: %v", err)
	}
	for _, name := range []string{keyName, itemName} {
		if schema.Properties[name] != nil {
			return nil, nil, wrong("parameters", "a parameter must not be called %q, which means something else in templates", name)
		}
	}
	return &schema, text, nil
}

// check checks a step by itself.
func (s *Step) check(field string) error {
	switch {
	case s.Together != nil:
		return wrong(field+".together", "a group cannot hold a group")
	case !validName.MatchString(s.Name) || s.Name == keyName || s.Name == itemName:
		return wrong(field+".name", "invalid name %q (want 1 to 64 of a-z, 0-9 and _, not %s or %s)", s.Name, keyName, itemName)
	case s.AtOnce != 0 && s.Each == "":
		return wrong(field+".at_once", "only a step with each, or a group with together, has at_once: remove it")
	case s.AtOnce < 0 || s.AtOnce > maxAtOnce:
		return wrong(field+".at_once", "%d is out of range (want 1 to %d)", s.AtOnce, maxAtOnce)
	}
	return s.Retry.check(field + ".retry")
}

func (r Retry) check(field string) error {
	switch {
	case r.MaxAttempts < 0 || r.MaxAttempts > MaxAttempts:
		return wrong(field+".max_attempts", "%d is out of range (want 1 to %d)", r.MaxAttempts, MaxAttempts)
	case !slices.Contains(backoffs, r.Backoff):
		return wrong(field+".backoff", "unknown backoff %q (want exponential, linear or fixed)", r.Backoff)
	case r.Base < 0 || r.Base > MaxDelay:
		return wrong(field+".base", "%v is out of range (want up to %v)", r.Base, MaxDelay)
	case r.Max < 0 || r.Max > MaxDelay:
		return wrong(field+".max", "%v is out of range (want up to %v)", r.Max, MaxDelay)
	}
	for i, code := range r.Errors {
		if !slices.Contains(retryableCodes, code) {
			return wrong(fmt.Sprintf("%s.errors[%d]", field, i), "unknown code %q (want one of: %s)", code, strings.Join(retryableCodes, ", "))
		}
	}
	return nil
}

// checkRefs checks that each template refers to a parameter or to what an earlier step
// returned. So no step waits for itself.
func (c *Config) checkRefs(schema *jsonschema.Schema) error {
	known := slices.Sorted(maps.Keys(schema.Properties))
	for i := range c.Steps {
		s, field := &c.Steps[i], fmt.Sprintf("steps[%d]", i)
		if s.Together == nil {
			if err := s.checkRefs(field, known); err != nil {
				return err
			}
			known = append(known, s.Name)
			continue
		}
		if err := s.checkGroup(field); err != nil {
			return err
		}
		for j := range s.Together {
			if err := s.Together[j].checkRefs(fmt.Sprintf("%s.together[%d]", field, j), known); err != nil {
				return err
			}
		}
		for j := range s.Together {
			known = append(known, s.Together[j].Name)
		}
	}
	return checkTemplates("result", c.Result, known)
}

// checkGroup checks a step that is a group.
func (s *Step) checkGroup(field string) error {
	switch {
	case len(s.Together) == 0:
		return wrong(field+".together", "the group has no steps: add some or remove it")
	case s.Name != "" || s.Tool != "" || s.Arguments != nil || s.IsIdempotent != nil || s.Check != nil || s.Undo != nil || s.Each != "" || !s.Retry.isZero():
		return wrong(field, "a group has together and at_once only: move the other keys into its steps")
	case s.AtOnce < 0 || s.AtOnce > maxAtOnce:
		return wrong(field+".at_once", "%d is out of range (want 1 to %d)", s.AtOnce, maxAtOnce)
	}
	return nil
}

func (r Retry) isZero() bool {
	return r.MaxAttempts == 0 && r.Backoff == "" && r.Base == 0 && r.Max == 0 && r.Errors == nil
}

// checkRefs checks the templates of a step, which may refer to the names that are known.
func (s *Step) checkRefs(field string, known []string) error {
	if s.Each != "" {
		if err := checkTemplates(field+".each", s.Each, known); err != nil {
			return err
		}
		if t, _ := parseTemplate(s.Each); len(t.refs) != 1 || t.texts[0] != "" || t.texts[1] != "" {
			return wrong(field+".each", "must refer to one list, such as {customer/orders}")
		}
	}
	known = append(slices.Clone(known), keyName)
	if s.Each != "" {
		known = append(known, itemName)
	}
	if err := checkTemplates(field+".arguments", s.Arguments, known); err != nil {
		return err
	}
	if s.Check != nil {
		if err := checkTemplates(field+".check.arguments", s.Check.Arguments, known); err != nil {
			return err
		}
	}
	if s.Undo == nil {
		return nil
	}
	return checkTemplates(field+".undo.arguments", s.Undo.Arguments, append(known, s.Name))
}

func checkTemplates(field string, value any, known []string) error {
	if m, isMap := value.(map[string]any); isMap && m == nil {
		return nil
	}
	refs, place, err := refsIn(value)
	if err != nil {
		return wrong(field+place, "%v", err)
	}
	for _, r := range refs {
		if !slices.Contains(known, r.name) {
			return wrong(field, "{%s} is neither a parameter nor an earlier step (there are: %s)", r.name, strings.Join(known, ", "))
		}
	}
	return nil
}
