package openai

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frontdesk/dialog"
	"frontdesk/internal/fakeai"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var orderTool = tools.Spec{
	Name:        "order_status",
	Description: "Looks up an order.",
	Parameters:  json.RawMessage(`{"type":"object","properties":{"order":{"type":"string"}},"required":["order"]}`),
}

func newModel(t *testing.T, url string, change ...func(*Config)) *Model {
	t.Helper()
	c := Config{URL: url, Model: "fake"}
	for _, f := range change {
		f(&c)
	}
	m, err := NewModel(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func userSays(text string) dialog.Prompt {
	return dialog.Prompt{Messages: []dialog.Message{{Role: dialog.User, Text: text}}}
}

// wholeReply is everything that one reply contained.
type wholeReply struct {
	text  string
	calls []tools.Call
	usage *dialog.Usage
}

func reply(ctx context.Context, m *Model, p dialog.Prompt) (wholeReply, error) {
	var s wholeReply
	var last error
	for c, err := range m.Reply(ctx, p) {
		if last != nil {
			return s, errors.New("the model yielded something after an error")
		}
		last = err
		s.text += c.Text
		if c.Call != nil {
			s.calls = append(s.calls, *c.Call)
		}
		if c.Usage != nil {
			s.usage = c.Usage
		}
	}
	return s, last
}

// serve starts a server that handles every request with h, and returns its URL with /v1.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL + "/v1"
}

func respondWith(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

func TestReplyStreamsTextAndTokenCounts(t *testing.T) {
	ai := fakeai.New(fakeai.Options{Key: "secret"})
	defer ai.Close()
	m := newModel(t, ai.URL, func(c *Config) { c.Key = "secret" })
	var pieces []string
	for c, err := range m.Reply(t.Context(), userSays("one two three")) {
		require.NoError(t, err)
		if c.Text != "" {
			pieces = append(pieces, c.Text)
		}
		if c.Usage != nil && *c.Usage != (dialog.Usage{Input: 3, Output: 5}) {
			t.Errorf("usage %+v", *c.Usage)
		}
	}
	if got := strings.Join(pieces, "|"); got != "You| said:| one| two| three" {
		t.Errorf("pieces %q", got)
	}
}

func TestModelCallsAToolAndReceivesItsResult(t *testing.T) {
	ai := fakeai.New(fakeai.Options{Rules: []fakeai.Rule{{
		Match: regexp.MustCompile(`order (\d+)`), Call: "order_status", Args: `{"order":"$1"}`,
	}}})
	defer ai.Close()
	m := newModel(t, ai.URL)
	p := userSays("where is order 4711")
	p.Tools = []tools.Spec{orderTool}
	first, err := reply(t.Context(), m, p)
	if err != nil || len(first.calls) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	call := first.calls[0]
	if call.ID == "" || call.Name != "order_status" || string(call.Arguments) != `{"order":"4711"}` {
		t.Errorf("call %+v", call)
	}
	p.Messages = append(p.Messages,
		dialog.Message{Role: dialog.Assistant, Calls: first.calls},
		dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: call.ID, Output: json.RawMessage(`{"state":"sent"}`)}})
	second, err := reply(t.Context(), m, p)
	if err != nil || !strings.Contains(second.text, `{"state":"sent"}`) {
		t.Errorf("%+v, %v", second, err)
	}
}

// TestAnswersOfRealServersAreUnderstood replays response bodies as real servers send them.
func TestAnswersOfRealServersAreUnderstood(t *testing.T) {
	order := func(ids ...string) []tools.Call {
		var out []tools.Call
		for i, id := range ids {
			out = append(out, tools.Call{ID: id, Name: "order_status", Arguments: json.RawMessage([]string{`{"order":"4711"}`, `{"order":"4712"}`}[i])})
		}
		return out
	}
	for file, want := range map[string]wholeReply{
		"openai-text.sse":          {text: "Hello there."},
		"openai-parallel.sse":      {calls: order("call_a", "call_b")},
		"azure-filters.sse":        {text: "Hello there."},
		"ollama-text.sse":          {text: "Hello there."},
		"ollama-whole-calls.sse":   {calls: order("call_k1", "call_k2")},
		"vllm-reasoning.sse":       {text: "Hello there."},
		"vllm-calls.sse":           {calls: order("chatcmpl-tool-1", "chatcmpl-tool-2")},
		"llamacpp-calls.sse":       {calls: order("yT1")},
		"llamacpp-no-done.sse":     {text: "Hello there."},
		"localai-no-index.sse":     {calls: order("", "")},
		"groq-calls.sse":           {calls: order("call_g1")},
		"gemini-same-index.sse":    {calls: order("function-call-1", "function-call-2")},
		"mistral-parts.sse":        {text: "Hello there."},
		"openrouter-keepalive.sse": {text: "Hello there."},
		"deepseek-think.sse":       {text: "Hello there."},
		"crlf-length.sse":          {text: "Hello th"},
		"object-arguments.sse":     {calls: order("call_o")},
		"repeated-name.sse":        {calls: order("call_r")},
		"not-streamed.json":        {text: "Hello there.", calls: order("call_w")},
	} {
		t.Run(file, func(t *testing.T) {
			body, err := os.ReadFile(filepath.Join("testdata/chat", file))
			require.NoError(t, err)
			kind := "text/event-stream; charset=utf-8"
			if strings.HasSuffix(file, ".json") {
				kind = "application/json"
			}
			got, err := reply(t.Context(), newModel(t, serve(t, respondWith(kind, string(body)))), userSays("hi"))
			require.NoError(t, err)
			compare(t, got, want)
		})
	}
}

