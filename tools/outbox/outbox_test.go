package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// receiver is a destination that behaves as its function says and records what it accepts.
type receiver struct {
	mu       sync.Mutex
	behave   func(attempt int) error // nil accepts; called without mu
	attempts int
	accepted []Event
	active   map[string]int // attempts in progress, by topic
	clashes  int            // two attempts for a topic at once
}

// tried returns how many attempts there were.
func (r *receiver) tried() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.attempts
}

// got returns the events that were accepted.
func (r *receiver) got() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accepted)
}

func (r *receiver) Deliver(ctx context.Context, e Event, key string) error {
	r.mu.Lock()
	r.attempts++
	n := r.attempts
	if r.active == nil {
		r.active = make(map[string]int)
	}
	if r.active[e.topic()]++; r.active[e.topic()] > 1 {
		r.clashes++
	}
	r.mu.Unlock()
	var err error
	if r.behave != nil {
		err = r.behave(n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active[e.topic()]--
	if key != e.ID {
		return fault.New(fault.Invalid, "the key is not the id")
	}
	if err == nil || err == errAnswerLost {
		r.accepted = append(r.accepted, e)
	}
	return err
}

// errAnswerLost is the error of a receiver that has the event and whose answer is lost.
var errAnswerLost = fault.New(fault.Unavailable, "broke off").Retryable(0)

// firsts returns the accepted events without those that have an earlier one's id, by topic.
func (r *receiver) firsts() map[string][]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen, found := make(map[string]bool), make(map[string][]int)
	for _, e := range r.accepted {
		if !seen[e.ID] {
			seen[e.ID] = true
			found[e.topic()] = append(found[e.topic()], e.Data.Attempts)
		}
	}
	return found
}

func newEvent(topic string, n int) Event {
	return Event{
		ID: fmt.Sprintf("evt_%s.%d", topic, n), Type: TicketChanged, At: time.Now(),
		Data: Data{Ticket: topic, Session: "sess_A", Agent: "demo", Attempts: n, Content: &Content{Note: "words of the caller"}},
	}
}

func openTest(t *testing.T, path string, routes ...Route) *Store {
	t.Helper()
	conn, err := db.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	s, err := Open(context.Background(), conn, routes)
	require.NoError(t, err)
	return s
}

// start runs a dispatcher until the returned function is called.
func start(s *Store, node string, to map[string]Destination) (d *Dispatcher, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	d = NewDispatcher(s, to, Options{Node: node, Poll: 15 * time.Second})
	var work sync.WaitGroup
	work.Go(func() { d.Run(ctx) })
	return d, func() { cancel(); work.Wait() }
}

func (r *receiver) checkOrder(t *testing.T, topics, events int) {
	t.Helper()
	got := r.firsts()
	if len(got) != topics {
		t.Errorf("%d topics arrived, want %d", len(got), topics)
	}
	for topic, numbers := range got {
		if len(numbers) != events {
			t.Errorf("%s: %d events arrived, want %d", topic, len(numbers), events)
		}
		for i, n := range numbers {
			if n != i+1 {
				t.Errorf("%s: event %d arrived as number %d", topic, n, i+1)
				break
			}
		}
	}
	if r.clashes > 0 {
		t.Errorf("%d times two attempts for one ticket ran at once", r.clashes)
	}
}

func TestNothingIsLostWhileADestinationIsAwayForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "x.db"), Route{Name: "crm"}, Route{Name: "other", Events: []Type{CallEnded}})
		began := time.Now()
		r := &receiver{behave: func(int) error {
			time.Sleep(time.Duration(rand.IntN(3)) * time.Second)
			if time.Since(began) < time.Hour {
				return fault.New(fault.Unavailable, "answered 503").Retryable(0)
			}
			return nil
		}}
		other := &receiver{}
		_, stop := start(s, "a", map[string]Destination{"crm": r, "other": other})
		defer stop()
		for n := 1; n <= 6; n++ {
			for topic := range 5 {
				e := newEvent(fmt.Sprint("T-", topic), n)
				require.NoError(t, s.Publish(t.Context(), e))
				require.NoError(t, s.Publish(t.Context(), e)) // a repetition
			}
			time.Sleep(7 * time.Minute)
		}
		time.Sleep(time.Hour + 6*time.Minute - time.Since(began))
		r.checkOrder(t, 5, 6)
		if len(r.got()) != 30 {
			t.Errorf("%d events were accepted, want each once: 30", len(r.got()))
		}
		if len(other.accepted) != 0 {
			t.Errorf("a destination got events that it does not want: %v", other.accepted)
		}
		if b, err := s.Backlogs(t.Context()); err != nil || b["crm"] != (Backlog{}) {
			t.Errorf("backlog: %+v, %v", b, err)
		}
		for _, e := range r.got() {
			if e.Data.Content != nil {
				t.Fatalf("the destination got what the caller said: %+v", e.Data.Content)
			}
		}
		var bodies int
		require.NoError(t, s.db.QueryRow(`SELECT count(*) FROM outbox_events WHERE body != ''`).Scan(&bodies))
		if bodies != 0 {
			t.Errorf("%d delivered events are still stored", bodies)
		}
	})
}

