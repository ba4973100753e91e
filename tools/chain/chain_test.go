package chain

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/workflow"
)

const arguments = `{"order":"47","amount":19.90}`

func TestResultsFeedLaterSteps(t *testing.T) {
	s, url := serveShop(t)
	tool, _ := openChain(t, returning(true), url)
	result := callOf(inSession(t, "s1"), t, tool, "c1", arguments)
	if result.Failed || !strings.Contains(string(result.Output), `"result":{"amount":19.90,"label":"L-47","text":"Label L-47, 1 copy."}`) {
		t.Errorf("got %s, %v", result.Output, result.Err)
	}
	if got := s.effectsInOrder(); !strings.HasPrefix(got, "label 47, refund 47, reference ") || !strings.HasSuffix(got, ", message 47") {
		t.Errorf("effects: %s", got)
	}
	again := callOf(inSession(t, "s1"), t, tool, "c1", arguments)
	if string(again.Output) != string(result.Output) || s.count("refund 47") != 1 {
		t.Errorf("the same call again: %s, with %d refunds", again.Output, s.count("refund 47"))
	}
	if other := callOf(inSession(t, "s2"), t, tool, "c1", arguments); other.Failed || s.count("refund 47") != 2 {
		t.Errorf("another session's call with the same id: %s, with %d refunds", other.Output, s.count("refund 47"))
	}
}

func TestFailedChainIsUndone(t *testing.T) {
	s, url := serveShop(t)
	tool, _ := openChain(t, returning(false), url)
	s.fail["/refunds"] = http.StatusForbidden
	result := callOf(inSession(t, "s1"), t, tool, "c1", arguments)
	if !result.Failed || !strings.Contains(string(result.Output), `"state":"compensated"`) || fault.From(result.Err).Code != fault.Forbidden {
		t.Errorf("got %s, %v", result.Output, result.Err)
	}
	if want := []tools.Done{{Tool: "create_label", Effect: gate.Write}, {Tool: "cancel_label", Effect: gate.Write}}; !slices.Equal(result.Done, want) {
		t.Errorf("effects that have happened: %+v", result.Done)
	}
	if got := s.effectsInOrder(); got != "label 47, cancel L-47" {
		t.Errorf("effects: %s", got)
	}
	if result := callOf(inSession(t, "s1"), t, tool, "c2", `{"order":"0","amount":1}`); !result.IsWrong {
		t.Errorf("a number that does not exist counts as a guess: %s", result.Output)
	}
}

func TestStepsAreRetriedByTheirPolicy(t *testing.T) {
	s, url := serveShop(t)
	c := returning(false)
	c.Steps[0].Retry.Errors = []string{"forbidden"}
	tool, engine := openChain(t, c, url)
	s.fail["/orders/47"], s.fail["/labels"], s.fail["/refunds"] = http.StatusForbidden, http.StatusInternalServerError, http.StatusTooManyRequests
	if result := callOf(inSession(t, "s1"), t, tool, "c1", arguments); result.Failed {
		t.Fatalf("got %s, %v", result.Output, result.Err)
	}
	w, err := engine.Get(idOf("s1", tools.Call{ID: "c1", Name: "return_order"}))
	require.NoError(t, err)
	for _, step := range w.Steps {
		if step.Attempts != 2 {
			t.Errorf("step %s after %d attempts, want 2", step.Name, step.Attempts)
		}
	}
}

// A message may not be sent twice, and nobody can tell whether it was sent.
func TestEffectThatCannotBeCheckedIsUnknown(t *testing.T) {
	s, url := serveShop(t)
	tool, engine := openChain(t, returning(true), url)
	s.fail["/messages"] = http.StatusInternalServerError
	result := callOf(inSession(t, "s1"), t, tool, "c1", arguments)
	if !result.Failed || !strings.Contains(string(result.Output), `"state":"unknown"`) || fault.From(result.Err).Code != fault.Timeout {
		t.Errorf("got %s, %v", result.Output, result.Err)
	}
	if s.count("cancel L-47") != 0 {
		t.Error("it was undone although nobody knows whether it must be")
	}
	require.NoError(t, engine.Reconcile(t.Context(), idOf("s1", tools.Call{ID: "c1", Name: "return_order"}), false))
	if result := callOf(inSession(t, "s1"), t, tool, "c1", arguments); result.Failed || s.count("message 47") != 1 {
		t.Errorf("after the operator's answer: %s, %d messages", result.Output, s.count("message 47"))
	}
}

