package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
)

const (
	// DefaultTimeout is how long a tool may take where the policy does not say.
	DefaultTimeout = 10 * time.Second

	maxArguments = 64 << 10 // bytes of JSON a model may send to a tool
	maxOutput    = 32 << 10 // bytes of JSON a tool may answer
	maxMessage   = 500      // bytes of an error's message for the model
	maxRunning   = 256      // calls of one tool at the same time; the next one fails at once
)

var validName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Policy says which tools of a registry an agent may use, and for how long.
type Policy struct {
	Allow    []string                 // names; nil allows every tool, empty allows none
	Timeout  time.Duration            // for every tool; 0 is DefaultTimeout
	Timeouts map[string]time.Duration // for single tools, by name
}

// Registry is the set of tools an agent may use. It never changes; With and Under
// make another. The methods of a nil Registry see no tools. Safe for concurrent use.
type Registry struct {
	tools []*entry // in the order they were given
	late  *sync.WaitGroup
}

// entry is a tool with its schema compiled.
type entry struct {
	tool    Tool
	spec    Spec
	schema  *jsonschema.Resolved
	timeout time.Duration
	running *atomic.Int32 // shared by every registry that holds the tool
}

// NewRegistry makes a registry of tools, in that order. The error is a fault.Error
// that names the tool whose name is invalid or taken, or whose schema is broken.
func NewRegistry(tools ...Tool) (*Registry, error) {
	return (&Registry{late: new(sync.WaitGroup)}).With(tools...)
}

// With is a registry of r's tools and extra ones, as when a caller's client brings
// tools of its own.
func (r *Registry) With(extra ...Tool) (*Registry, error) {
	if r == nil {
		return NewRegistry(extra...)
	}
	out := &Registry{tools: slices.Clone(r.tools), late: r.late}
	for _, t := range extra {
		e, err := compile(t)
		if err != nil {
			return nil, err
		}
		if out.find(e.spec.Name) != nil {
			return nil, fault.New(fault.Invalid, "two tools are called %q", e.spec.Name)
		}
		out.tools = append(out.tools, e)
	}
	return out, nil
}

// Under is the part of r that p allows, with p's timeouts. The error is a
// fault.Error that names what p mentions and r does not have.
func (r *Registry) Under(p Policy) (*Registry, error) {
	if r == nil {
		r = &Registry{late: new(sync.WaitGroup)}
	}
	mentioned := slices.Clone(p.Allow)
	for name, d := range p.Timeouts {
		mentioned = append(mentioned, name)
		if d <= 0 {
			return nil, fault.New(fault.Invalid, "the timeout of tool %q must be positive", name)
		}
	}
	slices.Sort(mentioned)
	for _, name := range mentioned {
		if r.find(name) == nil {
			return nil, fault.New(fault.Invalid, "there is no tool %q; there are: %s", name, strings.Join(r.names(), ", "))
		}
	}
	out := &Registry{late: r.late}
	for _, e := range r.tools {
		if p.Allow != nil && !slices.Contains(p.Allow, e.spec.Name) {
			continue
		}
		limited := *e
		if p.Timeout > 0 {
			limited.timeout = p.Timeout
		}
		if d, ok := p.Timeouts[e.spec.Name]; ok {
			limited.timeout = d
		}
		out.tools = append(out.tools, &limited)
	}
	return out, nil
}

// compile checks a tool's Spec and prepares its schema.
func compile(t Tool) (*entry, error) {
	spec := t.Spec()
	if !validName.MatchString(spec.Name) {
		return nil, fault.New(fault.Invalid, "a tool is called %q; a name is 1 to 64 of a-z, 0-9 and _", spec.Name)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(spec.Parameters, &schema); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the parameters of tool %q are not a JSON Schema", spec.Name)
	}
	if schema.Type != "object" {
		return nil, fault.New(fault.Invalid, `the parameters of tool %q must be of type "object"`, spec.Name)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the parameters of tool %q are not a usable JSON Schema", spec.Name)
	}
	return &entry{tool: t, spec: spec, schema: resolved, timeout: DefaultTimeout, running: new(atomic.Int32)}, nil
}

func (r *Registry) find(name string) *entry {
	if r == nil {
		return nil
	}
	for _, e := range r.tools { // an agent has a handful
		if e.spec.Name == name {
			return e
		}
	}
	return nil
}

func (r *Registry) names() []string {
	var out []string
	for _, s := range r.Specs() {
		out = append(out, s.Name)
	}
	return out
}

