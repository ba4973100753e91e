package tools

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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
	"frontdesk/tools/gate"
)

const (
	// DefaultTimeout is how long a tool may take if the policy does not set a timeout.
	DefaultTimeout = 10 * time.Second

	maxArguments = 64 << 10 // bytes of JSON that a model may send to a tool
	maxOutput    = 32 << 10 // bytes of JSON that a tool may return
	maxMessage   = 500      // bytes of an error message for the model
	maxCalls     = 256      // concurrent calls of one tool; the next one fails at once
)

// maxName is the length of the longest name of a tool in bytes.
const maxName = 64

// CleanName returns the name of a tool, which a model may have made up, as it can be logged:
// printable, in one line and at most 64 bytes.
func CleanName(name string) string {
	return words.Clip(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, words.Printable(words.Clip(name, 4*maxName))), maxName)
}

var validName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Policy says which tools of a registry an agent may use, and for how long.
type Policy struct {
	Allow    []string                 // names; nil allows every tool, an empty slice none
	Timeout  time.Duration            // of every tool that sets none; 0 means DefaultTimeout
	Timeouts map[string]time.Duration // of single tools, by name
	Rules    map[string]RuleChange    // what the operator changes in the rules of single tools, by name
}

// Registry is the set of tools an agent may use. It is immutable; With, WithSets, Restrict
// and Current return another one. A nil Registry has no tools. Safe for concurrent use.
type Registry struct {
	tools   []*entry        // in the order in which they were given
	running *sync.WaitGroup // calls, of all registries derived from the same one
	dynamic *dynamic        // sets of tools that change; nil if there are none
	away    []string        // of a registry that Current returned
}

// entry is a tool with its compiled schema.
type entry struct {
	tool    Tool
	spec    Spec
	schema  *jsonschema.Resolved
	timeout time.Duration
	calls   *atomic.Int32 // that run now; shared by all registries that hold the tool
}

// NewRegistry returns a registry of tools in the given order. The error is a fault.Error
// that names the tool with an invalid or duplicate name or an invalid schema.
func NewRegistry(tools ...Tool) (*Registry, error) {
	return (&Registry{running: new(sync.WaitGroup)}).With(tools...)
}

// With returns a registry of r's tools and extra ones, such as those that a caller's
// client provides.
func (r *Registry) With(extra ...Tool) (*Registry, error) {
	if r == nil {
		return NewRegistry(extra...)
	}
	out := &Registry{tools: slices.Clone(r.tools), running: r.running, dynamic: r.dynamic.copy()}
	for _, t := range extra {
		e, err := compile(t)
		if err != nil {
			return nil, err
		}
		if out.find(e.spec.Name) != nil {
			return nil, fault.New(fault.Invalid, "duplicate tool name %q", e.spec.Name)
		}
		out.tools = append(out.tools, e)
	}
	return out, nil
}

// Restrict returns a registry of the tools that p allows, with p's timeouts. The error is
// a fault.Error that names the tool that p mentions and r does not have, or to which a rule
// of p does not fit. Its detail "key" is the key of p, such as "rules.refund.identify".
func (r *Registry) Restrict(p Policy) (*Registry, error) {
	if r == nil {
		r = &Registry{running: new(sync.WaitGroup)}
	}
	for name, d := range p.Timeouts {
		if d <= 0 {
			return nil, fault.New(fault.Invalid, "the timeout of tool %q must be positive", name)
		}
	}
	for _, m := range p.mentioned() {
		if r.find(m.tool) == nil && !r.dynamic.mayHave(m.tool) {
			return nil, withKey(r.unknownTool(fault.Invalid, m.tool), m.key)
		}
	}
	out := &Registry{running: r.running, dynamic: r.dynamic.copy()}
	for _, e := range r.tools {
		restricted, err := p.restrict(e)
		if err != nil {
			return nil, err
		}
		if restricted != nil {
			out.tools = append(out.tools, restricted)
		}
	}
	if out.dynamic != nil {
		out.dynamic.policies = append(out.dynamic.policies, p)
	}
	return out, nil
}

// mention is a name of a tool in a policy.
type mention struct{ key, tool string }

// mentioned returns the tools that p names, in a stable order.
func (p Policy) mentioned() []mention {
	var out []mention
	for i, name := range p.Allow {
		out = append(out, mention{fmt.Sprintf("allow[%d]", i), name})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Timeouts)) {
		out = append(out, mention{"timeouts." + name, name})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Rules)) {
		out = append(out, mention{"rules." + name, name})
	}
	return out
}

