package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// webhookReceiver is a system that is told of events: it checks each signature and counts how
// often each event arrives.
type webhookReceiver struct {
	url    string
	secret string

	mu     sync.Mutex
	events []delivered         // by their first arrival
	counts map[string]int      // arrivals by id
	wrong  []string            // requests that were not signed as they should
	behave func(id string) int // status of an answer; may be nil
}

// delivered is an event that arrived.
type delivered struct {
	ID, Type string
	Data     struct{ Ticket, Status string }
}

func startReceiver(t *testing.T) *webhookReceiver {
	t.Helper()
	key := []byte("0123456789abcdef0123456789abcdef")
	r := &webhookReceiver{secret: "whsec_" + base64.StdEncoding.EncodeToString(key), counts: make(map[string]int)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp"), body)
		signature := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		var e delivered
		r.mu.Lock()
		defer r.mu.Unlock()
		if json.Unmarshal(body, &e) != nil || e.ID == "" || e.ID != req.Header.Get("webhook-id") || signature != req.Header.Get("webhook-signature") {
			r.wrong = append(r.wrong, string(body))
		}
		if r.behave != nil {
			if status := r.behave(e.ID); status != http.StatusOK {
				w.WriteHeader(status)
				return
			}
		}
		if r.counts[e.ID]++; r.counts[e.ID] == 1 {
			r.events = append(r.events, e)
		}
	}))
	t.Cleanup(func() {
		server.Close()
		if len(r.wrong) > 0 {
			t.Errorf("the receiver got wrong requests: %q", r.wrong)
		}
	})
	r.url = server.URL
	return r
}

// of returns the events about a ticket, each once.
func (r *webhookReceiver) of(ticket string) (events []delivered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Data.Ticket == ticket {
			events = append(events, e)
		}
	}
	return events
}

// notify makes a server send the events of tickets to the receiver.
func (r *webhookReceiver) notify(t *testing.T) func(*exec.Cmd) {
	t.Helper()
	set := env("RECEIVER_SECRET=" + r.secret)
	file := configFile(t, strings.ReplaceAll(`notify:
  - {name: crm, type: webhook, url: URL, secret: "${RECEIVER_SECRET}", events: [ticket.opened, ticket.changed], private: [127.0.0.0/8]}
`, "URL", r.url))
	return func(c *exec.Cmd) { set(c); file(c) }
}