func TestNodesShareTheWorkAndADeadNodesEventsGoElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{behave: func(n int) error {
			time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
			switch rand.IntN(4) {
			case 0:
				return errAnswerLost
			case 1:
				return fault.New(fault.Provider, "answered 500").Retryable(0)
			}
			return nil
		}}
		a, b := openTest(t, path, Route{Name: "crm", Content: true}), openTest(t, path, Route{Name: "crm", Content: true})
		// A node claims an event and dies.
		require.NoError(t, a.Publish(t.Context(), newEvent("T-0", 1)))
		dead, err := a.claim(t.Context(), "crm", "dead", time.Minute)
		if err != nil || dead == nil {
			t.Fatal(dead, err)
		}
		_, stopA := start(a, "a", map[string]Destination{"crm": r})
		_, stopB := start(b, "b", map[string]Destination{"crm": r})
		for n := 1; n <= 20; n++ {
			for topic := range 4 {
				require.NoError(t, a.Publish(t.Context(), newEvent(fmt.Sprint("T-", topic), n)))
			}
		}
		time.Sleep(50 * time.Second)
		if got := r.firsts()["T-0"]; len(got) > 0 {
			t.Errorf("%d events were sent under another node's lease", len(got))
		}
		time.Sleep(3 * time.Hour)
		stopA()
		stopB()
		r.checkOrder(t, 4, 20)
		if err := a.finish(t.Context(), dead, outcome{isDone: true}); err != nil {
			t.Errorf("a late outcome: %v", err)
		}
		if len(r.got()) > 0 && r.got()[0].Data.Content == nil {
			t.Error("a destination with content did not get it")
		}
	})
}

func TestDeadLettersAreListedRetriedAndDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "x.db"), Route{Name: "crm"})
		isRefusing := true
		r := &receiver{behave: func(n int) error {
			switch {
			case n == 1:
				return fault.New(fault.Invalid, "answered 422")
			case isRefusing:
				return fault.New(fault.Provider, "answered 500").Retryable(0)
			}
			return nil
		}}
		_, stop := start(s, "a", map[string]Destination{"crm": r})
		defer stop()
		for n := 1; n <= 3; n++ {
			require.NoError(t, s.Publish(t.Context(), newEvent("T-1", n)))
		}
		time.Sleep(time.Minute)
		letters, err := s.DeadLetters(t.Context(), 10)
		if err != nil || len(letters) != 1 || letters[0].ID != "evt_T-1.1" || !strings.Contains(letters[0].Error, "422") || letters[0].Type != TicketChanged {
			t.Fatalf("after a refusal: %+v, %v", letters, err)
		}
		time.Sleep(50 * time.Hour)
		if letters, _ = s.DeadLetters(t.Context(), 10); len(letters) != 3 {
			t.Fatalf("after two days: %+v", letters)
		}
		if n, err := s.Drop(t.Context(), "evt_T-1.2", ""); n != 1 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		isRefusing = false
		if n, err := s.Retry(t.Context(), "", "nobody"); n != 0 || err != nil {
			t.Errorf("retried %d of another destination, %v", n, err)
		}
		if n, err := s.Retry(t.Context(), "", "crm"); n != 2 || err != nil {
			t.Errorf("retried %d, %v", n, err)
		}
		time.Sleep(time.Minute)
		if len(r.got()) != 2 || r.got()[0].ID != "evt_T-1.1" || r.got()[1].ID != "evt_T-1.3" {
			t.Errorf("after the retry: %+v", r.got())
		}
	})
}