func TestStepsRunTogether(t *testing.T) {
	s, url := serveShop(t)
	tool, _ := openChain(t, Config{
		Name: "look_up", Description: "Look up everything.", Parameters: texts("order"),
		Steps: []Step{
			{Together: []Step{
				{Name: "look", Call: Call{Tool: "order_status", Arguments: map[string]any{"order": "{order}"}}},
				{Name: "first", Call: Call{Tool: "stock", Arguments: map[string]any{"sku": "x{order}"}}},
			}},
			{Name: "stock", Call: Call{Tool: "stock", Arguments: map[string]any{"sku": "{item/sku}"}}, Each: "{look/items}", AtOnce: 2},
		},
		Result: map[string]any{"stock": "{stock}", "second": "{stock/1/sku}", "first": "{first/sku}"},
	}, url)
	if tool.Spec().Rule.Effect != gate.Read {
		t.Errorf("the effect is %v, want read", tool.Spec().Rule.Effect)
	}
	result := callOf(inSession(t, "s1"), t, tool, "c1", `{"order":"47"}`)
	if result.Failed || !strings.Contains(string(result.Output), `"second":"b"`) || !strings.Contains(string(result.Output), `"first":"x47"`) ||
		strings.Count(string(result.Output), `"stock":3`) != 5 {
		t.Errorf("got %s, %v", result.Output, result.Err)
	}
	if s.most != 2 {
		t.Errorf("at most %d at once, want 2", s.most)
	}
}

func TestCallDoesNotWaitForALongChain(t *testing.T) {
	s, url := serveShop(t)
	release := make(chan struct{})
	s.watch(func(r *http.Request) {
		if r.URL.Path == "/refunds" {
			<-release
		}
	}, nil)
	tool, _ := openChain(t, returning(false), url)
	ctx, cancel := context.WithTimeout(inSession(t, "s1"), time.Second)
	defer cancel()
	result := callOf(ctx, t, tool, "c1", arguments)
	if !result.Failed || fault.From(result.Err).Code != fault.Timeout || !strings.Contains(string(result.Output), `"done":["look","label"],"open":["pay"]`) {
		t.Errorf("got %s, %v", result.Output, result.Err)
	}
	status := Status(tool.runner)
	got := callOf(inSession(t, "s1"), t, status, "c2", `{}`)
	if !strings.Contains(string(got.Output), `{"workflow":"return_order","state":"running","done":["look","label"],"open":["pay"]`) {
		t.Errorf("its status: %s", got.Output)
	}
	if len(got.Done) != 1 || got.Done[0] != (tools.Done{Tool: "create_label", Effect: gate.Write}) || !slices.Equal(got.Done, result.Done) {
		t.Errorf("effects that have happened: %+v", got.Done)
	}
	if got := callOf(inSession(t, "s2"), t, status, "c2", `{}`); string(got.Output) != `{"workflows":[]}` {
		t.Errorf("another session sees %s", got.Output)
	}
	hungUp, hangUp := context.WithCancel(inSession(t, "s1"))
	hangUp()
	if _, err := tool.Await(hungUp, tools.Call{ID: "c1", Name: "return_order"}); !errors.Is(err, context.Canceled) {
		t.Errorf("awaited by nobody: %v", err)
	}
	close(release)
	result, err := tool.Await(inSession(t, "s1"), tools.Call{ID: "c1", Name: "return_order"})
	if err != nil || result.Failed || s.count("refund 47") != 1 {
		t.Errorf("awaited: %s, %v, %d refunds", result.Output, err, s.count("refund 47"))
	}
}

