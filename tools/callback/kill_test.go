package callback

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/internal/db"
	"frontdesk/internal/postgrestest"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/workflow"
)

var killSeeds = flag.Int("killseeds", 8, "seeds of the killed processes")

// Environment variables that make the test program a node.
const (
	nodeFolderVariable = "CALLBACK_NODE_FOLDER"
	nodePGVariable     = "CALLBACK_NODE_POSTGRES" // instead of the folder's databases, if not ""
	nodePhonesVariable = "CALLBACK_NODE_PHONES"   // URL of the telephones
	nodeCallsVariable  = "CALLBACK_NODE_CALLS"    // callers who ask for a person
	nodeKillVariable   = "CALLBACK_NODE_KILL"     // after how many milliseconds it kills itself; 0 for never
)

// TestMain runs a node if the environment says so, else the tests.
func TestMain(m *testing.M) {
	if os.Getenv(nodeFolderVariable) == "" {
		os.Exit(m.Run())
	}
	if err := runNode(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// nodeDatabase opens the tickets of the nodes. told has what the listener hears, in the same
// transaction.
func nodeDatabase(ctx context.Context, folder, postgres string) (conn *sql.DB, tickets *tools.Tickets, err error) {
	if postgres != "" {
		conn, err = db.OpenPostgres(ctx, postgres)
	} else {
		conn, err = db.Open(filepath.Join(folder, "tickets.db"))
	}
	if err == nil {
		tickets, err = tools.OpenTickets(ctx, conn)
	}
	if err == nil {
		err = db.Migrate(ctx, conn, "test", `CREATE TABLE told (ticket TEXT NOT NULL, event TEXT NOT NULL);`)
	}
	return conn, tickets, err
}

// runNode keeps the promises of callers until it kills itself, or else until none is left.
func runNode(ctx context.Context) error {
	folder, postgres := os.Getenv(nodeFolderVariable), os.Getenv(nodePGVariable)
	ms, _ := strconv.Atoi(os.Getenv(nodeKillVariable))
	if ms > 0 {
		time.AfterFunc(time.Duration(ms)*time.Millisecond, func() {
			self, _ := os.FindProcess(os.Getpid())
			_ = self.Kill()
		})
	}
	conn, tickets, err := nodeDatabase(ctx, folder, postgres)
	if err != nil {
		return err
	}
	defer conn.Close()
	tickets.Listen(func(ctx context.Context, tx *sql.Tx, n tools.TicketNews) error {
		var err error
		for event, happened := range map[string]bool{"promised": n.IsCallback, "missed": n.IsMissed} {
			if happened && err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO told (ticket, event) VALUES ($1, $2)`, n.Ticket.ID.String(), event)
			}
		}
		return err
	})
	flows, err := workflow.Open(ctx, workflow.Options{
		Node: fmt.Sprint("node ", os.Getpid()), URL: postgres, Path: filepath.Join(folder, "workflows.db"), Lease: time.Second, Log: zap.NewNop(),
	})
	if err != nil {
		return err
	}
	k := New(Options{
		Tickets: tickets, Flows: flows, Log: zap.NewNop(), Poll: 10 * time.Millisecond, Grace: 20 * time.Millisecond, Retry: time.Millisecond,
		Settings:      func(string) Settings { return Settings{By: Agent, Delay: 20 * time.Millisecond} },
		AwaitTransfer: func(context.Context, tools.Ticket) error { time.Sleep(20 * time.Millisecond); return nil },
		CanCall:       func(tools.Ticket, By) bool { return true },
		Call: func(ctx context.Context, key string, _ tools.Ticket, _ By) (Result, error) {
			return ringOver(ctx, os.Getenv(nodePhonesVariable), key)
		},
	})
	if err := flows.Launch(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	go k.Run(ctx) // ends with the process
	callers, _ := strconv.Atoi(os.Getenv(nodeCallsVariable))
	if err := askForPersons(ctx, tickets, callers); err != nil {
		return err
	}
	for left := 1; left > 0 || ms > 0; time.Sleep(20 * time.Millisecond) {
		promises, err := tickets.CallBacks(ctx)
		if err != nil {
			return err
		}
		left = len(promises)
	}
	return nil
}

// askForPersons lets callers ask for a person; every second one can be transferred.
func askForPersons(ctx context.Context, tickets *tools.Tickets, callers int) error {
	for n := range callers {
		caller := tools.Caller{Session: fmt.Sprint("sess_", os.Getpid(), n), Number: "+4930123456", CanTransfer: n%2 == 0}
		for _, tool := range tickets.Tools("") {
			if tool.Spec().Name != "hand_over" {
				continue
			}
			if _, err := tool.Call(tools.WithCaller(ctx, caller), tools.Call{ID: "call", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"x"}`)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// ringOver lets a telephone of the test ring.
func ringOver(ctx context.Context, url, key string) (Result, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(key))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return Result(b), err
}

// servePhones serves the telephones to other processes. Every third call is answered.
func servePhones(t *testing.T) (*phones, string) {
	p := &phones{rings: make(map[string]int)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		if len(p.by)%3 == 2 {
			p.answers = []Result{Answered}
		}
		p.mu.Unlock()
		result := p.ring(string(key), Agent)
		time.Sleep(5 * time.Millisecond) // it rings
		_, _ = io.WriteString(w, string(result))
	}))
	t.Cleanup(server.Close)
	return p, server.URL
}

// startNode starts a node that kills itself after some milliseconds, 0 for never.
func startNode(t *testing.T, folder, postgres, phones string, callers, kill int) *exec.Cmd {
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), nodeFolderVariable+"="+folder, nodePGVariable+"="+postgres, nodePhonesVariable+"="+phones,
		nodeCallsVariable+"="+strconv.Itoa(callers), nodeKillVariable+"="+strconv.Itoa(kill))
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	return c
}