func TestDestinationsSayWhenToTryAgainAndThatTheyAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "x.db"), Route{Name: "slow"}, Route{Name: "gone"}, Route{Name: "removed"})
		slow := &receiver{behave: func(n int) error {
			if n == 1 {
				return fault.New(fault.Limited, "answered 429").Retryable(40 * time.Minute)
			}
			return nil
		}}
		gone := &receiver{behave: func(int) error { return ErrGone }}
		_, stop := start(s, "a", map[string]Destination{"slow": slow, "gone": gone})
		defer stop()
		require.NoError(t, s.Publish(t.Context(), newEvent("T-1", 1)))
		time.Sleep(time.Minute)
		require.NoError(t, s.Publish(t.Context(), newEvent("T-2", 1)))
		time.Sleep(38 * time.Minute)
		if slow.tried() != 1 {
			t.Errorf("%d attempts before the destination wanted one", slow.tried())
		}
		time.Sleep(2 * time.Minute)
		if len(slow.got()) != 2 {
			t.Errorf("%d events arrived after the wait", len(slow.got()))
		}
		if gone.tried() > 2 {
			t.Errorf("%d attempts to reach a destination that is gone", gone.tried())
		}
		time.Sleep(25 * time.Hour)
		letters, err := s.DeadLetters(t.Context(), 10)
		if err != nil || len(letters) != 4 {
			t.Errorf("dead letters: %+v, %v; want 2 of each destination that nobody can reach", letters, err)
		}
	})
}

