package chain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/workflow"
)

// workflowName is the name of all chains as workflows. Their ids are
// chain.SESSION.TOOL.CALL.
const workflowName = "chain"

// input is what the database stores of a call. It has the steps, so that a change of
// agent.yaml does not change what runs already.
type input struct {
	Agent      string          `json:"agent"`
	Config     Config          `json:"config"`
	Parameters json.RawMessage `json:"parameters"`
	Caller     tools.Caller    `json:"caller"`
}

// Runner runs the calls of all chains of a process. Safe for concurrent use.
type Runner struct {
	mu     sync.Mutex // guards the fields below
	engine *workflow.Engine
	tools  map[string]*tools.Registry // of the steps, by agent
}

// NewRunner returns a Runner that runs nothing before Open.
func NewRunner() *Runner { return &Runner{tools: make(map[string]*tools.Registry)} }

// Open lets the chains run in an engine that has not been launched yet.
func (r *Runner) Open(e *workflow.Engine) {
	workflow.Register(e, workflowName, r.run)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.engine = e
}

// workflows returns the engine.
func (r *Runner) workflows() (*workflow.Engine, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.engine == nil {
		return nil, fault.New(fault.Unavailable, "workflows do not run in this program").NotDone()
	}
	return r.engine, nil
}

// add says which tools the steps of an agent's chains may call.
func (r *Runner) add(agent string, t *tools.Registry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tools[agent] = t
}

// toolsOf returns the tools for the steps of an agent's chains.
func (r *Runner) toolsOf(agent string) (*tools.Registry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tools[agent]; t != nil {
		return t, nil
	}
	return nil, fault.New(fault.Unavailable, "this node has no agent %q with workflows", agent).Retryable(0).NotDone()
}

// run is the workflow of a chain.
func (r *Runner) run(w *workflow.Run, in input) error {
	parameters, err := decodeObject(in.Parameters)
	if err != nil {
		return fault.New(fault.Damaged, "the parameters of the workflow cannot be read")
	}
	v, x := values{parameters: parameters}, execution{r, w.ID, &in}
	for i := range in.Config.Steps {
		s := &in.Config.Steps[i]
		calls, err := x.callsOf(s, v)
		if err != nil {
			return &workflow.StepError{Step: s.Name, State: workflow.Failed, Err: fault.From(err)}
		}
		results, err := workflow.Each(w, atOnce(s), calls...)
		if err != nil {
			return err
		}
		if v, err = v.join(s, results); err != nil {
			return &workflow.StepError{Step: s.Name, State: workflow.Failed, Err: fault.From(err)}
		}
	}
	return nil
}

func atOnce(s *Step) int {
	if s.AtOnce > 0 {
		return s.AtOnce
	}
	return defaultAtOnce
}

// execution is one execution of a call.
type execution struct {
	runner *Runner
	id     string // of the workflow
	in     *input
}

// callsOf returns the workflow steps that a step of a chain is.
func (x execution) callsOf(s *Step, v values) ([]workflow.Step[json.RawMessage], error) {
	switch {
	case s.Together != nil:
		var calls []workflow.Step[json.RawMessage]
		for i := range s.Together {
			more, err := x.callsOf(&s.Together[i], v)
			if err != nil {
				return nil, err
			}
			calls = append(calls, more...)
		}
		return calls, nil
	case s.Each == "":
		return []workflow.Step[json.RawMessage]{x.step(s, s.Name, v)}, nil
	}
	list, err := listOf(s, v)
	if err != nil {
		return nil, err
	}
	var calls []workflow.Step[json.RawMessage]
	for i, element := range list {
		calls = append(calls, x.step(s, elementName(s.Name, i), v.with(itemName, element)))
	}
	return calls, nil
}

// elementName returns the name of the step for an element of a list.
func elementName(step string, i int) string { return fmt.Sprintf("%s %d", step, i+1) }

// listOf returns the list for each element of which a step runs.
func listOf(s *Step, v values) ([]any, error) {
	value, _, err := fill(s.Each, v)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	switch {
	case value == nil:
	case !ok:
		return nil, fault.New(fault.BadAnswer, "each of %s is not a list", s.Name)
	case len(list) > maxElements:
		return nil, fault.New(fault.TooLarge, "each of %s has more than %d elements", s.Name, maxElements)
	}
	return list, nil
}

// join adds the results of a step, in the order of callsOf.
func (v values) join(s *Step, results []json.RawMessage) (values, error) {
	if s.Together != nil {
		for i := range s.Together {
			n := 1
			if s.Together[i].Each != "" {
				list, err := listOf(&s.Together[i], v)
				if err != nil {
					return v, err
				}
				n = len(list)
			}
			var err error
			if v, err = v.join(&s.Together[i], results[:n]); err != nil {
				return v, err
			}
			results = results[n:]
		}
		return v, nil
	}
	joined := make([]any, len(results))
	for i, result := range results {
		var err error
		if joined[i], err = decode(result); err != nil {
			return v, fault.New(fault.BadAnswer, "the result of %s cannot be read", s.Name)
		}
	}
	if s.Each != "" {
		return v.with(s.Name, joined), nil
	}
	return v.with(s.Name, joined[0]), nil
}

