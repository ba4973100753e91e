package app

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

// runTickets runs a subcommand of tickets and returns its output.
func runTickets(t *testing.T, data string, wantStatus int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	status := Run(append([]string{"tickets"}, append(args, "--data", data)...), nil, &out, &errs)
	if status != wantStatus {
		t.Fatalf("tickets %v: status %d, want %d: %s", args, status, wantStatus, errs.String())
	}
	return out.String() + errs.String()
}

func TestTeamWorksOnTicketsBesideAServer(t *testing.T) {
	data := t.TempDir()
	conn, err := db.Open(filepath.Join(data, "frontdesk.db")) // as a server has it
	require.NoError(t, err)
	defer conn.Close()
	store, err := tools.OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	ctx := tools.WithCaller(t.Context(), tools.Caller{Session: "sess_1", Agent: "shop", Language: "en", Said: "It is broken.\nSince Monday."})
	made, err := store.Create(ctx, "c1", tools.Ticket{
		Subject: "Lamp is\nbroken\x1b]0;owned\x07", Contact: "ann@example.org", Details: tools.Details{Since: "Monday"},
	})
	require.NoError(t, err)
	_, err = conn.Exec(`UPDATE tickets SET assignee = ?`, "an\x1b[2Jn") // by another program
	require.NoError(t, err)
	draft, err := store.SaveDraft(ctx, tools.Ticket{Subject: "unfinished"})
	require.NoError(t, err)
	id := made.ID.String()
	_, err = store.Create(tools.WithCaller(t.Context(), tools.Caller{Known: "known:customer-42"}), "", tools.Ticket{Subject: "of a customer"})
	require.NoError(t, err)
	if out := runTickets(t, data, 0, "forget", "customer-42"); out != "Erased tickets: 1\n" {
		t.Errorf("forget: %q", out)
	}

	if out := runTickets(t, data, 0, "ls"); !regexp.MustCompile(id+` +open +normal +\S+ \S+ +an\[2Jn +Lamp is broken`).MatchString(out) ||
		!strings.Contains(out, "draft") || strings.ContainsAny(out, "\x1b\x07") {
		t.Errorf("ls: %q", out)
	}
	for _, none := range [][]string{{"--status", "closed"}, {"--assignee", "bob"}, {"--session", "sess_2"}, {"--older", "1h"}} {
		if out := runTickets(t, data, 0, append([]string{"ls"}, none...)...); out != "No tickets.\n" {
			t.Errorf("ls %v: %q", none, out)
		}
	}
	runTickets(t, data, 0, "assign", id, "bob", "--by", "boss")
	runTickets(t, data, 0, "reply", id, "We send a new one.", "--by", "bob")
	if out := runTickets(t, data, 0, "show", id); !strings.Contains(out, "Since Monday.") || !strings.Contains(out, "bob, for the caller, now waiting\nWe send a new one.") ||
		!strings.Contains(out, "boss\nAssigned to bob.") {
		t.Errorf("show: %s", out)
	}
	if got := runTickets(t, data, 0, "edit", id, "--priority", "urgent", "--by", "bob"); got != id+" is waiting.\n" {
		t.Errorf("edit: %q", got)
	}
	runTickets(t, data, 1, "edit", id)
	runTickets(t, data, 1, "edit", id, "--priority", "soon")
	if out := runTickets(t, data, 0, "show", id); !strings.Contains(out, "Priority    urgent") || !strings.Contains(out, "bob\nThe priority was: normal") {
		t.Errorf("after the edit: %s", out)
	}
	if got := runTickets(t, data, 0, "close", id); got != id+" is closed.\n" {
		t.Errorf("close: %q", got)
	}
	runTickets(t, data, 1, "close", id)
	runTickets(t, data, 2, "close", "the one of Monday")
	lines := strings.Split(strings.TrimSpace(runTickets(t, data, 0, "export")), "\n")
	var got ticketView
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &got))
	if len(lines) != 2 || got.ID != id || got.Assignee != "bob" || got.Session != "sess_1" || len(got.Notes) != 4 || got.Notes[1].By != "bob" || !got.Notes[1].Reply {
		t.Errorf("export: %d lines, the last one %+v", len(lines), got)
	}
	runTickets(t, data, 0, "erase", id)
	runTickets(t, data, 1, "show", id)
	if out := runTickets(t, data, 0, "forget", "customer-42"); out != "Erased tickets: 0\n" {
		t.Errorf("forget: %q", out)
	}
	runTickets(t, data, 0, "show", draft.ID.String(), "--json")
}
