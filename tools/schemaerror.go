package tools

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

// expectations are the keywords of JSON Schema after whose error messages the schema's own
// part follows the given text. What comes before it may quote the value.
var expectations = map[string]string{
	"type": ", want ", "enum": " does not equal ", "const": " does not equal ", "pattern": " does not match ",
	"minimum": " is ", "maximum": " is ", "exclusiveMinimum": " is ", "exclusiveMaximum": " is ", "multipleOf": " is not ",
	"minLength": ", ", "maxLength": ", ", "minItems": " is ", "maxItems": " is ", "required": " missing ",
}

var schemaKeyword = regexp.MustCompile(`^[a-zA-Z]{1,24}$`)

// maxExpectation bounds in bytes what an error says about the schema.
const maxExpectation = 200

// schemaError returns the error for arguments that do not fit a schema. It names the field and
// what the schema wants there, and holds no value of the call, because errors are logged. Its
// detail "field" is the field. err is an error of package jsonschema.
func schemaError(schema *jsonschema.Schema, err error) *fault.Error {
	text, field := err.Error(), ""
	for {
		after, ok := strings.CutPrefix(text, "validating ")
		if !ok {
			break
		}
		path, rest, ok := strings.Cut(after, ": ")
		if !ok {
			break
		}
		text, field = rest, path
	}
	keyword, rest, _ := strings.Cut(text, ":")
	switch {
	case strings.HasPrefix(text, "unexpected additional properties"):
		keyword, rest = "additionalProperties", ""
	case !schemaKeyword.MatchString(keyword):
		keyword, rest = "schema", ""
	}
	what := keyword
	if mark := expectations[keyword]; mark != "" {
		if at := strings.LastIndex(rest, mark); at >= 0 {
			what += words.Clip(rest[at:], maxExpectation)
		}
	}
	field = fieldOf(field)
	if keyword == "additionalProperties" && field == wholeObject {
		what = "its schema, which has only these: " + strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", ")
	}
	f := fault.New(fault.Invalid, "the arguments do not fit the tool's parameters: the field %s violates %s", field, what)
	f.Details = map[string]any{"field": field}
	return f
}

// wholeObject is the field of an error that is not about one field.
const wholeObject = "(the object)"

// fieldOf returns the name of the field that a part of a schema describes: "order.id" of
// "/properties/order/properties/id".
func fieldOf(path string) string {
	path = "/" + strings.Trim(path, "/")
	path = strings.ReplaceAll(path, "/properties/", ".")
	path = strings.ReplaceAll(path, "/items", "[]")
	if path = strings.TrimLeft(path, "./"); path == "" || path == "root" {
		return wholeObject
	}
	return words.Clip(path, maxExpectation)
}
