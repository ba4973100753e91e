package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/tools/outbox"
)

// remoteTicket is a ticket in a fake help desk.
type remoteTicket struct {
	number   int
	ours     string // our number
	subject  string
	status   string
	comments []string
}

// fakeDesk is the wire of Zendesk and Jira Service Management, as far as the connectors use it.
type fakeDesk struct {
	mu      sync.Mutex
	tickets []*remoteTicket
	keys    map[string]*remoteTicket // by Idempotency-Key
	wrong   []string                 // requests that a real one would refuse
	hooks   []string                 // ids of the events that a webhook beside it got
	isJira  bool
}

func (f *fakeDesk) find(match func(*remoteTicket) bool) *remoteTicket {
	if i := slices.IndexFunc(f.tickets, match); i >= 0 {
		return f.tickets[i]
	}
	return nil
}

// create opens a ticket, or returns the one that was opened with the same key. net/http itself
// repeats a request with an Idempotency-Key whose connection broke.
func (f *fakeDesk) create(ours, subject, text, key string) *remoteTicket {
	if t := f.keys[key]; key != "" && t != nil {
		return t
	}
	t := &remoteTicket{number: len(f.tickets) + 1, ours: ours, subject: subject, status: "open", comments: []string{text}}
	f.tickets = append(f.tickets, t)
	if f.keys == nil {
		f.keys = make(map[string]*remoteTicket)
	}
	f.keys[key] = t
	return t
}

// serve answers a request with the value that it returns.
func (f *fakeDesk) serve(r *http.Request) (int, any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/hook" {
		f.hooks = append(f.hooks, r.Header.Get("webhook-id"))
		return http.StatusOK, nil
	}
	if user, token, _ := r.BasicAuth(); token != "hush" || strings.HasSuffix(user, "/token") == f.isJira {
		f.wrong = append(f.wrong, "credentials of "+user)
		return http.StatusUnauthorized, nil
	}
	if f.isJira {
		return f.serveJira(r, body)
	}
	return f.serveZendesk(r, body)
}

func (f *fakeDesk) serveZendesk(r *http.Request, body []byte) (int, any) {
	var in zendeskEnvelope
	if len(body) > 0 && json.Unmarshal(body, &in) != nil {
		f.wrong = append(f.wrong, string(body))
		return http.StatusUnprocessableEntity, nil
	}
	var number int
	_, _ = fmt.Sscanf(r.URL.Path, "/api/v2/tickets/%d", &number)
	t := f.find(func(t *remoteTicket) bool { return t.number == number })
	switch isList := r.URL.Path == "/api/v2/tickets.json"; {
	case isList && r.Method == http.MethodGet:
		list := []zendeskTicket{}
		if t := f.find(func(t *remoteTicket) bool { return t.ours == r.URL.Query().Get("external_id") }); t != nil {
			list = append(list, zendeskTicket{ID: int64(t.number), ExternalID: t.ours})
		}
		return http.StatusOK, map[string]any{"tickets": list, "count": len(list)}
	case isList && r.Method == http.MethodPost:
		t := f.create(in.Ticket.ExternalID, in.Ticket.Subject, in.Ticket.Comment.Body, r.Header.Get("Idempotency-Key"))
		return http.StatusCreated, zendeskEnvelope{zendeskTicket{ID: int64(t.number)}}
	case t != nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/comments.json"):
		list := []zendeskComment{}
		for _, c := range slices.Backward(t.comments) {
			list = append(list, zendeskComment{Body: c})
		}
		return http.StatusOK, map[string]any{"comments": list}
	case t != nil && r.Method == http.MethodPut:
		if in.Ticket.Comment.Public {
			f.wrong = append(f.wrong, "a public comment")
		}
		t.comments, t.status = append(t.comments, in.Ticket.Comment.Body), in.Ticket.Status
		return http.StatusOK, zendeskEnvelope{}
	}
	f.wrong = append(f.wrong, r.Method+" "+r.URL.Path)
	return http.StatusNotFound, nil
}

