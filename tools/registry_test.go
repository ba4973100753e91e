package tools

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

// fakeTool is a tool with any spec and function.
type fakeTool struct {
	spec Spec
	call func(context.Context, Call) (Result, error)
}

func (f fakeTool) Spec() Spec                                       { return f.spec }
func (f fakeTool) Call(ctx context.Context, c Call) (Result, error) { return f.call(ctx, c) }

const anyObject = `{"type":"object"}`

func newTool(name string, call func(context.Context, Call) (Result, error)) Tool {
	return fakeTool{spec: Spec{Name: name, Description: "a test", Parameters: json.RawMessage(anyObject)}, call: call}
}

func echo(_ context.Context, c Call) (Result, error) { return Result{Output: c.Arguments}, nil }

func newRegistry(t testing.TB, tools ...Tool) *Registry {
	t.Helper()
	r, err := NewRegistry(tools...)
	require.NoError(t, err)
	return r
}

func decode(t testing.TB, r Result, into any) {
	t.Helper()
	if r.Failed {
		t.Fatalf("the call failed: %s", r.Output)
	}
	require.NoError(t, json.Unmarshal(r.Output, into))
}

// wantFailed checks that the result tells a model the code and message of a failure.
func wantFailed(t testing.TB, r Result, code fault.Code, contains string) {
	t.Helper()
	var out struct {
		Error struct {
			Code    fault.Code
			Message string
		}
	}
	if err := json.Unmarshal(r.Output, &out); err != nil {
		t.Fatalf("output %q: %v", r.Output, err)
	}
	if !r.Failed || r.Err == nil || out.Error.Code != code || !strings.Contains(out.Error.Message, contains) {
		t.Errorf("got failed=%v err=%v %s, want %s with %q", r.Failed, r.Err, r.Output, code, contains)
	}
}

func TestNewRegistryRefusesInvalidTools(t *testing.T) {
	with := func(name, parameters string) Tool {
		return fakeTool{spec: Spec{Name: name, Parameters: json.RawMessage(parameters)}, call: echo}
	}
	for what, tools := range map[string][]Tool{
		"no name":        {with("", anyObject)},
		"upper case":     {with("Search", anyObject)},
		"a space":        {with("a b", anyObject)},
		"65 letters":     {with(strings.Repeat("a", 65), anyObject)},
		"duplicate name": {with("a", anyObject), with("a", anyObject)},
		"no schema":      {with("a", "")},
		"broken JSON":    {with("a", "{")},
		"not an object":  {with("a", `{"type":"string"}`)},
		"bad pattern":    {with("a", `{"type":"object","properties":{"x":{"pattern":"("}}}`)},
		"dangling ref":   {with("a", `{"type":"object","properties":{"x":{"$ref":"#/nowhere"}}}`)},
		"remote ref":     {with("a", `{"type":"object","properties":{"x":{"$ref":"http://127.0.0.1:1/schema"}}}`)},
	} {
		if _, err := NewRegistry(tools...); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%s: got error %v, want %s", what, err, fault.Invalid)
		}
	}
	newRegistry(t, with(strings.Repeat("a", 64), anyObject), with("_9", anyObject))
}

func TestSpecsKeepOrder(t *testing.T) {
	base := newRegistry(t, newTool("zebra", echo), newTool("ant", echo))
	more, err := base.With(newTool("mole", echo))
	require.NoError(t, err)
	if got := more.names(); !slices.Equal(got, []string{"zebra", "ant", "mole"}) {
		t.Errorf("got order %q", got)
	}
	if got := base.names(); len(got) != 2 {
		t.Errorf("With changed its receiver to %q", got)
	}
	if _, err := more.With(newTool("ant", echo)); fault.From(err).Code != fault.Invalid {
		t.Errorf("duplicate name: got error %v", err)
	}
	if _, ok := more.Find("mole"); !ok {
		t.Error("Find does not find mole")
	}
	if _, ok := base.Find("mole"); ok {
		t.Error("Find finds mole in the wrong registry")
	}
}

func TestRestrictKeepsOnlyAllowedTools(t *testing.T) {
	all := newRegistry(t, newTool("a", echo), newTool("b", echo), newTool("c", echo))
	for _, test := range []struct {
		policy Policy
		want   []string
	}{
		{Policy{}, []string{"a", "b", "c"}},
		{Policy{Allow: []string{"c", "a"}}, []string{"a", "c"}},
		{Policy{Allow: []string{}}, nil},
	} {
		r, err := all.Restrict(test.policy)
		require.NoError(t, err)
		if got := r.names(); !slices.Equal(got, test.want) {
			t.Errorf("Restrict(%+v) has %q, want %q", test.policy, got, test.want)
		}
	}
	r, _ := all.Restrict(Policy{Allow: []string{"a"}})
	wantFailed(t, r.DoAsOperator(t.Context(), Call{ID: "1", Name: "b"}), fault.NotFound, `unknown tool "b" (want one of: a)`)
	for _, p := range []Policy{
		{Allow: []string{"a", "typo"}},
		{Timeouts: map[string]time.Duration{"typo": 1}},
		{Timeouts: map[string]time.Duration{"a": 0}},
	} {
		if _, err := all.Restrict(p); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("Restrict(%+v): got error %v, want %s", p, err, fault.Invalid)
		}
	}
}

