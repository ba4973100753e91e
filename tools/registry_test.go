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
)

// probe is a tool whose every part a test can choose.
type probe struct {
	spec Spec
	call func(context.Context, Call) (Result, error)
}

func (p probe) Spec() Spec                                       { return p.spec }
func (p probe) Call(ctx context.Context, c Call) (Result, error) { return p.call(ctx, c) }

const anyObject = `{"type":"object"}`

func tool(name string, call func(context.Context, Call) (Result, error)) Tool {
	return probe{spec: Spec{Name: name, Description: "a test", Parameters: json.RawMessage(anyObject)}, call: call}
}

func echo(_ context.Context, c Call) (Result, error) { return Result{Output: c.Arguments}, nil }

func registry(t testing.TB, tools ...Tool) *Registry {
	t.Helper()
	r, err := NewRegistry(tools...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func decode(t testing.TB, r Result, into any) {
	t.Helper()
	if r.Failed {
		t.Fatalf("the call failed: %s", r.Output)
	}
	if err := json.Unmarshal(r.Output, into); err != nil {
		t.Fatal(err)
	}
}

// wantFailed checks that a model can read why a call failed.
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

func TestRegistryRefusesBrokenTools(t *testing.T) {
	with := func(name, parameters string) Tool {
		return probe{spec: Spec{Name: name, Parameters: json.RawMessage(parameters)}, call: echo}
	}
	for what, tools := range map[string][]Tool{
		"no name":           {with("", anyObject)},
		"upper case":        {with("Search", anyObject)},
		"a space":           {with("a b", anyObject)},
		"65 letters":        {with(strings.Repeat("a", 65), anyObject)},
		"the name twice":    {with("a", anyObject), with("a", anyObject)},
		"no schema":         {with("a", "")},
		"broken JSON":       {with("a", "{")},
		"not an object":     {with("a", `{"type":"string"}`)},
		"bad pattern":       {with("a", `{"type":"object","properties":{"x":{"pattern":"("}}}`)},
		"dangling ref":      {with("a", `{"type":"object","properties":{"x":{"$ref":"#/nowhere"}}}`)},
		"another's machine": {with("a", `{"type":"object","properties":{"x":{"$ref":"http://127.0.0.1:1/schema"}}}`)},
	} {
		if _, err := NewRegistry(tools...); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%s gives %v", what, err)
		}
	}
	registry(t, with(strings.Repeat("a", 64), anyObject), with("_9", anyObject))
}

func TestSpecsKeepTheirOrder(t *testing.T) {
	base := registry(t, tool("zebra", echo), tool("ant", echo))
	more, err := base.With(tool("mole", echo))
	if err != nil {
		t.Fatal(err)
	}
	if got := more.names(); !slices.Equal(got, []string{"zebra", "ant", "mole"}) {
		t.Errorf("order is %q", got)
	}
	if got := base.names(); len(got) != 2 {
		t.Errorf("With changed its base to %q", got)
	}
	if _, err := more.With(tool("ant", echo)); fault.From(err).Code != fault.Invalid {
		t.Errorf("a taken name gives %v", err)
	}
	if _, ok := more.Find("mole"); !ok {
		t.Error("mole is not found")
	}
	if _, ok := base.Find("mole"); ok {
		t.Error("mole is found where it is not")
	}
}

func TestPolicyLeavesOnlyWhatIsAllowed(t *testing.T) {
	all := registry(t, tool("a", echo), tool("b", echo), tool("c", echo))
	for _, test := range []struct {
		policy Policy
		want   []string
	}{
		{Policy{}, []string{"a", "b", "c"}},
		{Policy{Allow: []string{"c", "a"}}, []string{"a", "c"}},
		{Policy{Allow: []string{}}, nil},
	} {
		r, err := all.Under(test.policy)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.names(); !slices.Equal(got, test.want) {
			t.Errorf("under %+v there are %q, want %q", test.policy, got, test.want)
		}
	}
	r, _ := all.Under(Policy{Allow: []string{"a"}})
	wantFailed(t, r.Do(t.Context(), Call{ID: "1", Name: "b"}), fault.NotFound, `no tool "b"; there are: a`)
	for _, p := range []Policy{
		{Allow: []string{"a", "typo"}},
		{Timeouts: map[string]time.Duration{"typo": 1}},
		{Timeouts: map[string]time.Duration{"a": 0}},
	} {
		if _, err := all.Under(p); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%+v gives %v", p, err)
		}
	}
}