func (f *fakeDesk) serveJira(r *http.Request, body []byte) (int, any) {
	key := strings.Split(strings.TrimPrefix(r.URL.Path, "/rest/servicedeskapi/request/"), "/")[0]
	t := f.find(func(t *remoteTicket) bool { return fmt.Sprint("SUP-", t.number) == key })
	switch {
	case r.URL.Path == "/rest/api/3/search/jql":
		issues := []any{}
		for _, t := range f.tickets {
			if strings.Contains(r.URL.Query().Get("jql"), `"\"`+t.ours+`\""`) {
				issues = append(issues, map[string]any{"key": fmt.Sprint("SUP-", t.number), "fields": map[string]any{"summary": t.subject}})
			}
		}
		return http.StatusOK, map[string]any{"issues": issues}
	case r.URL.Path == "/rest/servicedeskapi/request" && r.Method == http.MethodPost:
		var in struct {
			ServiceDeskID string            `json:"serviceDeskId"`
			RequestTypeID string            `json:"requestTypeId"`
			Fields        map[string]string `json:"requestFieldValues"`
		}
		if json.Unmarshal(body, &in) != nil || in.ServiceDeskID != "4" || in.RequestTypeID != "25" {
			f.wrong = append(f.wrong, string(body))
		}
		ours, _, _ := strings.Cut(strings.TrimPrefix(in.Fields["summary"], "["), "]")
		t := f.create(ours, in.Fields["summary"], in.Fields["description"], "")
		return http.StatusCreated, map[string]any{"issueKey": fmt.Sprint("SUP-", t.number)}
	case t != nil && r.Method == http.MethodGet:
		values := []any{}
		for _, c := range t.comments {
			values = append(values, map[string]any{"body": c})
		}
		return http.StatusOK, map[string]any{"values": values, "isLastPage": true}
	case t != nil && r.Method == http.MethodPost:
		var in struct {
			Body   string `json:"body"`
			Public bool   `json:"public"`
		}
		if json.Unmarshal(body, &in) != nil || in.Public {
			f.wrong = append(f.wrong, string(body))
		}
		t.comments = append(t.comments, in.Body)
		return http.StatusCreated, map[string]any{}
	}
	f.wrong = append(f.wrong, r.Method+" "+r.URL.Path)
	return http.StatusNotFound, nil
}

