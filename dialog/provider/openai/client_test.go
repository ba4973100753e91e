package openai

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// countDials returns a function that counts the connections made since this call.
func countDials(c *client) func() int64 {
	var n atomic.Int64
	t := c.http.Transport.(*http.Transport)
	dial := t.DialContext
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		n.Add(1)
		return dial(ctx, network, address)
	}
	return n.Load
}

func TestInvalidConfigIsRefused(t *testing.T) {
	for _, c := range []Config{
		{},
		{Model: "m"},
		{URL: "127.0.0.1:8080/v1", Model: "m"},
		{URL: "ftp://host/v1", Model: "m"},
		{URL: "http:///v1", Model: "m"},
		{URL: "http://host/v1#x", Model: "m"},
		{URL: "http://host/v1"},
		{URL: "http://user:hush@ho st/v1", Model: "m"},
	} {
		_, err := NewModel(c)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Invalid || strings.Contains(err.Error(), "hush") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestPathsAreJoinedToTheURL(t *testing.T) {
	for base, want := range map[string]string{
		"http://host/v1":                 "http://host/v1/chat/completions",
		"http://host/v1/":                "http://host/v1/chat/completions",
		"http://host":                    "http://host/chat/completions",
		"https://host/o/d?api-version=1": "https://host/o/d/chat/completions?api-version=1",
	} {
		c, err := newClient("it", Config{URL: base, Model: "m"})
		require.NoError(t, err)
		r, err := c.request(t.Context(), http.MethodPost, "chat/completions", "", nil)
		if err != nil || r.URL.String() != want {
			t.Errorf("%s: %v, %v", base, r.URL, err)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("an Authorization header is sent without a key")
		}
	}
}

func TestHTTPErrorsMapToErrorCodes(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header string
		body   string
		code   fault.Code
		retry  bool
		after  time.Duration
	}{
		"wrong key":     {401, "", `{"error":{"message":"Incorrect API key provided: hush","type":"invalid_request_error","code":"invalid_api_key"}}`, fault.Unauthorized, false, 0},
		"forbidden":     {403, "", ``, fault.Unauthorized, false, 0},
		"rate limit":    {429, "7", `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, fault.Limited, true, 7 * time.Second},
		"no credit":     {429, "7", `{"error":{"message":"pay","type":"insufficient_quota"}}`, fault.Limited, false, 0},
		"bad request":   {400, "", `{"error":"registry.ollama.ai/library/gemma does not support tools"}`, fault.Provider, false, 0},
		"unprocessable": {422, "", `{"detail":[{"msg":"field required"}]}`, fault.Provider, false, 0},
		"no model":      {404, "", `{"error":{"message":"model not found","type":"api_error","param":null,"code":null}}`, fault.Provider, false, 0},
		"too large":     {413, "", `<html>413</html>`, fault.TooLarge, false, 0},
		"moved":         {307, "", ``, fault.Provider, false, 0},
		"timeout":       {504, "", `<html>504</html>`, fault.Timeout, true, 0},
		"crash":         {500, "", `{"error":{"code":500,"message":"boom","type":"server_error"}}`, fault.Provider, true, 0},
		"loading":       {503, "0.5", `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, fault.Provider, true, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if test.header != "" {
					w.Header().Set("Retry-After", test.header)
				}
				w.Header().Set("Location", "http://192.0.2.1/")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := reply(t.Context(), newModel(t, url, func(c *Config) { c.Key = "hush" }), userSays("hi"))
			var e *fault.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Code != test.code || e.Retry != test.retry || e.After != test.after || e.Details["status"] != test.status {
				t.Errorf("got %+v", e)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error contains the key: %v", err)
			}
		})
	}
}

func TestErrorOfAnUnreachableServerContainsNoCredentials(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	l.Close()
	m := newModel(t, "http://user:hush@"+address+"/v1?token=hush", func(c *Config) { c.Key = "hush" })
	_, err = reply(t.Context(), m, userSays("hi"))
	if !fault.IsRetryable(err) || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
	if err := m.client.connect(t.Context()); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

// fakeTransport answers without a network, so that tests can use virtual time.
type fakeTransport func(*http.Request) (*http.Response, error)

func (t fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestCircuitBreakerFailsFastAndTestsTheServerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, requests := false, 0
		m := newModel(t, "http://host/v1")
		m.client.http.Transport = fakeTransport(func(*http.Request) (*http.Response, error) {
			requests++
			if !up {
				return nil, errors.New("connection refused")
			}
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}},
				Body: io.NopCloser(strings.NewReader(`data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}` + "\n\n"))}, nil
		})
		ask := func() error {
			_, err := reply(t.Context(), m, userSays("hi"))
			return err
		}
		for range 5 {
			_ = ask()
		}
		var e *fault.Error
		if err := ask(); requests != breakerFailures || !errors.As(err, &e) || e.Code != fault.Unavailable || e.After <= 0 {
			t.Fatalf("%d requests, %v", requests, err)
		}
		time.Sleep(breakerDelay) // virtual
		_, _ = ask(), ask()
		if requests != breakerFailures+1 {
			t.Errorf("%d requests, want one more to test the server", requests)
		}
		up = true
		time.Sleep(breakerDelay)
		for range 3 {
			if err := ask(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCancelledTestRequestLetsAnotherFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, "http://host/v1")
		answer := func(r *http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }
		m.client.http.Transport = fakeTransport(func(r *http.Request) (*http.Response, error) { return answer(r) })
		for range breakerFailures {
			_, _ = reply(t.Context(), m, userSays("hi"))
		}
		time.Sleep(breakerDelay)
		answer = func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := reply(ctx, m, userSays("hi")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(breakerDelay)
		tested := false
		answer = func(r *http.Request) (*http.Response, error) { tested = true; return nil, errors.New("no") }
		_, _ = reply(t.Context(), m, userSays("hi"))
		if !tested {
			t.Error("no request tested the server again")
		}
	})
}

func TestRateLimitDoesNotOpenTheCircuitBreaker(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	m := newModel(t, url)
	for range 2 * breakerFailures {
		_, err := reply(t.Context(), m, userSays("hi"))
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != fault.Limited {
			t.Fatalf("got %v", err)
		}
	}
}

func TestRetryAfterIsParsedInAllItsForms(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"3":                             3 * time.Second,
		"1.5":                           1500 * time.Millisecond,
		"-1":                            0,
		"NaN":                           0,
		"1e300":                         maxRetryAfter,
		"soon":                          0,
		"Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second,
		"Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if got := retryAfter(http.Header{"Retry-After": {"3"}, "Retry-After-Ms": {"250"}}, now); got != 250*time.Millisecond {
		t.Errorf("milliseconds: %v", got)
	}
}
