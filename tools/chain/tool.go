package chain

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/workflow"
)

const (
	answerMargin = 250 * time.Millisecond // before its deadline a call stops waiting for its workflow
	startMargin  = 5 * time.Second        // for a call that was made on another node to begin
)

// Tool is a tools.Tool for a chain. It is safe for concurrent use.
type Tool struct {
	agent  string
	config Config
	spec   tools.Spec
	schema *jsonschema.Schema
	tools  Tools
	runner *Runner
}

// New checks c and returns its tool for an agent. All chains of an agent have the same tools.
// The error is a *FieldError.
func New(agent string, c Config, t Tools, runner *Runner) (*Tool, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	schema, parameters, err := c.schema()
	if err != nil {
		return nil, err
	}
	rule, err := c.rule(t, schema)
	if err != nil {
		return nil, err
	}
	runner.add(agent, t.Registry)
	return &Tool{agent: agent, config: c, schema: schema, tools: t, runner: runner, spec: tools.Spec{
		Name: c.Name, Description: c.Description, Parameters: parameters, Rule: rule, Timeout: DefaultTimeout, IsIdempotent: true, IsDurable: true,
	}}, nil
}

// Spec implements tools.Tool.
func (t *Tool) Spec() tools.Spec { return t.spec }

// CheckRule returns an error if an operator's rule of the chain is weaker than the rules of
// its tools.
func (t *Tool) CheckRule(r gate.Rule) error {
	if isStronger(t.spec.Rule.Effect, r.Effect) || r.Who < t.spec.Rule.Who {
		return fault.New(fault.Invalid, "effect or who is weaker than the rule of a tool of the workflow: remove it")
	}
	return nil
}

// Call implements tools.Tool. It starts the workflow of the call and waits for it.
func (t *Tool) Call(ctx context.Context, call tools.Call) (tools.Result, error) {
	engine, err := t.runner.workflows()
	if err != nil {
		return tools.Result{}, err
	}
	config, err := t.resolved(call.Arguments)
	if err != nil {
		return tools.Result{}, err
	}
	caller := tools.CallerOf(ctx)
	caller.CallBack, caller.CanTransfer = tools.CallBack{}, false // what was true in the call
	id := idOf(caller.Session, call)
	err = engine.Start(workflowName, id, input{Agent: t.agent, Config: config, Parameters: call.Arguments, Caller: caller})
	if err != nil {
		return tools.Result{}, err
	}
	return await(ctx, engine, call, id)
}

// Await implements tools.Awaiter: it waits for the workflow of a call that was made before.
func (t *Tool) Await(ctx context.Context, call tools.Call) (tools.Result, error) {
	engine, err := t.runner.workflows()
	if err != nil {
		return tools.Result{}, err
	}
	id := idOf(tools.CallerOf(ctx).Session, call)
	begun := time.Now()
	for {
		result, err := await(ctx, engine, call, id)
		switch {
		case err == nil || fault.From(err).Code != fault.NotFound:
			return result, err
		case time.Since(begun) > startMargin: // a node that still hangs may begin it later
			return result, fault.New(fault.Timeout, "the line broke before it was known whether this has begun; do not do it again")
		}
		select {
		case <-time.After(startMargin / 20):
		case <-ctx.Done():
			return result, ctx.Err()
		}
	}
}

// idOf returns the id of a call's workflow. The id of a call may have any characters.
func idOf(session string, call tools.Call) string {
	sum := sha256.Sum256([]byte(call.ID))
	return workflow.IDOf(workflowName, session, call.Name+"."+hex.EncodeToString(sum[:8]))
}

// resolved checks what the tools of the chain say now, and returns the chain with what its
// workflow must know of them. Calls whose arguments are known are checked, so that a chain
// that cannot succeed does not begin.
func (t *Tool) resolved(parameters json.RawMessage) (Config, error) {
	registry := t.tools.Registry.Current()
	rule, err := t.config.rule(Tools{Registry: registry}, t.schema)
	switch {
	case err != nil:
		return Config{}, fault.Wrap(err, fault.Unavailable, "a service that this needs does not answer now").Retryable(0).NotDone()
	case !isSubset(rule.Identify, t.spec.Rule.Identify), !isSubset(rule.Destinations, t.spec.Rule.Destinations),
		isStronger(rule.Effect, t.spec.Rule.Effect), rule.Who > t.spec.Rule.Who:
		return Config{}, fault.New(fault.Forbidden, "a tool of this workflow has a stricter rule than the workflow had when it was checked")
	}
	c := t.config.copy()
	given, err := decodeObject(parameters)
	if err != nil {
		return Config{}, fault.New(fault.Invalid, "the arguments are not an object")
	}
	v := values{parameters: given}
	for _, p := range c.parts() {
		spec, _ := registry.Find(p.call.Tool)
		p.call.Effect = spec.Rule.Effect
		isIdempotent := spec.IsIdempotent || !spec.Rule.Effect.Changes()
		if p.call.IsIdempotent == nil {
			p.call.IsIdempotent = &isIdempotent
		}
		if !t.isGiven(p) {
			continue
		}
		if _, _, _, err := prepare(registry, p.call, v.with(keyName, keyText(""))); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// isGiven reports whether the arguments of a call are known before the chain begins.
func (t *Tool) isGiven(p part) bool {
	refs, _, _ := refsIn(p.call.Arguments)
	return !slices.ContainsFunc(refs, func(r ref) bool { return r.name != keyName && t.schema.Properties[r.name] == nil })
}

func isSubset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(name string) bool { return !slices.Contains(b, name) })
}

// copy returns a copy whose calls can be changed.
func (c Config) copy() Config {
	c.Steps = copySteps(c.Steps)
	return c
}

func copySteps(steps []Step) []Step {
	out := slices.Clone(steps)
	for i := range out {
		s := &out[i]
		s.Check, s.Undo, s.Together = copyCall(s.Check), copyCall(s.Undo), copySteps(s.Together)
	}
	return out
}

func copyCall(c *Call) *Call {
	if c == nil {
		return nil
	}
	out := *c
	return &out
}

// await waits for a workflow. If it is not finished before ctx ends, the result is a failure
// that says how far it is, because nothing may be claimed of it yet.
func await(ctx context.Context, engine *workflow.Engine, call tools.Call, id string) (tools.Result, error) {
	waiting := ctx
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		waiting, cancel = context.WithDeadline(ctx, deadline.Add(-answerMargin))
		defer cancel()
	}
	w, err := engine.Wait(waiting, id)
	if errors.Is(ctx.Err(), context.Canceled) { // the conversation has ended
		return tools.Result{}, ctx.Err()
	}
	if f := fault.From(err); err != nil && f.Code != fault.Timeout {
		return tools.Result{}, err
	}
	s, err := statusOf(engine, w)
	if err != nil {
		return tools.Result{}, err
	}
	return s.resultOf(call, w)
}