func TestRuleOfAChainIsAsStrictAsThoseOfItsTools(t *testing.T) {
	_, url := serveShop(t)
	tool, _ := openChain(t, returning(false), url)
	r := tool.Spec().Rule
	if r.Effect != gate.Money || r.Who != gate.VerifiedByPIN || r.Limits.Hour != 20 || !slices.Contains(r.Identify, "order") || !slices.Contains(r.Identify, "amount") {
		t.Errorf("got %+v", r)
	}
	for _, weaker := range []gate.Rule{{Effect: gate.Write, Who: gate.VerifiedByPIN}, {Effect: gate.Money, Who: gate.VerifiedByFact}} {
		if tool.CheckRule(weaker) == nil {
			t.Errorf("the weaker rule %+v is accepted", weaker)
		}
	}
	require.NoError(t, tool.CheckRule(gate.Rule{Effect: gate.Money, Who: gate.VerifiedOperator}))
}

// What can be known before the chain begins must not fail in its middle.
func TestChainThatCannotSucceedDoesNotBegin(t *testing.T) {
	s, url := serveShop(t)
	tool, engine := openChain(t, returning(false), url)
	result := callOf(inSession(t, "s1"), t, tool, "c1", `{"order":"47","amount":1000}`)
	if fault.From(result.Err).Code != fault.Forbidden || s.effectsInOrder() != "" {
		t.Errorf("got %s after %s", result.Output, s.effectsInOrder())
	}
	for w, err := range engine.List(workflow.Filter{}) {
		t.Errorf("workflow %v, %v", w, err)
	}
	unopened, err := New("shop", returning(false), tool.tools, NewRunner())
	require.NoError(t, err)
	if result := callOf(inSession(t, "s1"), t, unopened, "c1", arguments); fault.From(result.Err).Code != fault.Unavailable {
		t.Errorf("without an engine: %s", result.Output)
	}
}