// checkPromises fails the test unless each caller was promised a call-back once, and it was made
// or told to be missed once. It returns the numbers of tickets, of
// calls whose process died, and of calls.
func checkPromises(t *testing.T, folder, postgres string, p *phones) (found, unknown, calls int) {
	t.Helper()
	conn, tickets, err := nodeDatabase(t.Context(), folder, postgres)
	require.NoError(t, err)
	defer conn.Close()
	told := func(id tools.TicketID, event string) (n int) {
		require.NoError(t, conn.QueryRowContext(t.Context(), `SELECT count(*) FROM told WHERE ticket = $1 AND event = $2`, id.String(), event).Scan(&n))
		return n
	}
	noted := 0
	for ticket, err := range tickets.List(t.Context(), tools.TicketFilter{}) {
		require.NoError(t, err)
		found++
		answered, missed := 0, 0
		if len(ticket.Notes) == 0 || !strings.HasPrefix(ticket.Notes[0].Text, "The caller is called back automatically: ") {
			t.Fatalf("%s does not say when the caller is called back: %+v", ticket.ID, ticket.Notes)
		}
		notes := ticket.Notes[1:]
		for n, note := range notes {
			if !strings.HasPrefix(note.Text, fmt.Sprintf("Call-back, call %d of 3: ", n+1)) {
				t.Errorf("note %d of %s is %q", n+1, ticket.ID, note.Text)
			}
			if strings.Contains(note.Text, "the caller answered") {
				answered++
			}
			if strings.Contains(note.Text, textsFor("en").missed) {
				missed++
			}
			if strings.Contains(note.Text, textsFor("en").results[Unknown]) {
				unknown++
			}
			noted++
			if answered+missed > 0 && n+1 != len(notes) {
				t.Errorf("%s has notes after the last call: %+v", ticket.ID, ticket.Notes)
			}
		}
		if answered+missed != 1 || told(ticket.ID, "missed") != missed || told(ticket.ID, "promised") != 1 {
			t.Errorf("%s: answered %d times, missed %d, told %d; promised %d times: %+v", ticket.ID, answered, missed,
				told(ticket.ID, "missed"), told(ticket.ID, "promised"), ticket.Notes)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, n := range p.rings {
		if n != 1 {
			t.Errorf("the telephone rang %d times for %s", n, key)
		}
	}
	if len(p.rings) > noted {
		t.Errorf("%d calls were made, and %d are noted", len(p.rings), noted)
	}
	return found, unknown, len(p.rings)
}

func TestPromisesAreKeptWhereverAProcessIsKilled(t *testing.T) {
	const callers, lives = 4, 4
	for seed := range *killSeeds {
		folder := t.TempDir()
		p, url := servePhones(t)
		random := rand.New(rand.NewPCG(uint64(seed), 15))
		for range lives {
			_ = startNode(t, folder, "", url, callers, 100+random.IntN(400)).Wait() // it was killed
		}
		require.NoError(t, startNode(t, folder, "", url, 1, 0).Wait())
		found, unknown, calls := checkPromises(t, folder, "", p)
		t.Logf("seed %d: %d tickets, %d calls, %d with an unknown result", seed, found, calls, unknown)
	}
}

// Nodes that share a Postgres database are killed while others live.
func TestPromisesAreKeptByOtherNodes(t *testing.T) {
	url := postgrestest.Start(t, "fsync=off").NewDatabase(t)
	p, phonesURL := servePhones(t)
	random := rand.New(rand.NewPCG(1, 16))
	survivor := startNode(t, t.TempDir(), url, phonesURL, 2, 60_000)
	for range 4 {
		_ = startNode(t, t.TempDir(), url, phonesURL, 4, 200+random.IntN(500)).Wait()
	}
	require.NoError(t, startNode(t, t.TempDir(), url, phonesURL, 0, 0).Wait())
	_ = survivor.Process.Kill()
	_ = survivor.Wait()
	found, unknown, calls := checkPromises(t, "", url, p)
	if calls == 0 {
		t.Error("nobody was called")
	}
	t.Logf("%d tickets, %d calls, %d with an unknown result", found, calls, unknown)
}