func compare(t *testing.T, got, want wholeReply) {
	t.Helper()
	if got.text != want.text {
		t.Errorf("text %q, want %q", got.text, want.text)
	}
	if len(got.calls) != len(want.calls) {
		t.Fatalf("%d calls, want %d: %+v", len(got.calls), len(want.calls), got.calls)
	}
	ids := make(map[string]bool)
	for i, c := range got.calls {
		w := want.calls[i]
		if c.ID == "" || ids[c.ID] {
			t.Errorf("call %d has id %q", i, c.ID)
		}
		ids[c.ID] = true
		if c.Name != w.Name || string(c.Arguments) != string(w.Arguments) || (w.ID != "" && c.ID != w.ID) {
			t.Errorf("call %d is %s %s %s, want %s %s %s", i, c.ID, c.Name, c.Arguments, w.ID, w.Name, w.Arguments)
		}
	}
}

func TestBrokenStreamsGiveAnErrorCode(t *testing.T) {
	const head = `data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}` + "\n\n"
	const half = `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\""}}]}}]}` + "\n\n"
	for name, test := range map[string]struct {
		body  string
		code  fault.Code
		retry bool
	}{
		"error object":   {head + `data: {"error":{"message":"overloaded","type":"server_error","code":503}}` + "\n\n", fault.Provider, true},
		"error text":     {head + `data: {"error":"CUDA out of memory"}` + "\n\n", fault.Provider, true},
		"error event":    {head + "event: error\n" + `data: {"error":{"message":"slow down","type":"rate_limit_error"}}` + "\n\n", fault.Limited, true},
		"error of vLLM":  {head + `data: {"object":"error","message":"too long","type":"BadRequestError","code":400}` + "\n\n", fault.Provider, false},
		"not JSON":       {head + "data: {\"choices\n\n", fault.Provider, true},
		"empty body":     {"", fault.Provider, true},
		"comments only":  {": ping\n\n: ping\n\n", fault.Provider, true},
		"truncated call": {half + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}` + "\n\n", fault.Provider, false},
		"endless line":   {"data: " + strings.Repeat("x", maxEvent+1), fault.Provider, true},
		"endless reply":  {strings.Repeat(`data: {"choices":[{"index":0,"delta":{"content":"`+strings.Repeat("x", 8000)+`"}}]}`+"\n\n", 9), fault.Provider, true},
		"endless calls":  {strings.Repeat(`data: {"choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":"{}"}}]}}]}`+"\n\n", 40), fault.Provider, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := reply(t.Context(), newModel(t, serve(t, respondWith("text/event-stream", test.body))), userSays("hi"))
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != test.code || e.Retry != test.retry {
				t.Errorf("got %v (%+v)", err, e)
			}
		})
	}
}

func TestBrokenConnectionInAReplyIsRetryable(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	got, err := reply(t.Context(), newModel(t, url), userSays("hi"))
	if got.text != "Hel" || !fault.IsRetryable(err) {
		t.Errorf("%+v, %v", got, err)
	}
}

// stallAfter sends body and then nothing until the client disconnects.
func stallAfter(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, body)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func TestEachStageOfAnAnswerHasItsDeadline(t *testing.T) {
	const token = `data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}` + "\n\n"
	const end = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	short, long := 30*time.Millisecond, time.Minute
	for name, test := range map[string]struct {
		h        http.HandlerFunc
		timeouts Timeouts
		text     string
		slow     bool
	}{
		"no headers":            {func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, Timeouts{First: short, Stall: long}, "", true},
		"no first event":        {stallAfter(": processing\n\n"), Timeouts{First: short, Stall: long}, "", true},
		"no second event":       {stallAfter(token), Timeouts{First: long, Stall: short}, "Hello", true},
		"no usage and no close": {stallAfter(token + end), Timeouts{First: long, Stall: long}, "Hello", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newModel(t, serve(t, test.h), func(c *Config) { c.Timeouts = test.timeouts })
			got, err := reply(t.Context(), m, userSays("hi"))
			var e *fault.Error
			slow := errors.As(err, &e) && e.Code == fault.Timeout && e.Retry
			if got.text != test.text || slow != test.slow || (err != nil) != test.slow {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestCancellationEndsTheRequest(t *testing.T) {
	disconnected := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stallAfter(`data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}`+"\n\n")(w, r)
		close(disconnected)
	})
	m := newModel(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for c, err := range m.Reply(ctx, userSays("hi")) {
		if c.Text != "" {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v", last)
	}
	<-disconnected
}

func TestConsumerThatStopsEndsTheRequest(t *testing.T) {
	disconnected := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		stallAfter(`data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}`+"\n\n")(w, r)
		close(disconnected)
	})
	for range newModel(t, url).Reply(t.Context(), userSays("hi")) {
		break
	}
	<-disconnected
}

func TestRejectedStreamOptionsAreLeftOut(t *testing.T) {
	requests := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "stream_options") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`)
			return
		}
		respondWith("text/event-stream", `data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}`+"\n\n")(w, r)
	})
	m := newModel(t, url)
	for range 2 {
		if got, err := reply(t.Context(), m, userSays("hi")); err != nil || got.text != "Hello" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if requests != 3 {
		t.Errorf("%d requests, want one rejected and two answered", requests)
	}
}

func TestRepliesReuseOneConnection(t *testing.T) {
	ai := fakeai.New(fakeai.Options{})
	defer ai.Close()
	m := newModel(t, ai.URL)
	require.NoError(t, m.client.connect(t.Context()))
	dials := countDials(m.client)
	for range 5 {
		if _, err := reply(t.Context(), m, userSays("hi")); err != nil {
			t.Fatal(err)
		}
	}
	if n := dials(); n != 0 {
		t.Errorf("%d new connections, want none", n)
	}
}