func TestEventsArePrintableBoundedAndComplete(t *testing.T) {
	e := newEvent("T-1", 1)
	e.Data.Subject = "a\u202eb\r\nBcc: x" + strings.Repeat("y", 300)
	e.Data.Content = &Content{Description: strings.Repeat("ä", 9000) + "\x00"}
	e, err := e.clean()
	require.NoError(t, err)
	if strings.ContainsAny(e.Data.Subject, "\r\n\u202e") || len(e.Data.Subject) > maxSubject || len(e.Data.Content.Description) > maxContent {
		t.Errorf("not clean: %q", e.Data.Subject)
	}
	for name, change := range map[string]func(*Event){
		"id":       func(e *Event) { e.ID = "a b" },
		"no id":    func(e *Event) { e.ID = "" },
		"type":     func(e *Event) { e.Type = "x" },
		"no topic": func(e *Event) { e.Data.Ticket, e.Data.Session = "", "" },
		"no time":  func(e *Event) { e.At = time.Time{} },
	} {
		wrong := newEvent("T-1", 1)
		change(&wrong)
		if _, err := wrong.clean(); fault.From(err) == nil || fault.From(err).Code != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnEventIsPublishedWithItsTransaction(t *testing.T) {
	s := openTest(t, filepath.Join(t.TempDir(), "x.db"), Route{Name: "crm", Agents: []string{"demo"}})
	for _, isCommitted := range []bool{false, true} {
		tx, err := s.db.BeginTx(t.Context(), &sql.TxOptions{})
		require.NoError(t, err)
		require.NoError(t, s.PublishIn(t.Context(), tx, newEvent("T-1", 1)))
		other := newEvent("T-2", 1)
		other.Data.Agent = "other"
		require.NoError(t, s.PublishIn(t.Context(), tx, other))
		if isCommitted {
			require.NoError(t, tx.Commit())
		} else {
			require.NoError(t, tx.Rollback())
		}
		b, err := s.Backlogs(t.Context())
		require.NoError(t, err)
		if want := map[bool]int{true: 1}[isCommitted]; b["crm"].Waiting != want {
			t.Errorf("committed: %v: %d events wait, want %d", isCommitted, b["crm"].Waiting, want)
		}
	}
}

func TestErasureAndDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t, filepath.Join(t.TempDir(), "x.db"), Route{Name: "crm", Content: true})
		for n := 1; n <= 3; n++ {
			e := newEvent("T-1", n)
			if e.Data.Subject = "words of the caller"; n == 3 {
				e.Data.Session = "sess_B"
			}
			require.NoError(t, s.Publish(t.Context(), e))
		}
		if n, err := s.Erase(t.Context(), []string{"sess_A"}); n != 2 || err != nil {
			t.Errorf("erased %d, %v", n, err)
		}
		_, err := s.db.Exec(`UPDATE outbox_events SET body = '{' WHERE id = 'evt_T-1.1'`)
		require.NoError(t, err)
		r := &receiver{}
		_, stop := start(s, "a", map[string]Destination{"crm": r})
		defer stop()
		time.Sleep(time.Minute)
		letters, err := s.DeadLetters(t.Context(), 10)
		if err != nil || len(letters) != 1 || len(r.got()) != 2 {
			t.Fatalf("dead: %+v, %v; accepted: %+v", letters, err, r.got())
		}
		if d := r.got()[0].Data; d.Content != nil || d.Subject != "erased" {
			t.Errorf("not erased: %+v", d)
		}
		if d := r.got()[1].Data; d.Content == nil || d.Subject == "erased" {
			t.Errorf("another session was erased: %+v", d)
		}
	})
}

func TestPostgres(t *testing.T) {
	url := os.Getenv("FRONTDESK_POSTGRES") // to test with a Postgres server
	if url == "" {
		t.Skip("FRONTDESK_POSTGRES is not set")
	}
	conn, err := db.OpenPostgres(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close()
	s, err := Open(t.Context(), conn, []Route{{Name: "crm"}})
	require.NoError(t, err)
	for _, table := range []string{"outbox_deliveries", "outbox_leases", "outbox_refs", "outbox_events"} {
		_, err := conn.ExecContext(t.Context(), "DELETE FROM "+table)
		require.NoError(t, err)
	}
	r := &receiver{behave: func(n int) error {
		if n%7 == 0 {
			return errAnswerLost
		}
		return nil
	}}
	_, stopA := start(s, "a", map[string]Destination{"crm": r})
	defer stopA()
	_, stopB := start(s, "b", map[string]Destination{"crm": r})
	defer stopB()
	for n := 1; n <= 10; n++ {
		for topic := range 5 {
			require.NoError(t, s.Publish(t.Context(), newEvent(fmt.Sprint("T-", topic), n)))
		}
	}
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(100 * time.Millisecond) {
		if b, err := s.Backlogs(t.Context()); err == nil && b["crm"].Waiting == 0 {
			break
		}
	}
	r.checkOrder(t, 5, 10)
	require.NoError(t, s.SetRef(t.Context(), "crm", "T-1", "1"))
	require.NoError(t, s.SetRef(t.Context(), "crm", "T-1", "2"))
	if ref, err := s.Ref(t.Context(), "crm", "T-1"); ref != "2" || err != nil {
		t.Errorf("reference %q, %v", ref, err)
	}
	if _, err := s.Retry(t.Context(), "", ""); err != nil {
		t.Error(err)
	}
	if _, err := s.Drop(t.Context(), "x", "y"); err != nil {
		t.Error(err)
	}
	if _, err := s.bury(t.Context(), time.Now(), nil); err != nil {
		t.Error(err)
	}
	if err := s.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}
