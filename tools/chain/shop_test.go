package chain

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/gate"
	"frontdesk/tools/httptool"
	"frontdesk/tools/workflow"
)

// shop is the outside system: it counts its effects. A label and its end are once for each
// Idempotency-Key; a refund and a message happen at each request. Safe for concurrent use.
type shop struct {
	mu      sync.Mutex
	effects map[string]int // such as "label 47", "refund 47"
	keys    map[string]bool
	log     []string       // effects in order
	fail    map[string]int // status of the next requests, by path
	atOnce  int            // look-ups of stock that run
	most    int            // of them at once

	refused func(order string) bool // says whether a refund is refused; nil: none is
	// before and after are called around an effect with the request. They may be nil.
	before, after func(r *http.Request)
}

func newShop() *shop {
	return &shop{effects: make(map[string]int), keys: make(map[string]bool), fail: make(map[string]int)}
}

func (s *shop) count(effect string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.effects[effect]
}

func (s *shop) effectsInOrder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, ", ")
}

// do counts an effect, with a key only once.
func (s *shop) do(effect, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key != "" && s.keys[key] {
		return
	}
	s.keys[key] = true
	s.effects[effect]++
	s.log = append(s.log, effect)
}

// watch has before and after called with each request.
func (s *shop) watch(before, after func(*http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status, before, after := s.fail[r.URL.Path], s.before, s.after
	if status > 0 && status < 600 {
		delete(s.fail, r.URL.Path)
	}
	s.mu.Unlock()
	if status >= 600 { // for ever
		status -= 600
	}
	if status > 0 {
		w.WriteHeader(status)
		return
	}
	if before != nil {
		before(r)
	}
	s.answer(w, r)
	if after != nil {
		after(r)
	}
}

func (s *shop) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	var body struct{ Order, Label, Reference, Text string }
	if r.Method == http.MethodPost {
		_ = json.NewDecoder(r.Body).Decode(&body)
	}
	key := r.Header.Get("Idempotency-Key")
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/orders/"):
		order := strings.TrimPrefix(path, "/orders/")
		if order == "0" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprintf(w, `{"order":%q,"street":"Main Street 1","items":[{"sku":"a"},{"sku":"b"},{"sku":"c"},{"sku":"d"},{"sku":"e"}]}`, order)
	case path == "/labels":
		s.do("label "+body.Order, key)
		fmt.Fprintf(w, `{"id":"L-%s","copies":1}`, body.Order)
	case path == "/labels/cancel":
		s.do("cancel "+body.Label, key)
	case path == "/refunds" && s.refused != nil && s.refused(body.Order):
		w.WriteHeader(http.StatusForbidden)
	case path == "/refunds":
		s.do("refund "+body.Order, "")
		s.do("reference "+body.Reference, "")
		fmt.Fprintf(w, `{"id":"R-%s"}`, body.Order)
	case strings.HasPrefix(path, "/refunds/"):
		if s.count("reference "+strings.TrimPrefix(path, "/refunds/")) == 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"id":"R-found"}`)
	case path == "/messages":
		s.do("message "+body.Text, "")
	case strings.HasPrefix(path, "/stock/"):
		s.stock()
		fmt.Fprintf(w, `{"sku":%q,"stock":3}`, strings.TrimPrefix(path, "/stock/"))
	}
}

// stock notes how many look-ups run at once.
func (s *shop) stock() {
	s.mu.Lock()
	s.atOnce++
	s.most = max(s.most, s.atOnce)
	s.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	s.mu.Lock()
	s.atOnce--
	s.mu.Unlock()
}

// serveShop serves a shop until the test ends.
func serveShop(t testing.TB) (*shop, string) {
	t.Helper()
	s := newShop()
	server := httptest.NewServer(s)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return s, server.URL
}

func texts(names ...string) map[string]any {
	properties, required := make(map[string]any), make([]any, len(names))
	for i, name := range names {
		properties[name], required[i] = map[string]any{"type": "string"}, name
	}
	return map[string]any{"properties": properties, "required": required}
}

// shopTools returns the endpoints of a shop as tools, with the rules of an operator.
func shopTools(url string) (*tools.Registry, error) {
	var list []tools.Tool
	money := gate.Money
	for _, c := range []httptool.Config{
		{Name: "order_status", URL: url + "/orders/{order}", Parameters: texts("order")},
		{Name: "create_label", Method: "POST", URL: url + "/labels", Parameters: texts("order", "street"), Idempotent: true},
		{Name: "cancel_label", Method: "POST", URL: url + "/labels/cancel", Parameters: texts("label"), Idempotent: true},
		{Name: "refund", Method: "POST", URL: url + "/refunds", Effect: &money, Parameters: map[string]any{
			"properties": map[string]any{"order": map[string]any{"type": "string"}, "amount": map[string]any{"type": "number"}, "reference": map[string]any{"type": "string"}},
			"required":   []any{"order", "amount"}}},
		{Name: "refund_status", URL: url + "/refunds/{reference}", Parameters: texts("reference")},
		{Name: "message", Method: "POST", URL: url + "/messages", Parameters: texts("text")},
		{Name: "stock", URL: url + "/stock/{sku}", Parameters: texts("sku")},
	} {
		c.Description, c.Private.All = "A tool of the shop.", true
		if c.Method == "" {
			c.Method = "GET"
		}
		t, err := httptool.New(c)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	r, err := tools.NewRegistry(list...)
	if err != nil {
		return nil, err
	}
	pin := gate.VerifiedByPIN
	return r.Restrict(tools.Policy{Rules: map[string]tools.RuleChange{
		"refund": {Who: &pin, Identify: []string{"order", "amount"}, Limits: gate.Limits{Hour: 20},
			Arguments: json.RawMessage(`{"properties":{"amount":{"maximum":100}}}`)},
	}})
}

func fast() Retry {
	return Retry{MaxAttempts: 8, Base: time.Millisecond, Max: 20 * time.Millisecond}
}

// returning is a chain with an effect of each kind. If it informs, its last step can be neither
// repeated nor checked.
func returning(informs bool) Config {
	c := Config{
		Name: "return_order", Description: "Return an order.",
		Parameters: map[string]any{
			"properties": map[string]any{"order": map[string]any{"type": "string"}, "amount": map[string]any{"type": "number"}},
			"required":   []any{"order", "amount"},
		},
		Steps: []Step{
			{Name: "look", Call: Call{Tool: "order_status", Arguments: map[string]any{"order": "{order}"}}, Retry: fast()},
			{Name: "label", Call: Call{Tool: "create_label", Arguments: map[string]any{"order": "{look/order}", "street": "To: {look/street}"}}, Retry: fast(),
				Undo: &Call{Tool: "cancel_label", Arguments: map[string]any{"label": "{label/id}"}}},
			{Name: "pay", Call: Call{Tool: "refund", Arguments: map[string]any{"order": "{order}", "amount": "{amount}", "reference": "{key}"}}, Retry: fast(),
				Check: &Call{Tool: "refund_status", Arguments: map[string]any{"reference": "{key}"}}},
		},
		Result: map[string]any{"label": "{label/id}", "amount": "{amount}", "text": "Label {label/id}, {label/copies} copy."},
	}
	if informs {
		c.Steps = append(c.Steps, Step{Name: "inform", Call: Call{Tool: "message", Arguments: map[string]any{"text": "{order}"}}, Retry: fast()})
	}
	return c
}

// openChain returns the tool of a chain with an engine that runs it until the test ends.
func openChain(t testing.TB, c Config, url string) (*Tool, *workflow.Engine) {
	t.Helper()
	registry, err := shopTools(url)
	require.NoError(t, err)
	runner := NewRunner()
	tool, err := New("shop", c, Tools{Registry: registry}, runner)
	require.NoError(t, err)
	engine, err := workflow.Open(t.Context(), workflow.Options{Node: "one", Path: filepath.Join(t.TempDir(), "workflows.db"), Log: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	runner.Open(engine)
	require.NoError(t, engine.Launch(t.Context()))
	return tool, engine
}

func inSession(t testing.TB, name string) context.Context {
	return tools.WithCaller(t.Context(), tools.Caller{Session: name})
}

// callOf runs a call of a chain as the registry does.
func callOf(ctx context.Context, t testing.TB, tool tools.Tool, id, arguments string) tools.Result {
	t.Helper()
	r, err := tools.NewRegistry(tool)
	require.NoError(t, err)
	return r.DoAsOperator(ctx, tools.Call{ID: id, Name: tool.Spec().Name, Arguments: json.RawMessage(arguments)})
}