func TestNilRegistryHasNoTools(t *testing.T) {
	var r *Registry
	if _, ok := r.Find("a"); ok || len(r.Specs()) > 0 || r.Wait(t.Context()) != nil {
		t.Error("a nil registry has a tool")
	}
	wantFailed(t, r.DoAsOperator(t.Context(), Call{ID: "1", Name: "a"}), fault.NotFound, "unknown tool")
	if r, err := r.With(newTool("a", echo)); err != nil || len(r.Specs()) != 1 {
		t.Errorf("With on nil: %v", err)
	}
	if _, err := r.Restrict(Policy{Allow: []string{"a"}}); err == nil {
		t.Error("Restrict on nil accepts an unknown tool")
	}
}

func TestModelCanReadEveryFailure(t *testing.T) {
	type arguments struct {
		Count int    `json:"count" jsonschema:"how many"`
		Word  string `json:"word,omitempty"`
	}
	count := Func("count", "counts", gate.Rule{}, func(_ context.Context, _ string, a arguments) (any, []Note, error) { return a.Count, nil, nil })
	r := newRegistry(t, count,
		newTool("broken", func(context.Context, Call) (Result, error) { return Result{}, errors.New("password is hunter2") }),
		newTool("conflicting", func(context.Context, Call) (Result, error) {
			return Result{}, fault.New(fault.Conflict, "the ticket is closed")
		}),
		newTool("panicking", func(context.Context, Call) (Result, error) { panic("a bug") }),
		newTool("invalid_json", func(context.Context, Call) (Result, error) { return Result{Output: json.RawMessage("{oops")}, nil }),
		newTool("long_error", func(context.Context, Call) (Result, error) {
			return Result{}, fault.New(fault.Conflict, "%s", strings.Repeat("é", 10_000))
		}),
	)
	for _, test := range []struct {
		name, arguments string
		code            fault.Code
		contains        string
	}{
		{"nothing", `{}`, fault.NotFound, "want one of: count, broken"},
		{"count", `{`, fault.Invalid, "not JSON"},
		{"count", `{"count":1} {"count":2}`, fault.Invalid, "not JSON"},
		{"count", ``, fault.Invalid, "count"},
		{"count", `null`, fault.Invalid, "fit"},
		{"count", `"3"`, fault.Invalid, "fit"},
		{"count", `{"count":"3"}`, fault.Invalid, "count"},
		{"count", `{"count":1.5}`, fault.Invalid, "count"},
		{"count", `{"count":1,"extra":2}`, fault.Invalid, "has only these: count"},
		{"count", `{"count":1e30}`, fault.Invalid, ""},
		{"count", `{"count":1,"word":"` + strings.Repeat("x", maxArguments) + `"}`, fault.TooLarge, "larger"},
		{"broken", `{}`, fault.Internal, "something went wrong"},
		{"conflicting", `{}`, fault.Conflict, "the ticket is closed"},
		{"panicking", `{}`, fault.Internal, "something went wrong"},
		{"invalid_json", `{}`, fault.Provider, "not JSON"},
		{"long_error", `{}`, fault.Conflict, "éé"},
	} {
		got := r.DoAsOperator(t.Context(), Call{ID: "call_7", Name: test.name, Arguments: json.RawMessage(test.arguments)})
		wantFailed(t, got, test.code, test.contains)
		if got.CallID != "call_7" || len(got.Output) > 2*maxMessage || strings.Contains(string(got.Output), "hunter2") {
			t.Errorf("Do(%s %.40s) = %+v", test.name, test.arguments, got)
		}
	}
	panicked := r.DoAsOperator(t.Context(), Call{Name: "panicking"})
	if !strings.Contains(panicked.Err.Error(), "registry_test.go") {
		t.Errorf("the error for the log lacks the stack of the panic: %v", panicked.Err)
	}
	if got := r.DoAsOperator(t.Context(), Call{ID: "8", Name: "count", Arguments: json.RawMessage(` {"count":3} `)}); got.Failed || string(got.Output) != "3" || got.CallID != "8" {
		t.Errorf("a valid call: got %+v", got)
	}
}

