package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/httptool"
	"frontdesk/tools/outbox"
)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// local allows the addresses of the servers of tests.
var local = Network{Private: httptool.Private{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}

func testEvent() outbox.Event {
	return outbox.Event{
		ID: "evt_1", Type: outbox.TicketOpened, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Data: outbox.Data{Ticket: "T-48291532", Session: "sess_A", Agent: "shop", Language: "de-DE", Subject: "Lampe ist defekt", Status: "open", Priority: "high",
			Content: &outbox.Content{Description: "Sie flackert.", Contact: "kunde@example.com"}},
	}
}

func TestWebhooksAreSigned(t *testing.T) {
	key, err := WebhookKey(testSecret)
	require.NoError(t, err)
	var got outbox.Event
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(body, &got) != nil {
			t.Errorf("%s %s: %s", r.Method, r.Header.Get("Content-Type"), body)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	w, err := NewWebhook(server.URL, testSecret, local)
	require.NoError(t, err)
	require.NoError(t, w.Deliver(t.Context(), testEvent(), "evt_1"))
	if got.ID != "evt_1" || got.Data.Ticket != "T-48291532" || got.Data.Content.Contact != "kunde@example.com" {
		t.Errorf("got %+v", got)
	}
}

// TestSignatureOfTheSpecification uses the example of the Standard Webhooks libraries.
func TestSignatureOfTheSpecification(t *testing.T) {
	key, err := WebhookKey(testSecret)
	require.NoError(t, err)
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestAnswersOfAWebhook(t *testing.T) {
	var answer atomic.Value // of func(http.ResponseWriter, *http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer.Load().(func(http.ResponseWriter, *http.Request))(w, r)
	}))
	defer server.Close()
	w, err := NewWebhook(server.URL, testSecret, local)
	require.NoError(t, err)
	status := func(code int, after string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(code)
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		code   fault.Code // "" is success
		after  time.Duration
	}{
		"200": {answer: status(200, "")},
		"302": {answer: status(302, ""), code: fault.Provider},
		"400": {answer: status(400, ""), code: fault.Provider},
		"404": {answer: status(404, ""), code: fault.NotFound},
		"429": {answer: status(429, "120"), code: fault.Limited, after: 2 * time.Minute},
		"500": {answer: status(500, ""), code: fault.Provider},
		"503": {answer: status(503, "7"), code: fault.Unavailable, after: 7 * time.Second},
		"half": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
		}},
		"broken off": {answer: func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, code: fault.Unavailable},
	} {
		answer.Store(test.answer)
		f := fault.From(w.Deliver(t.Context(), testEvent(), "evt_1"))
		switch {
		case f == nil && test.code == "":
		case f == nil || f.Code != test.code || !f.Retry || f.After != test.after:
			t.Errorf("%s: %+v, want %s after %v", name, f, test.code, test.after)
		}
	}
	answer.Store(status(410, ""))
	if err := w.Deliver(t.Context(), testEvent(), "evt_1"); !errors.Is(err, outbox.ErrGone) {
		t.Errorf("410: %v", err)
	}
	answer.Store(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the end of the connection is noticed only then
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if f := fault.From(w.Deliver(ctx, testEvent(), "evt_1")); f == nil || f.Code != fault.Timeout {
		t.Errorf("a server that never answers: %v", f)
	}
}

func TestPrivateNetworksMustBeNamed(t *testing.T) {
	w, err := NewWebhook("https://localhost:1/", testSecret, Network{})
	require.NoError(t, err)
	if err := w.Deliver(t.Context(), testEvent(), "evt_1"); err == nil || !strings.Contains(err.Error(), "not public") {
		t.Errorf("a webhook to localhost: %v", err)
	}
	m, err := NewMail(MailConfig{URL: "smtp://localhost:1", From: "a@example.com", To: []string{"b@example.com"}})
	require.NoError(t, err)
	if err := m.Deliver(t.Context(), testEvent(), "evt_1"); err == nil || !strings.Contains(err.Error(), "not public") {
		t.Errorf("e-mail to localhost: %v", err)
	}
}

func TestMistakesOfDestinations(t *testing.T) {
	webhook := func(url, secret string, n Network) error { _, err := NewWebhook(url, secret, n); return err }
	mail := func(c MailConfig) error { _, err := NewMail(c); return err }
	to := []string{"b@example.com"}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"http":         {webhook("http://example.com/", testSecret, Network{}), "url http is not encrypted"},
		"user":         {webhook("https://u:hush@example.com/", testSecret, Network{}), "url holds a user"},
		"no host":      {webhook("https:///x", testSecret, Network{}), "url must be a URL"},
		"short secret": {webhook("https://example.com/", "whsec_aGk=", Network{}), "secret must be whsec_"},
		"mail scheme":  {mail(MailConfig{URL: "https://example.com", From: "a@example.com", To: to}), "url must be"},
		"mail from":    {mail(MailConfig{URL: "smtp://example.com", From: "a@example.com\r\nBcc: c@example.com", To: to}), "from must be"},
		"mail to":      {mail(MailConfig{URL: "smtp://example.com", From: "a@example.com", To: []string{"\"b\r\nX: y\"@example.com"}}), "to must list"},
		"no receiver":  {mail(MailConfig{URL: "smtp://example.com", From: "a@example.com"}), "to must list"},
		"no password":  {mail(MailConfig{URL: "smtp://example.com", From: "a@example.com", To: to, User: "u"}), "both user and secret"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) || strings.Contains(test.err.Error(), "hush") {
			t.Errorf("%s: %v, want %q", name, test.err, test.want)
		}
	}
	if _, err := NewJira(DeskConfig{URL: "https://x.example", User: "u", Token: "t", ServiceDesk: "x", RequestType: "1"}); err == nil || !strings.Contains(err.Error(), "service_desk must be a number") {
		t.Errorf("jira: %v", err)
	}
	if _, err := NewZendesk(DeskConfig{URL: "https://x.example", User: "u"}); err == nil {
		t.Error("zendesk without a token works")
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "-1", "99999999999999999999", "Wed, 21 Oct 2099 07:28:00 GMT", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s); d < 0 {
			t.Errorf("%q: %v", s, d)
		}
	})
}