// pipes is a listener in memory, so that virtual time goes on while a connection waits.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// badly answers for an hour as servers in trouble do, and then as they should.
func badly(f *fakeDesk, began time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trouble := 0
		if time.Since(began) < time.Hour {
			trouble = 1 + rand.IntN(7)
		}
		switch trouble {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case 2:
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case 3:
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(time.Minute) // longer than anybody waits
			return
		case 4: // it is done, and the answer is lost
			f.serve(r)
			panic(http.ErrAbortHandler)
		case 5: // it is done, and half of the answer arrives
			status, _ := f.serve(r)
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"ticket":`)
			return
		}
		status, out := f.serve(r)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(out)
	})
}

// TestHelpDesksInTroubleForAnHourGetEachTicketOnce lets a help desk and a webhook be in trouble
// while the nodes that send to them die.
func TestHelpDesksInTroubleForAnHourGetEachTicketOnce(t *testing.T) {
	for _, isJira := range []bool{false, true} {
		t.Run(map[bool]string{false: "Zendesk", true: "Jira"}[isJira], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { troubleForAnHour(t, &fakeDesk{isJira: isJira}) })
		})
	}
}

// runDyingNodes runs one node after the other until ctx ends. Each dies after some minutes:
// what it does in its last seconds reaches the world but is not recorded.
func runDyingNodes(t *testing.T, ctx context.Context, path string, f *fakeDesk, c DeskConfig) {
	for node := 0; ctx.Err() == nil; node++ {
		conn, err := db.Open(path)
		require.NoError(t, err)
		store, err := outbox.Open(context.WithoutCancel(ctx), conn, troubledRoutes)
		require.NoError(t, err)
		c.Refs = store
		desk, err := NewZendesk(c)
		if f.isJira {
			desk, err = NewJira(c)
		}
		require.NoError(t, err)
		hook, err := NewWebhook("http://desk.example/hook", testSecret, c.Network)
		require.NoError(t, err)
		life, end := context.WithCancel(context.WithoutCancel(ctx))
		var running sync.WaitGroup
		running.Go(func() {
			outbox.NewDispatcher(store, map[string]outbox.Destination{"desk": desk, "hook": hook}, outbox.Options{Node: fmt.Sprint("node ", node)}).Run(life)
		})
		select {
		case <-time.After(time.Minute + rand.N(8*time.Minute)):
			_ = conn.Close() // it dies
		case <-ctx.Done():
		}
		end()
		running.Wait()
		_ = conn.Close()
	}
}

var troubledRoutes = []outbox.Route{{Name: "desk", Content: true}, {Name: "hook"}}

func troubleForAnHour(t *testing.T, f *fakeDesk) {
	const tickets, changes = 4, 5
	path := filepath.Join(t.TempDir(), "x.db")
	conn, err := db.Open(path)
	require.NoError(t, err)
	defer conn.Close()
	store, err := outbox.Open(t.Context(), conn, troubledRoutes)
	require.NoError(t, err)
	wire := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: badly(f, time.Now()), ErrorLog: log.New(io.Discard, "", 0)}
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(wire) })
	c := DeskConfig{Name: "desk", URL: "http://desk.example", User: "u", Token: "hush", ServiceDesk: "4", RequestType: "25", Network: Network{Private: local.Private, Dial: wire.dial}}
	ctx, cancel := context.WithCancel(t.Context())
	work.Go(func() { runDyingNodes(t, ctx, path, f, c) })
	for n := range changes + 1 {
		for ticket := range tickets {
			e := outbox.Event{ID: fmt.Sprintf("evt_%d.%d", ticket, n), Type: outbox.TicketChanged, At: time.Now(), Data: outbox.Data{
				Ticket: fmt.Sprint("T-1000000", ticket), Subject: "Lamp", Status: "waiting", Priority: "normal", Content: &outbox.Content{Note: "words"}}}
			if n == 0 {
				e.Type = outbox.TicketOpened
			}
			require.NoError(t, store.Publish(ctx, e))
		}
		time.Sleep(5 * time.Minute)
	}
	time.Sleep(2 * time.Hour)
	cancel()
	_ = server.Close()
	work.Wait()
	f.checkHooks(t, tickets, changes+1)
	if len(f.tickets) != tickets || len(f.wrong) > 0 {
		t.Errorf("%d tickets were opened, want %d; wrong requests: %q", len(f.tickets), tickets, f.wrong)
	}
	for _, remote := range f.tickets {
		if len(remote.comments) != changes+1 || !f.isJira && remote.status != "pending" {
			t.Errorf("%s: %d comments, status %s: %q", remote.ours, len(remote.comments), remote.status, remote.comments)
			continue
		}
		for n, c := range remote.comments[1:] {
			if !strings.Contains(c, fmt.Sprintf("[evt_%s.%d]", remote.ours[len(remote.ours)-1:], n+1)) || !strings.Contains(c, "words") {
				t.Errorf("%s: comment %d is %q", remote.ours, n+1, c)
			}
		}
	}
}

// checkHooks fails the test unless the webhook got each event, those of a ticket in order. Ids
// that came before are repetitions, which a receiver ignores.
func (f *fakeDesk) checkHooks(t *testing.T, tickets, events int) {
	t.Helper()
	seen, last := make(map[string]bool), make(map[string]int)
	for _, id := range f.hooks {
		if seen[id] {
			continue
		}
		seen[id] = true
		ticket, number, _ := strings.Cut(id, ".")
		if number != fmt.Sprint(last[ticket]) {
			t.Errorf("the webhook got %s after %d events of the ticket", id, last[ticket])
		}
		last[ticket]++
	}
	if len(seen) != tickets*events {
		t.Errorf("the webhook got %d of %d events", len(seen), tickets*events)
	}
	t.Logf("the webhook got %d events, and %d of them again", len(seen), len(f.hooks)-len(seen))
}
