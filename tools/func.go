package tools

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
)

// function is a Tool made by Func.
type function[Args any] struct {
	spec Spec
	call func(ctx context.Context, id string, args Args) (any, []Note, error)
}

// Func makes a tool of a Go function. The schema of its parameters is that of the
// struct Args: names and what is optional from the json tags, descriptions from the
// jsonschema tags. The function gets the call's id and arguments, and returns what
// the model reads, which is encoded as JSON. Func panics when Args has no JSON
// Schema of an object, which is a mistake in the program.
func Func[Args any](name, description string, effect Effect,
	call func(ctx context.Context, id string, args Args) (any, []Note, error)) Tool {
	schema, err := jsonschema.For[Args](&jsonschema.ForOptions{TypeSchemas: enums})
	if err == nil && schema.Type != "object" {
		err = fmt.Errorf("its type is %q", schema.Type)
	}
	if err != nil {
		panic(fmt.Sprintf("tools: parameters of %s: %v", name, err))
	}
	parameters, err := json.Marshal(schema)
	if err != nil {
		panic(fmt.Sprintf("tools: parameters of %s: %v", name, err))
	}
	return &function[Args]{
		spec: Spec{Name: name, Description: description, Parameters: parameters, Effect: effect},
		call: call,
	}
}

func (f *function[Args]) Spec() Spec { return f.spec }

func (f *function[Args]) Call(ctx context.Context, call Call) (Result, error) {
	var args Args
	if err := json.Unmarshal(call.Arguments, &args); err != nil {
		return Result{}, fault.New(fault.Invalid, "the arguments cannot be read: %s", err)
	}
	answer, notes, err := f.call(ctx, call.ID, args)
	if err != nil {
		return Result{}, err
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return Result{}, fmt.Errorf("encode the answer of %s: %w", f.spec.Name, err)
	}
	return Result{CallID: call.ID, Output: out, Notes: notes}, nil
}
