package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/tools/gate"
)

// function is the Tool that Func returns.
type function[Args any] struct {
	spec Spec
	call func(ctx context.Context, id string, args Args) (any, []Note, error)
}

// Func makes a tool of a Go function. The struct Args describes its parameters: the json
// tags give their names and say which ones are optional, the jsonschema tags give their
// descriptions. The function gets the call's id and arguments, and returns what the model
// reads, which is encoded as JSON, and the notes. Func panics if Args is not a struct with
// a JSON Schema, which is a mistake in the program.
func Func[Args any](name, description string, rule gate.Rule,
	call func(ctx context.Context, id string, args Args) (any, []Note, error)) Tool {
	schema, err := jsonschema.For[Args](&jsonschema.ForOptions{TypeSchemas: enums})
	if err == nil && schema.Type != "object" {
		err = fmt.Errorf("the type is %q (want a struct)", schema.Type)
	}
	if err != nil {
		panic(fmt.Sprintf("tools: parameters of %s: %v", name, err))
	}
	parameters, err := json.Marshal(schema)
	if err != nil {
		panic(fmt.Sprintf("tools: parameters of %s: %v", name, err))
	}
	return &function[Args]{
		spec: Spec{Name: name, Description: description, Parameters: parameters, Rule: rule},
		call: call,
	}
}

func (f *function[Args]) Spec() Spec { return f.spec }

func (f *function[Args]) Call(ctx context.Context, call Call) (Result, error) {
	var args Args
	if err := json.Unmarshal(call.Arguments, &args); err != nil {
		field := "" // the error itself may quote a value
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			field = " " + e.Field
		}
		return Result{}, fault.New(fault.Invalid, "cannot decode the arguments: wrong type of field%s", field)
	}
	answer, notes, err := f.call(ctx, call.ID, args)
	if err != nil {
		return Result{}, err
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return Result{}, fmt.Errorf("encode the result of %s: %w", f.spec.Name, err)
	}
	return Result{CallID: call.ID, Output: out, Notes: notes}, nil
}

// idempotentTool is the Tool that Idempotent returns.
type idempotentTool struct{ Tool }

func (t idempotentTool) Spec() Spec {
	s := t.Tool.Spec()
	s.IsIdempotent = true
	return s
}

// Idempotent returns t as a tool that has its effect once for each id of a call.
func Idempotent(t Tool) Tool { return idempotentTool{t} }
