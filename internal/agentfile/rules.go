package agentfile

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// maxLimit bounds the limits of a tool's rule.
const maxLimit = 1_000_000

// ruleDocument is an entry of tools.rules.
type ruleDocument struct {
	Effect       string         `yaml:"effect"`
	Who          string         `yaml:"who"`
	Consent      string         `yaml:"consent"`
	Question     string         `yaml:"question"`
	Identify     *[]string      `yaml:"identify"`
	Destinations *[]string      `yaml:"destinations"`
	Trusted      *bool          `yaml:"trusted"`
	Arguments    map[string]any `yaml:"arguments"`
	Limits       struct {
		Turn    *int `yaml:"turn"`
		Session *int `yaml:"session"`
		Caller  *int `yaml:"caller"`
		Hour    *int `yaml:"hour"`
	} `yaml:"limits"`
}

var (
	effects    = map[string]gate.Effect{"read": gate.Read, "write": gate.Write, "money": gate.Money, "communication": gate.Communication}
	assurances = map[string]gate.Assurance{"anyone": gate.Anonymous, "fact": gate.VerifiedByFact, "pin": gate.VerifiedByPIN, "operator": gate.VerifiedOperator}
	consents   = map[string]gate.Consent{"ask": gate.Ask, "requested": gate.AskUnlessRequested, "none": gate.NoConsent}
)

// rules reads what the agent changes in the rules of its tools.
func (s *source) rules() (map[string]tools.RuleChange, error) {
	var out map[string]tools.RuleChange
	for _, name := range slices.Sorted(maps.Keys(s.doc.Tools.Rules)) {
		if !validTool.MatchString(name) {
			return nil, s.invalid("tools.rules", "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", name)
		}
		change, err := s.rule("tools.rules."+name, s.doc.Tools.Rules[name])
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make(map[string]tools.RuleChange)
		}
		out[name] = change
	}
	return out, nil
}

func (s *source) rule(path string, d ruleDocument) (change tools.RuleChange, err error) {
	if change.Effect, err = choiceOf(s, path+".effect", d.Effect, effects); err != nil {
		return change, err
	}
	if change.Who, err = choiceOf(s, path+".who", d.Who, assurances); err != nil {
		return change, err
	}
	if change.Consent, err = choiceOf(s, path+".consent", d.Consent, consents); err != nil {
		return change, err
	}
	change.Question, change.IsTrusted = strings.TrimSpace(d.Question), d.Trusted
	if n := utf8.RuneCountInString(change.Question); n > maxSpeech {
		return change, s.invalid(path+".question", "too long: %d characters (limit %d)", n, maxSpeech)
	}
	if d.Identify != nil {
		change.Identify = append([]string{}, *d.Identify...)
	}
	if d.Destinations != nil {
		change.Destinations = append([]string{}, *d.Destinations...)
	}
	for _, l := range []struct {
		key   string
		value *int
		into  *int
	}{
		{"turn", d.Limits.Turn, &change.Limits.Turn}, {"session", d.Limits.Session, &change.Limits.Session},
		{"caller", d.Limits.Caller, &change.Limits.Caller}, {"hour", d.Limits.Hour, &change.Limits.Hour},
	} {
		if *l.into, err = s.number(path+".limits."+l.key, l.value, 1, maxLimit); err != nil {
			return change, err
		}
	}
	if d.Arguments != nil {
		change.Arguments, err = s.schemaOf(path+".arguments", d.Arguments)
	}
	return change, err
}

// choiceOf returns the value that a word stands for, nil if it is not set.
func choiceOf[T any](s *source, path, word string, values map[string]T) (*T, error) {
	if word == "" {
		return nil, nil
	}
	v, ok := values[word]
	if !ok {
		return nil, s.invalid(path, "unknown value %q (want one of: %s)", word, strings.Join(slices.Sorted(maps.Keys(values)), ", "))
	}
	return &v, nil
}

// schemaOf returns the JSON Schema of an object with these properties.
func (s *source) schemaOf(path string, properties map[string]any) (json.RawMessage, error) {
	text, err := json.Marshal(map[string]any{"type": "object", "properties": properties})
	if err != nil {
		return nil, s.invalid(path, "cannot be written as JSON: %v", err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, s.invalid(path, "is not a JSON Schema: %v", err)
	}
	if _, err := schema.Resolve(nil); err != nil {
		return nil, s.invalid(path, "is not a usable JSON Schema: %v", err)
	}
	return text, nil
}