func TestLongOutputBecomesItsBeginning(t *testing.T) {
	for what, text := range map[string]string{
		"plain":   strings.Repeat("x", maxOutput),
		"quotes":  strings.Repeat(`"`, maxOutput),
		"unicode": strings.Repeat("€", maxOutput),
	} {
		big, _ := json.Marshal(text)
		r := newRegistry(t, newTool("big", func(context.Context, Call) (Result, error) { return Result{Output: big}, nil }))
		got := r.DoAsOperator(t.Context(), Call{Name: "big"})
		var out struct {
			Truncated       bool
			Beginning, Note string
		}
		decode(t, got, &out)
		if len(got.Output) > maxOutput || len(got.Output) < maxOutput/8 {
			t.Errorf("%s: output of %d bytes became %d", what, len(big), len(got.Output))
		}
		if !out.Truncated || out.Note == "" || !strings.HasPrefix(string(big), out.Beginning) {
			t.Errorf("%s: the model reads %.100s", what, got.Output)
		}
	}
	small := newRegistry(t, newTool("small", func(context.Context, Call) (Result, error) { return Result{}, nil }))
	if got := small.DoAsOperator(t.Context(), Call{Name: "small"}); string(got.Output) != "{}" {
		t.Errorf("empty output became %q", got.Output)
	}
}

func TestDoReturnsAtTheDeadlineOfAToolThatIgnoresIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ignoresDeadline := func(context.Context, Call) (Result, error) { <-release; return Result{}, nil }
		writer := fakeTool{spec: Spec{Name: "writer", Parameters: json.RawMessage(anyObject), Rule: gate.Rule{Effect: gate.Write}}, call: ignoresDeadline}
		all := newRegistry(t, newTool("reader", ignoresDeadline), writer)
		r, err := all.Restrict(Policy{Timeout: 3 * time.Second, Timeouts: map[string]time.Duration{"writer": 7 * time.Second}})
		require.NoError(t, err)
		wantTimeout := func(r *Registry, name string, contains string, want time.Duration) {
			t.Helper()
			began := time.Now()
			wantFailed(t, r.DoAsOperator(t.Context(), Call{Name: name}), fault.Timeout, contains)
			if d := time.Since(began); d != want {
				t.Errorf("%s timed out after %v, want %v", name, d, want)
			}
		}
		wantTimeout(all, "reader", "too long", DefaultTimeout)
		wantTimeout(r, "reader", "too long", 3*time.Second)
		wantTimeout(r, "writer", "may still have been done", 7*time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx); err == nil {
			t.Error("Wait returned while calls still run")
		}
		close(release)
		if err := r.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestCancelledContextEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, newTool("waits", func(ctx context.Context, _ Call) (Result, error) { <-ctx.Done(); return Result{}, ctx.Err() }))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantFailed(t, r.DoAsOperator(ctx, Call{Name: "waits"}), fault.Unavailable, "cancelled")
	})
}

func TestTooManyConcurrentCallsFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := newRegistry(t, newTool("slow", func(context.Context, Call) (Result, error) { <-release; return Result{}, nil }), newTool("other", echo))
		restricted, err := r.Restrict(Policy{Timeout: time.Hour})
		require.NoError(t, err)
		results := make(chan Result, maxCalls)
		for range maxCalls {
			go func() { results <- restricted.DoAsOperator(t.Context(), Call{Name: "slow"}) }()
		}
		synctest.Wait()
		wantFailed(t, r.DoAsOperator(t.Context(), Call{Name: "slow"}), fault.Limited, "busy")
		if got := r.DoAsOperator(t.Context(), Call{Name: "other"}); got.Failed {
			t.Errorf("another tool failed too: %s", got.Output)
		}
		close(release)
		for range maxCalls {
			if got := <-results; got.Failed {
				t.Errorf("a running call failed: %s", got.Output)
			}
		}
		if got := r.DoAsOperator(t.Context(), Call{Name: "slow"}); got.Failed {
			t.Errorf("the tool still fails afterwards: %s", got.Output)
		}
	})
}

func TestFuncMakesASchemaOfItsArguments(t *testing.T) {
	type arguments struct {
		Subject  string   `json:"subject" jsonschema:"in a few words"`
		Priority Priority `json:"priority,omitempty"`
	}
	spec := Func("x", "does x", gate.Rule{Effect: gate.Write}, func(context.Context, string, arguments) (any, []Note, error) { return nil, nil, nil }).Spec()
	var schema struct {
		Type       string
		Required   []string
		Properties map[string]struct {
			Description string
			Enum        []string
		}
	}
	require.NoError(t, json.Unmarshal(spec.Parameters, &schema))
	if schema.Type != "object" || !slices.Equal(schema.Required, []string{"subject"}) ||
		schema.Properties["subject"].Description != "in a few words" ||
		!slices.Equal(schema.Properties["priority"].Enum, []string{"low", "normal", "high", "urgent"}) {
		t.Errorf("got schema %s", spec.Parameters)
	}
	defer func() {
		if recover() == nil {
			t.Error("Func accepted arguments that are not a struct")
		}
	}()
	Func("y", "", gate.Rule{}, func(context.Context, string, int) (any, []Note, error) { return nil, nil, nil })
}

func TestFillQuestion(t *testing.T) {
	got := FillQuestion("Refund {amount} for {order} to {name}, {none}?", json.RawMessage(`{"order":12345678,"amount":1000000.5,"name":"{order}"}`))
	if want := "Refund 1000000.5 for 12345678 to {order}, ?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