// Specs describes the tools in a stable order. The slice is the caller's.
func (r *Registry) Specs() []Spec {
	if r == nil {
		return nil
	}
	out := make([]Spec, len(r.tools))
	for i, e := range r.tools {
		out[i] = e.spec
	}
	return out
}

// Find returns the Spec of the tool of that name.
func (r *Registry) Find(name string) (Spec, bool) {
	e := r.find(name)
	if e == nil {
		return Spec{}, false
	}
	return e.spec, true
}

// Do runs a call to its end or its deadline and always has a Result: whatever goes
// wrong, a panic in the tool too, becomes a failed one whose Output tells the model
// {"error":{"code","message"}} and whose Err is for the log.
func (r *Registry) Do(ctx context.Context, call Call) Result {
	e := r.find(call.Name)
	if e == nil {
		return failed(call, fault.New(fault.NotFound, "there is no tool %q; there are: %s", call.Name, strings.Join(r.names(), ", ")))
	}
	if len(bytes.TrimSpace(call.Arguments)) == 0 {
		call.Arguments = json.RawMessage("{}")
	}
	if err := e.check(call.Arguments); err != nil {
		return failed(call, err)
	}
	if e.running.Add(1) > maxRunning {
		e.running.Add(-1)
		return failed(call, fault.New(fault.Limited, "the tool %q is too busy now", call.Name).Retryable(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	done := make(chan Result, 1)
	r.late.Go(func() {
		defer e.running.Add(-1)
		done <- e.run(ctx, call)
	})
	select {
	case result := <-done:
		return result
	case <-ctx.Done():
		return failed(call, e.overdue(ctx))
	}
}

// Wait returns when no tool runs any more: those that outlast their deadline go on
// after Do has returned. It returns ctx's error when ctx ends first.
func (r *Registry) Wait(ctx context.Context) error {
	if r == nil {
		return nil
	}
	idle := make(chan struct{})
	go func() { // ends with the last tool
		defer close(idle)
		r.late.Wait()
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check holds arguments against the tool's schema.
func (e *entry) check(arguments json.RawMessage) error {
	if len(arguments) > maxArguments {
		return fault.New(fault.TooLarge, "the arguments are larger than %d bytes", maxArguments)
	}
	var value any
	if err := json.Unmarshal(arguments, &value); err != nil {
		return fault.New(fault.Invalid, "the arguments are not JSON: %s", err)
	}
	if err := e.schema.Validate(value); err != nil {
		return fault.New(fault.Invalid, "the arguments do not fit the tool's parameters: %s", err)
	}
	return nil
}

// run calls the tool and makes its answer fit for the model.
func (e *entry) run(ctx context.Context, call Call) (result Result) {
	defer func() {
		if p := recover(); p != nil {
			result = failed(call, fmt.Errorf("tool %s panicked: %v\n%s", call.Name, p, debug.Stack()))
		}
	}()
	result, err := e.tool.Call(ctx, call)
	if err != nil {
		if ctx.Err() != nil {
			err = e.overdue(ctx)
		}
		return failed(call, err)
	}
	result.CallID = call.ID
	if len(result.Output) == 0 {
		result.Output = json.RawMessage("{}")
	}
	if !json.Valid(result.Output) {
		return failed(call, fault.New(fault.Provider, "the tool %q gave an answer that is not JSON", call.Name))
	}
	result.Output = shorten(result.Output)
	return result
}

// overdue says why the tool's context ended.
func (e *entry) overdue(ctx context.Context) error {
	err := ctx.Err()
	if err == context.DeadlineExceeded && e.spec.Effect == Writes {
		return fault.Wrap(err, fault.Timeout, "it took too long; it may still have been done, so do not say that it was not")
	}
	return fault.From(err)
}

// failed is the Result of a call that could not be done.
func failed(call Call, err error) Result {
	f := fault.From(err)
	message := words.Clip(f.Message, maxMessage)
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"code": f.Code, "message": message}})
	return Result{CallID: call.ID, Output: out, Failed: true, Err: err}
}

// shorten keeps an output within its limit: a larger one becomes its beginning, as
// text, and says so.
func shorten(out json.RawMessage) json.RawMessage {
	for keep := maxOutput; len(out) > maxOutput; keep /= 2 { // escaping can make text longer
		short, err := json.Marshal(map[string]any{
			"truncated": true,
			"beginning": words.Clip(string(out), keep),
			"note":      "The answer was too long; this is its beginning. Ask for something narrower.",
		})
		if err == nil && len(short) <= maxOutput {
			return short
		}
	}
	return out
}