func TestChainsOfASessionAreErased(t *testing.T) {
	_, url := serveShop(t)
	tool, engine := openChain(t, returning(false), url)
	for _, session := range []string{"s1", "s2"} {
		if result := callOf(inSession(t, session), t, tool, "c1", arguments); result.Failed {
			t.Fatal(string(result.Output))
		}
	}
	if n, left, err := engine.Erase(t.Context(), "s1"); n != 1 || len(left) != 0 || err != nil {
		t.Errorf("erased %d, left %v, %v", n, left, err)
	}
	left := 0
	for w, err := range engine.List(workflow.Filter{Name: workflowName, State: workflow.Completed}) {
		if left++; err != nil || !strings.HasPrefix(w.ID, "chain.s2.return_order.") {
			t.Errorf("left %v, %v", w, err)
		}
	}
	if left != 1 {
		t.Errorf("%d workflows are left, want 1", left)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	registry, err := shopTools("http://127.0.0.1:1")
	require.NoError(t, err)
	untrusted := map[string]tools.RuleChange{"message": {Destinations: []string{"text"}}}
	strict, err := registry.Restrict(tools.Policy{Rules: untrusted})
	require.NoError(t, err)
	for _, test := range []struct {
		name    string
		change  func(c *Config)
		tools   *tools.Registry
		field   string
		message string
	}{
		{"no steps", func(c *Config) { c.Steps = nil }, nil, "steps", "1 to 50"},
		{"two of a name", func(c *Config) { c.Steps[1].Name = "look" }, nil, "steps[1].name", "another step"},
		{"a parameter's name", func(c *Config) { c.Steps[0].Name = "order" }, nil, "steps[0].name", "a parameter"},
		{"a later step", func(c *Config) { c.Steps[0].Arguments["order"] = "{label/id}" }, nil, "steps[0].arguments", "neither a parameter nor an earlier step"},
		{"itself", func(c *Config) { c.Steps[1].Arguments["street"] = "{label/id}" }, nil, "steps[1].arguments", "neither"},
		{"a brace", func(c *Config) { c.Steps[1].Arguments["street"] = "{look" }, nil, "steps[1].arguments.street", "brace"},
		{"an unknown tool", func(c *Config) { c.Steps[0].Tool = "order_state" }, nil, "steps[0].tool", "want one of: order_status"},
		{"an unknown tool to undo", func(c *Config) { c.Steps[1].Undo.Tool = "" }, nil, "steps[1].undo.tool", "unknown tool"},
		{"a hand-over", func(c *Config) { c.Steps[0].Tool = "hand_over" }, nil, "steps[0].tool", "conversation only"},
		{"a missing argument", func(c *Config) { delete(c.Steps[1].Arguments, "street") }, nil, "steps[1].arguments", `"street"`},
		{"an unknown argument", func(c *Config) { c.Steps[2].Arguments["sum"] = 3 }, nil, "steps[2].arguments.sum", "want one of: amount, order, reference"},
		{"an optional parameter", func(c *Config) { c.Parameters["required"] = []any{"order"} }, nil, "steps[2].arguments.amount", "parameters.required"},
		{"a check that changes", func(c *Config) {
			c.Steps[2].Check.Tool, c.Steps[2].Check.Arguments = "cancel_label", map[string]any{"label": "x"}
		}, nil, "steps[2].check.tool", "only read"},
		{"a weaker effect", func(c *Config) { e := gate.Read; c.Effect = &e }, nil, "effect", "weaker"},
		{"an untrusted destination", func(c *Config) { c.Steps[3].Arguments["text"] = "{look/street}" }, strict, "steps[3].arguments.text", "not trusted"},
		{"a list", func(c *Config) { c.Steps[0].Each = "all {order}" }, nil, "steps[0].each", "one list"},
		{"an empty group", func(c *Config) { c.Steps[0] = Step{Together: []Step{}} }, nil, "steps[0].together", "no steps"},
		{"a group with a name", func(c *Config) {
			c.Steps = append(c.Steps, Step{Name: "x", Together: []Step{{Name: "y"}}})
		}, nil, "steps[4]", "only"},
		{"a code", func(c *Config) { c.Steps[0].Retry.Errors = []string{"sometimes"} }, nil, "steps[0].retry.errors[0]", "unknown code"},
		{"a backoff", func(c *Config) { c.Steps[0].Retry.Backoff = "random" }, nil, "steps[0].retry.backoff", "exponential"},
		{"a result", func(c *Config) { c.Result["label"] = "{key}" }, nil, "result", "neither"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := returning(true)
			test.change(&c)
			if test.tools == nil {
				test.tools = registry
			}
			_, err := New("shop", c, Tools{Registry: test.tools}, NewRunner())
			var wrong *FieldError
			if !errors.As(err, &wrong) || wrong.Field != test.field || !strings.Contains(wrong.Message, test.message) {
				t.Errorf("got %v, want %s: …%s…", err, test.field, test.message)
			}
		})
	}
}

// FuzzTemplate shows that a template never panics and never refers outside of its values.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "{a}", "x {a/b/0} y", "{", "}", "{a~}", "{a/~2}", "{{a}}", "{a b}", "{a}{b}", "{/a}", "{a//}"} {
		f.Add(s, `{"b":[1,"x",{"c":null}]}`)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		parsed, err := parseTemplate(text)
		if err != nil {
			return
		}
		a, err := decode(json.RawMessage(value))
		if err != nil {
			return
		}
		filled, isThere, err := parsed.fill(values{steps: map[string]any{"a": a}})
		if len(parsed.refs) == 0 && (err != nil || !isThere || filled != text) {
			t.Errorf("a text without references became %v", filled)
		}
		if _, err := json.Marshal(filled); err != nil {
			t.Error(err)
		}
	})
}
