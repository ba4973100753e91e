package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/config"
	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/tools"
	"frontdesk/tools/outbox"
)

// runErase runs the command erase and returns its output.
func runErase(t *testing.T, data string, wantStatus int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	status := Run(append([]string{"erase", "--data", data}, args...), nil, &out, &errs)
	if status != wantStatus {
		t.Fatalf("erase %v: status %d, want %d: %s%s", args, status, wantStatus, out.String(), errs.String())
	}
	return out.String() + errs.String()
}

// fillStores stores something of alice and of bob everywhere, and returns alice's ticket.
func fillStores(t *testing.T, data string) string {
	t.Helper()
	c := config.Default()
	c.Data = data
	ticket := ""
	require.NoError(t, withEraser(t.Context(), c, func(e *eraser) error {
		conn, err := db.Open(filepath.Join(data, "frontdesk.db"))
		require.NoError(t, err)
		defer conn.Close()
		events, err := outbox.Open(t.Context(), conn, []outbox.Route{{Name: "crm", Content: true}})
		require.NoError(t, err)
		for _, name := range []string{"alice", "bob"} {
			known, id := "known:"+name, "sess_"+name
			lease, err := e.store.Acquire(t.Context(), id, "node", time.Minute, false)
			require.NoError(t, err)
			state := session.State{Agent: "shop", Callers: e.tokens.CallerKeys(known, "")}
			require.NoError(t, e.store.Commit(t.Context(), lease, nil, state, time.Hour))
			require.NoError(t, e.store.Release(t.Context(), lease))
			require.NoError(t, e.store.SaveCaller(t.Context(), "shop/"+name, []byte(`{}`), time.Hour))
			made, err := e.tickets.Create(tools.WithCaller(t.Context(), tools.Caller{Session: "sess_2" + name, Known: known}), "",
				tools.Ticket{Subject: "Lamp of " + name, Contact: name + "@example.org"})
			require.NoError(t, err)
			if name == "alice" {
				ticket = made.ID.String()
				require.NoError(t, e.events.SetRef(t.Context(), "desk", ticket, "4711"))
			}
			require.NoError(t, events.Publish(t.Context(), outbox.Event{ID: "evt_" + name, Type: outbox.TicketOpened, At: time.Now(),
				Data: outbox.Data{Ticket: made.ID.String(), Subject: "Lamp of " + name, Content: &outbox.Content{Contact: name}}}))
			require.NoError(t, os.MkdirAll(e.recordings, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(e.recordings, id+"-rtc_1.wav"), []byte("x"), 0o600))
		}
		return nil
	}))
	return ticket
}

func TestEraseFindsAndDeletesACallerEverywhere(t *testing.T) {
	data := t.TempDir()
	ticket := fillStores(t, data)
	wanted := []string{ticket, "Lamp of alice", "sess_alice", "1 recording", "sess_2alice", "shop/alice", "Events", "desk has " + ticket + " as 4711"}
	dry := runErase(t, data, 0, "alice")
	for _, want := range append(wanted, "This would be erased:", "Nothing is erased yet. Add --yes to erase it.") {
		if !strings.Contains(dry, want) {
			t.Errorf("the dry run does not say %q:\n%s", want, dry)
		}
	}
	if strings.Contains(dry, "bob") {
		t.Errorf("the dry run names another caller:\n%s", dry)
	}
	if byEmail := runErase(t, data, 0, "--email", "ALICE@example.org"); !strings.Contains(byEmail, ticket) || strings.Contains(byEmail, "bob") {
		t.Errorf("by e-mail:\n%s", byEmail)
	}
	done := runErase(t, data, 0, "known:alice", "--yes")
	for _, want := range append(wanted, "Erased:") {
		if !strings.Contains(done, want) {
			t.Errorf("the erasure does not say %q:\n%s", want, done)
		}
	}
	if out := runErase(t, data, 0, "alice", "--yes"); out != "Nothing is stored of this caller.\n" {
		t.Errorf("erased again: %s", out)
	}
	if _, err := os.Stat(filepath.Join(data, "recordings", "sess_alice-rtc_1.wav")); !os.IsNotExist(err) {
		t.Errorf("the recording is still there: %v", err)
	}
	var left erasure
	require.NoError(t, json.Unmarshal([]byte(runErase(t, data, 0, "bob", "--json")), &left))
	if left.Erased || len(left.Tickets) != 1 || len(left.Sessions) != 2 || len(left.Memories) != 1 || left.Events != 1 {
		t.Errorf("of another caller is left: %+v", left)
	}
}

func TestEraseLeavesTheTicketsWhileASessionIsInACall(t *testing.T) {
	data := t.TempDir()
	ticket := fillStores(t, data)
	c := config.Default()
	c.Data = data
	require.NoError(t, withStore(t.Context(), c, func(s sessionStore) error {
		_, err := s.Acquire(t.Context(), "sess_alice", "another node", time.Minute, false)
		return err
	}))
	out := runErase(t, data, 1, "alice", "--yes")
	if !strings.Contains(out, "Left: sess_alice is in a call") || !strings.Contains(out, "erase again later") {
		t.Errorf("got %s", out)
	}
	if out := runErase(t, data, 0, "alice"); !strings.Contains(out, ticket) || !strings.Contains(out, "sess_alice") {
		t.Errorf("what was left is not found again: %s", out)
	}
}

func TestEraseNeedsACaller(t *testing.T) {
	for want, args := range map[string][]string{
		"name the caller, or one of --line, --email and --session": {},
		"that is not a telephone number":                           {"--line", "x"},
		"that is not an e-mail address":                            {"--email", "x"},
	} {
		if out := runErase(t, t.TempDir(), 2, args...); !strings.Contains(out, want) {
			t.Errorf("%v: got %s", args, out)
		}
	}
}