func TestNilRegistryHasNoTools(t *testing.T) {
	var r *Registry
	if _, ok := r.Find("a"); ok || len(r.Specs()) > 0 || r.Wait(t.Context()) != nil {
		t.Error("a nil registry has something")
	}
	wantFailed(t, r.Do(t.Context(), Call{ID: "1", Name: "a"}), fault.NotFound, "no tool")
	if r, err := r.With(tool("a", echo)); err != nil || len(r.Specs()) != 1 {
		t.Errorf("With on nil gives %v", err)
	}
	if _, err := r.Under(Policy{Allow: []string{"a"}}); err == nil {
		t.Error("Under on nil allows what is not there")
	}
}

func TestEveryFailureCanBeReadByTheModel(t *testing.T) {
	type arguments struct {
		Count int    `json:"count" jsonschema:"how many"`
		Word  string `json:"word,omitempty"`
	}
	counted := Func("count", "counts", Reads, func(_ context.Context, _ string, a arguments) (any, []Note, error) { return a.Count, nil, nil })
	r := registry(t, counted,
		tool("broken", func(context.Context, Call) (Result, error) { return Result{}, errors.New("password is hunter2") }),
		tool("refusing", func(context.Context, Call) (Result, error) {
			return Result{}, fault.New(fault.Conflict, "the ticket is closed")
		}),
		tool("panicking", func(context.Context, Call) (Result, error) { panic("a bug") }),
		tool("babbling", func(context.Context, Call) (Result, error) { return Result{Output: json.RawMessage("{oops")}, nil }),
		tool("shouting", func(context.Context, Call) (Result, error) {
			return Result{}, fault.New(fault.Conflict, "%s", strings.Repeat("é", 10_000))
		}),
	)
	for _, test := range []struct {
		name, arguments string
		code            fault.Code
		contains        string
	}{
		{"nothing", `{}`, fault.NotFound, "there are: count, broken"},
		{"count", `{`, fault.Invalid, "not JSON"},
		{"count", `{"count":1} {"count":2}`, fault.Invalid, "not JSON"},
		{"count", ``, fault.Invalid, "count"},
		{"count", `null`, fault.Invalid, "fit"},
		{"count", `"3"`, fault.Invalid, "fit"},
		{"count", `{"count":"3"}`, fault.Invalid, "count"},
		{"count", `{"count":1.5}`, fault.Invalid, "count"},
		{"count", `{"count":1,"extra":2}`, fault.Invalid, "extra"},
		{"count", `{"count":1e30}`, fault.Invalid, ""},
		{"count", `{"count":1,"word":"` + strings.Repeat("x", maxArguments) + `"}`, fault.TooLarge, "larger"},
		{"broken", `{}`, fault.Internal, "something went wrong"},
		{"refusing", `{}`, fault.Conflict, "the ticket is closed"},
		{"panicking", `{}`, fault.Internal, "something went wrong"},
		{"babbling", `{}`, fault.Provider, "not JSON"},
		{"shouting", `{}`, fault.Conflict, "éé"},
	} {
		got := r.Do(t.Context(), Call{ID: "call_7", Name: test.name, Arguments: json.RawMessage(test.arguments)})
		wantFailed(t, got, test.code, test.contains)
		if got.CallID != "call_7" || len(got.Output) > 2*maxMessage || strings.Contains(string(got.Output), "hunter2") {
			t.Errorf("%s %.40s gives %+v", test.name, test.arguments, got)
		}
	}
	panicked := r.Do(t.Context(), Call{Name: "panicking"})
	if !strings.Contains(panicked.Err.Error(), "registry_test.go") {
		t.Errorf("the log does not learn where it panicked: %v", panicked.Err)
	}
	if got := r.Do(t.Context(), Call{ID: "8", Name: "count", Arguments: json.RawMessage(` {"count":3} `)}); got.Failed || string(got.Output) != "3" || got.CallID != "8" {
		t.Errorf("a good call gives %+v", got)
	}
}

