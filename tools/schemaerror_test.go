package tools

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

func checkerOf(t testing.TB, properties string) *entry {
	t.Helper()
	e, err := compile(schemaTool(`{"type":"object","additionalProperties":false,` + properties + `}`))
	require.NoError(t, err)
	return e
}

type schemaTool string

func (s schemaTool) Spec() Spec {
	return Spec{Name: "x", Parameters: json.RawMessage(s), Rule: gate.Rule{}}
}

func (schemaTool) Call(context.Context, Call) (Result, error) { return Result{}, nil }

func TestSchemaErrorsNameTheFieldAndHoldNoValue(t *testing.T) {
	const secret = "4111-secret"
	for _, tt := range []struct{ schema, arguments, field, want string }{
		{`"properties":{"a":{"enum":["x","y"]}}`, `{"a":"4111-secret"}`, "a", "enum does not equal any of: [x y]"},
		{`"properties":{"a":{"const":"x"}}`, `{"a":"4111-secret"}`, "a", "const does not equal x"},
		{`"properties":{"a":{"type":"integer"}}`, `{"a":"4111-secret"}`, "a", `type, want "integer"`},
		{`"properties":{"a":{"type":"integer"}}`, `{"a":"4111-secret, want it is all"}`, "a", `type, want "integer"`},
		{`"properties":{"a":{"pattern":"^b"}}`, `{"a":"4111-secret"}`, "a", `pattern does not match regular expression "^b"`},
		{`"properties":{"a":{"maxLength":3}}`, `{"a":"4111-secret"}`, "a", "maxLength, more than 3"},
		{`"properties":{"o":{"properties":{"id":{"maxLength":3}}}}`, `{"o":{"id":"4111-secret"}}`, "o.id", "maxLength, more than 3"},
		{`"properties":{"l":{"items":{"maxLength":3}}}`, `{"l":["4111-secret"]}`, "l[]", "maxLength, more than 3"},
		{`"properties":{"a":{"anyOf":[{"const":1},{"const":2}]}}`, `{"a":"4111-secret"}`, "a", "anyOf"},
		{`"properties":{"a":{"not":{"type":"string"}}}`, `{"a":"4111-secret"}`, "a", "not"},
		{`"required":["a"]`, `{}`, "(the object)", `required missing properties: ["a"]`},
		{`"properties":{"a":{},"b":{}}`, `{"4111-secret":1}`, "(the object)", "which has only these: a, b"},
	} {
		_, err := checkerOf(t, tt.schema).check(json.RawMessage(tt.arguments))
		f := fault.From(err)
		if f == nil || f.Code != fault.Invalid || f.Details["field"] != tt.field || !strings.HasSuffix(f.Message, tt.want) {
			t.Errorf("%s with %s: field %v, %v; want field %s, %s", tt.schema, tt.arguments, f.Details["field"], err, tt.field, tt.want)
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s quotes the value: %v", tt.schema, err)
		}
	}
}

func FuzzSchemaErrorsHoldNoValue(f *testing.F) {
	e := checkerOf(f, `"properties":{"a":{"type":"string","maxLength":8,"pattern":"^x"},"n":{"type":"integer","maximum":3}}`)
	f.Add("validating /properties/b: enum: ")
	f.Add(`", want it": is does not equal `)
	f.Fuzz(func(t *testing.T, value string) {
		const mark = "SECRET7"
		for _, name := range []string{"a", "n", value} {
			arguments, err := json.Marshal(map[string]string{name: value + mark + value})
			require.NoError(t, err)
			if _, err = e.check(arguments); err != nil && strings.Contains(err.Error(), mark) {
				t.Errorf("the error for %s quotes the value: %v", arguments, err)
			}
		}
	})
}

func TestNamesThatModelsMakeUpCanBeLogged(t *testing.T) {
	for name, want := range map[string]string{
		"create_ticket": "create_ticket", "a\nERROR\tb": "a ERROR b", "a\x1b[31m\u202eb": "a[31mb", "\xff": "",
		strings.Repeat("x", 10_000): strings.Repeat("x", 64), strings.Repeat("é", 100): strings.Repeat("é", 32),
	} {
		if got := CleanName(name); got != want {
			t.Errorf("%.40q becomes %q, want %q", name, got, want)
		}
	}
}