// step returns one step of a chain with the values that it may refer to.
func (x execution) step(s *Step, name string, v values) workflow.Step[json.RawMessage] {
	v = v.with(keyName, keyText(x.id+"/"+name))
	call := func(c *Call) func(context.Context, string) (json.RawMessage, error) {
		return func(ctx context.Context, key string) (json.RawMessage, error) { return x.call(ctx, c, key, v) }
	}
	out := workflow.Step[json.RawMessage]{
		Name: name, Do: call(&s.Call), Timeout: attemptTimeout, Once: !s.mayRepeat(),
		Retry: workflow.Policy{
			MaxAttempts: s.Retry.MaxAttempts, Backoff: s.Retry.Backoff, Base: s.Retry.Base, Max: s.Retry.Max, Retryable: s.Retry.retryable(),
		},
	}
	if s.Check != nil {
		check := call(s.Check)
		out.Check = func(ctx context.Context, key string) (json.RawMessage, bool, error) {
			result, err := check(ctx, key)
			if err != nil && fault.From(err).Code == fault.NotFound {
				return nil, false, nil
			}
			return result, err == nil, err
		}
	}
	if s.Undo != nil {
		out.UndoOnce = !s.Undo.mayRepeat()
		out.Undo = func(ctx context.Context, key string, result json.RawMessage) error {
			done, err := decode(result)
			if err != nil {
				return workflow.NotDone(fault.New(fault.BadAnswer, "the result of %s cannot be read", name))
			}
			_, err = x.call(ctx, s.Undo, key, v.with(s.Name, done))
			return err
		}
	}
	return out
}

// keyText returns a step's key as templates have it. It does not reveal the session.
func keyText(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// mayRepeat reports whether a call that may have been done can be made again with its key. The
// input has what agent.yaml and the tool said when the workflow began.
func (c *Call) mayRepeat() bool { return c.IsIdempotent != nil && *c.IsIdempotent }

// retryable returns which errors are retried; nil: those that may pass.
func (r Retry) retryable() func(error) bool {
	if r.Errors == nil {
		return nil
	}
	return func(err error) bool { return slices.Contains(r.Errors, string(fault.From(err).Code)) }
}

// call makes the call of a step. The workflow that it belongs to is a call that the gate has
// permitted.
func (x execution) call(ctx context.Context, c *Call, key string, v values) (json.RawMessage, error) {
	registry, err := x.runner.toolsOf(x.in.Agent)
	if err != nil {
		return nil, err
	}
	registry = registry.Current()
	call, spec, permit, err := prepare(registry, c, v)
	if err != nil {
		return nil, workflow.NotDone(err)
	}
	call.ID = key
	result := registry.Do(tools.WithCaller(ctx, x.in.Caller), call, permit)
	if !result.Failed {
		return result.Output, nil
	}
	err = result.Err
	if err == nil {
		err = fault.New(fault.Provider, "the tool %s failed", call.Name)
	}
	if spec.Rule.Effect.Changes() && mayBeDone(ctx, err) {
		return nil, workflow.MayBeDone(err)
	}
	return nil, workflow.NotDone(err)
}

// prepare returns a call with its templates filled in, checked by the tool's schema and the
// operator's constraints.
func prepare(registry *tools.Registry, c *Call, v values) (tools.Call, tools.Spec, gate.Permit, error) {
	call := tools.Call{Name: c.Tool}
	spec, ok := registry.Find(c.Tool)
	if !ok {
		return call, spec, gate.Permit{}, fault.New(fault.Unavailable, "the tool %s is not there now", c.Tool).Retryable(0)
	}
	arguments := any(map[string]any{})
	if c.Arguments != nil {
		var err error
		if arguments, _, err = fill(c.Arguments, v); err != nil {
			return call, spec, gate.Permit{}, err
		}
	}
	var err error
	if call.Arguments, err = json.Marshal(arguments); err != nil {
		return call, spec, gate.Permit{}, fault.New(fault.Invalid, "the arguments of %s cannot be written as JSON", c.Tool)
	}
	if call, err = registry.Check(call); err != nil {
		return call, spec, gate.Permit{}, err
	}
	permit, refused := gate.PermitStep(spec.Rule, call.Name, call.Arguments)
	if refused != nil {
		return call, spec, permit, refused
	}
	return call, spec, permit, nil
}

// mayBeDone reports whether a call that failed with err may have had its effect. What a tool
// refuses or reports as failed was not done.
func mayBeDone(ctx context.Context, err error) bool {
	f := fault.From(err)
	switch f.Code {
	case fault.Timeout, fault.Unavailable, fault.BadAnswer, fault.Internal, fault.Storage:
		return !f.NoEffect
	}
	return ctx.Err() != nil
}

// decode decodes JSON, nil as null. Numbers keep their digits. A step that an operator knows to
// have happened has no result.
func decode(text json.RawMessage) (value any, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&value)
	return value, err
}

func decodeObject(text json.RawMessage) (map[string]any, error) {
	value, err := decode(text)
	object, ok := value.(map[string]any)
	if err == nil && !ok {
		err = fault.New(fault.Invalid, "not an object")
	}
	return object, err
}