func TestLongAnswersAreCutPolitely(t *testing.T) {
	for what, text := range map[string]string{
		"plain":   strings.Repeat("x", maxOutput),
		"quotes":  strings.Repeat(`"`, maxOutput),
		"unicode": strings.Repeat("€", maxOutput),
	} {
		big, _ := json.Marshal(text)
		r := registry(t, tool("big", func(context.Context, Call) (Result, error) { return Result{Output: big}, nil }))
		got := r.Do(t.Context(), Call{Name: "big"})
		var out struct {
			Truncated       bool
			Beginning, Note string
		}
		decode(t, got, &out)
		if len(got.Output) > maxOutput || len(got.Output) < maxOutput/8 {
			t.Errorf("%s: %d bytes are left of %d", what, len(got.Output), len(big))
		}
		if !out.Truncated || out.Note == "" || !strings.HasPrefix(string(big), out.Beginning) {
			t.Errorf("%s: the model reads %.100s", what, got.Output)
		}
	}
	small := registry(t, tool("small", func(context.Context, Call) (Result, error) { return Result{}, nil }))
	if got := small.Do(t.Context(), Call{Name: "small"}); string(got.Output) != "{}" {
		t.Errorf("no answer gives %q", got.Output)
	}
}

func TestDeadlineEndsACallThatTheToolIgnores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stubborn := func(context.Context, Call) (Result, error) { <-release; return Result{}, nil }
		writer := probe{spec: Spec{Name: "writer", Parameters: json.RawMessage(anyObject), Effect: Writes}, call: stubborn}
		all := registry(t, tool("reader", stubborn), writer)
		r, err := all.Under(Policy{Timeout: 3 * time.Second, Timeouts: map[string]time.Duration{"writer": 7 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		took := func(r *Registry, name string, contains string, want time.Duration) {
			t.Helper()
			began := time.Now()
			wantFailed(t, r.Do(t.Context(), Call{Name: name}), fault.Timeout, contains)
			if d := time.Since(began); d != want {
				t.Errorf("%s took %v, want %v", name, d, want)
			}
		}
		took(all, "reader", "too long", DefaultTimeout)
		took(r, "reader", "too long", 3*time.Second)
		took(r, "writer", "may still have been done", 7*time.Second)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx); err == nil {
			t.Error("Wait does not see the calls that go on")
		}
		close(release)
		if err := r.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}

func TestInterruptionEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := registry(t, tool("patient", func(ctx context.Context, _ Call) (Result, error) { <-ctx.Done(); return Result{}, ctx.Err() }))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		wantFailed(t, r.Do(ctx, Call{Name: "patient"}), fault.Unavailable, "cancelled")
	})
}

func TestTooManyCallsOfAToolFailAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := registry(t, tool("slow", func(context.Context, Call) (Result, error) { <-release; return Result{}, nil }), tool("other", echo))
		limited, err := r.Under(Policy{Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan Result, maxRunning)
		for range maxRunning {
			go func() { results <- limited.Do(t.Context(), Call{Name: "slow"}) }()
		}
		synctest.Wait()
		wantFailed(t, r.Do(t.Context(), Call{Name: "slow"}), fault.Limited, "busy")
		if got := r.Do(t.Context(), Call{Name: "other"}); got.Failed {
			t.Errorf("another tool is refused: %s", got.Output)
		}
		close(release)
		for range maxRunning {
			if got := <-results; got.Failed {
				t.Errorf("a running call failed: %s", got.Output)
			}
		}
		if got := r.Do(t.Context(), Call{Name: "slow"}); got.Failed {
			t.Errorf("afterwards it is refused: %s", got.Output)
		}
	})
}

func TestFuncDescribesItsArguments(t *testing.T) {
	type arguments struct {
		Subject  string   `json:"subject" jsonschema:"in a few words"`
		Priority Priority `json:"priority,omitempty"`
	}
	spec := Func("x", "does x", Writes, func(context.Context, string, arguments) (any, []Note, error) { return nil, nil, nil }).Spec()
	var schema struct {
		Type       string
		Required   []string
		Properties map[string]struct {
			Description string
			Enum        []string
		}
	}
	if err := json.Unmarshal(spec.Parameters, &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Type != "object" || !slices.Equal(schema.Required, []string{"subject"}) ||
		schema.Properties["subject"].Description != "in a few words" ||
		!slices.Equal(schema.Properties["priority"].Enum, []string{"low", "normal", "high", "urgent"}) {
		t.Errorf("the schema is %s", spec.Parameters)
	}
	defer func() {
		if recover() == nil {
			t.Error("arguments that are no struct are taken")
		}
	}()
	Func("y", "", Reads, func(context.Context, string, int) (any, []Note, error) { return nil, nil, nil })
}