// withKey adds the key of a policy to the details of an error.
func withKey(err *fault.Error, key string) *fault.Error {
	err.Details = map[string]any{"key": key}
	return err
}

// restrict returns the tool with p's timeout and rule, or nil if p does not allow it.
func (p Policy) restrict(e *entry) (*entry, error) {
	if p.Allow != nil && !slices.Contains(p.Allow, e.spec.Name) {
		return nil, nil
	}
	restricted := *e
	if p.Timeout > 0 && e.spec.Timeout == 0 {
		restricted.timeout = p.Timeout
	}
	if d, ok := p.Timeouts[e.spec.Name]; ok {
		restricted.timeout = d
	}
	if change, ok := p.Rules[e.spec.Name]; ok {
		rule, key, err := change.apply(restricted.spec)
		if err != nil {
			return nil, withKey(fault.From(err), strings.TrimSuffix("rules."+e.spec.Name+"."+key, "."))
		}
		restricted.spec.Rule = rule
	}
	return &restricted, nil
}

// compile checks a tool's Spec and prepares its schema.
func compile(t Tool) (*entry, error) {
	spec := t.Spec()
	if !validName.MatchString(spec.Name) {
		return nil, fault.New(fault.Invalid, "invalid tool name %q (want 1 to 64 of a-z, 0-9 and _)", spec.Name)
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
	return &entry{tool: t, spec: spec, schema: resolved, timeout: cmp.Or(spec.Timeout, DefaultTimeout), calls: new(atomic.Int32)}, nil
}

func (r *Registry) find(name string) *entry {
	if r = r.Current(); r == nil {
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

// unknownTool returns the error for a tool that r does not have.
func (r *Registry) unknownTool(code fault.Code, name string) *fault.Error {
	names := r.names()
	if len(names) == 0 {
		return fault.New(code, "unknown tool %q: there are no tools", name)
	}
	return fault.New(code, "unknown tool %q (want one of: %s)", name, strings.Join(names, ", "))
}

// Specs returns the descriptions of the tools in a stable order, in a new slice.
func (r *Registry) Specs() []Spec {
	if r = r.Current(); r == nil {
		return nil
	}
	out := make([]Spec, len(r.tools))
	for i, e := range r.tools {
		out[i] = e.spec
	}
	return out
}

// Find returns the Spec of the tool with the given name.
func (r *Registry) Find(name string) (Spec, bool) {
	e := r.find(name)
	if e == nil {
		return Spec{}, false
	}
	return e.spec, true
}

// Check returns the call with its arguments in a canonical form, in which no field occurs
// twice. The error is a fault.Error: there is no such tool, or the arguments do not fit its
// schema.
func (r *Registry) Check(call Call) (Call, error) {
	e := r.find(call.Name)
	if e == nil {
		return call, r.unknownTool(fault.NotFound, call.Name)
	}
	var err error
	call.Arguments, err = e.check(call.Arguments)
	return call, err
}

// Do runs a call that Check has returned and that permit allows, to its end or its deadline.
// It always returns a Result. Any error, also a panic in the tool, becomes a failed Result:
// its Output tells the model {"error":{"code","message"}}, its Err is for the log.
func (r *Registry) Do(ctx context.Context, call Call, permit gate.Permit) Result {
	e := r.find(call.Name)
	if e == nil {
		return Failed(call, r.unknownTool(fault.NotFound, call.Name))
	}
	if !permit.Allows(call.Name, call.Arguments) {
		return Failed(call, fault.New(fault.Forbidden, "the call was not permitted"))
	}
	if e.calls.Add(1) > maxCalls {
		e.calls.Add(-1)
		return Failed(call, fault.New(fault.Limited, "the tool %q is busy; try again in a moment", call.Name).Retryable(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	done := make(chan Result, 1)
	r.running.Go(func() {
		defer e.calls.Add(-1)
		done <- e.run(ctx, call, e.tool.Call)
	})
	select {
	case result := <-done:
		return result
	case <-ctx.Done():
		return Failed(call, e.deadlineError(ctx))
	}
}

// Await waits for the end of a call that was made before of a tool whose calls go on when
// nobody waits for them, or until its deadline. It needs no permit, because it starts nothing.
func (r *Registry) Await(ctx context.Context, call Call) Result {
	e := r.find(call.Name)
	if e == nil {
		return Failed(call, r.unknownTool(fault.NotFound, call.Name))
	}
	tool, ok := e.tool.(Awaiter)
	if !ok {
		return Failed(call, fault.New(fault.NotFound, "a call of the tool %q does not go on by itself", call.Name))
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return e.run(ctx, call, tool.Await)
}

// DoAsOperator runs a call that the operator's own program makes, not a model.
func (r *Registry) DoAsOperator(ctx context.Context, call Call) Result {
	call, err := r.Check(call)
	if err != nil {
		return Failed(call, err)
	}
	return r.Do(ctx, call, gate.PermitOperator(call.Name, call.Arguments))
}

// Abandon keeps what a call would have done if its tool can (see Abandoner), because the caller
// left before they agreed to it. isKept reports whether it can.
func (r *Registry) Abandon(ctx context.Context, call Call) (isKept bool, err error) {
	e := r.find(call.Name)
	if e == nil {
		return false, nil
	}
	tool, ok := e.tool.(Abandoner)
	if !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	return true, tool.Abandon(ctx, call)
}

// Wait waits until no tool runs. A tool that ignores its deadline still runs after Do has
// returned. Wait returns ctx's error if ctx ends first.
func (r *Registry) Wait(ctx context.Context) error {
	if r == nil {
		return nil
	}
	idle := make(chan struct{})
	go func() { // ends with the last tool
		defer close(idle)
		r.running.Wait()
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check validates arguments against the tool's schema and returns them in canonical form.
func (e *entry) check(arguments json.RawMessage) (json.RawMessage, error) {
	if len(arguments) > maxArguments {
		return nil, fault.New(fault.TooLarge, "the arguments are larger than %d bytes", maxArguments)
	}
	if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = json.RawMessage("{}")
	}
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber() // large numbers keep their digits
	var value, instance any
	err := d.Decode(&value)
	if err != nil || d.More() {
		return nil, fault.New(fault.Invalid, "the arguments are not JSON")
	}
	canonical, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(canonical, &instance)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "the arguments hold a number that is too large")
	}
	if err := e.schema.Validate(instance); err != nil {
		return nil, schemaError(e.schema.Schema(), err)
	}
	return canonical, nil
}

// run calls the tool by do and makes its output valid and short enough for the model.
func (e *entry) run(ctx context.Context, call Call, do func(context.Context, Call) (Result, error)) (result Result) {
	defer func() {
		if p := recover(); p != nil {
			result = Failed(call, fmt.Errorf("tool %s panicked: %v\n%s", call.Name, p, debug.Stack()))
		}
	}()
	result, err := do(ctx, call)
	if err != nil {
		if ctx.Err() != nil {
			err = e.deadlineError(ctx)
		}
		result = Failed(call, err)
		result.IsWrong = len(e.spec.Rule.Identify) > 0 && fault.From(err).Code == fault.NotFound
		return result
	}
	result.CallID, result.Held, result.Refused, result.Pending, result.Late = call.ID, false, false, false, ""
	if len(result.Output) == 0 {
		result.Output = json.RawMessage("{}")
	}
	if !json.Valid(result.Output) {
		return Failed(call, fault.New(fault.Provider, "the output of the tool %q is not JSON", call.Name))
	}
	result.Output = shorten(result.Output)
	return result
}

// deadlineError returns the error of a tool whose context has ended.
func (e *entry) deadlineError(ctx context.Context) error {
	err := ctx.Err()
	if err == context.DeadlineExceeded && e.spec.Rule.Effect.Changes() {
		return fault.Wrap(err, fault.Timeout, "it took too long; it may still have been done, so do not say that it was not")
	}
	return fault.From(err)
}

// Failed returns the Result of a call that ended with err.
func Failed(call Call, err error) Result {
	f := fault.From(err)
	message := words.Clip(f.Message, maxMessage)
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"code": f.Code, "message": message}})
	return Result{CallID: call.ID, Output: out, Failed: true, Err: err}
}

// shorten replaces an output that is too large by its beginning, as text, with a note for
// the model.
func shorten(out json.RawMessage) json.RawMessage {
	for size := maxOutput; len(out) > maxOutput; size /= 2 { // escaping can make text longer
		short, err := json.Marshal(map[string]any{
			"truncated": true,
			"beginning": words.Clip(string(out), size),
			"note":      "The answer was too long; this is its beginning. Ask for something narrower.",
		})
		if err == nil && len(short) <= maxOutput {
			return short
		}
	}
	return out
}
