package app

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk/internal/db"
	"frontdesk/internal/require"
	"frontdesk/tools"
	"frontdesk/tools/outbox"
)

func TestTicketStatusTellsThatTheTeamsMessageIsStillBeingSent(t *testing.T) {
	conn, err := db.Open(filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	defer conn.Close()
	s, err := outbox.Open(t.Context(), conn, []outbox.Route{{Name: "team"}})
	require.NoError(t, err)
	tickets, err := tools.OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	tickets.Listen(reportTicket(s))
	tickets.AskDelivery(deliveryOf(s))
	ctx := tools.WithCaller(t.Context(), tools.Caller{Session: "sess_A", Known: "ann"})
	created, err := tickets.Create(ctx, "", tools.Ticket{Subject: "lamp"})
	require.NoError(t, err)
	tells := func(want string) {
		t.Helper()
		for _, tool := range tickets.Tools("") {
			if tool.Spec().Name != tools.TicketStatus {
				continue
			}
			r, err := tool.Call(ctx, tools.Call{ID: "1", Name: tools.TicketStatus, Arguments: json.RawMessage(`{"ticket":"` + created.ID.String() + `"}`)})
			if err != nil || strings.Contains(string(r.Output), "tell_caller") != (want != "") || !strings.Contains(string(r.Output), want) {
				t.Errorf("got %s, %v; want %q", r.Output, err, want)
			}
		}
	}
	tells("still being sent")
	stop := inBackground(outbox.NewDispatcher(s, map[string]outbox.Destination{"team": &collector{}}, outbox.Options{}).Run)
	require.NoError(t, eventually(func() bool {
		b, err := s.Backlogs(t.Context())
		return err == nil && b["team"].Waiting == 0
	}))
	stop()
	tells("")
}
