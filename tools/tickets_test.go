package tools

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools/gate"
)

func mustCreate(t testing.TB, s *Tickets, call, subject string) Ticket {
	t.Helper()
	ticket, err := s.Create(t.Context(), call, Ticket{Subject: subject})
	require.NoError(t, err)
	return ticket
}

func wantCode(t testing.TB, err error, want fault.Code) {
	t.Helper()
	if err == nil || fault.From(err).Code != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func testCreateStoresTheTicket(t *testing.T, open opener) {
	s, db := open(t)
	ctx := WithCaller(t.Context(), Caller{Session: "sess_1", Known: "customer-42", Number: "+4930123456"})
	made, err := s.Create(ctx, "call_1", Ticket{
		Subject: " Router is dead ", Description: "No lights.", Contact: "ann@example.org", Priority: High,
		ID: 7, Status: Closed, // must be ignored
	})
	require.NoError(t, err)
	if !IsTicketNumber(made.ID.String()[2:]) || made.Known != "customer-42" || made.Line != "+4930123456" || made.Subject != "Router is dead" || made.Status != Open || made.Priority != High ||
		made.Session != "sess_1" || made.Contact != "ann@example.org" || made.Description != "No lights." || made.Created.IsZero() {
		t.Errorf("created %+v", made)
	}
	reopened, err := OpenTickets(t.Context(), db)
	require.NoError(t, err)
	got, err := reopened.GetAsOperator(t.Context(), made.ID)
	if err != nil || got.Subject != made.Subject || !got.Created.Equal(made.Created) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func testSameCallCreatesOneTicket(t *testing.T, open opener) {
	s, _ := open(t)
	var mu sync.Mutex
	ids := make(map[TicketID]bool)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			ticket, err := s.Create(t.Context(), "call_1", Ticket{Subject: "printer"})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			ids[ticket.ID] = true
		})
	}
	wg.Wait()
	if len(ids) != 1 {
		t.Errorf("one call created %v", ids)
	}
	_, err := s.Create(t.Context(), "call_1", Ticket{Subject: "something else"})
	wantCode(t, err, fault.Conflict)
	if other := mustCreate(t, s, "call_2", "printer"); ids[other.ID] {
		t.Error("another call got the same ticket")
	}
	other, err := s.Create(WithCaller(t.Context(), Caller{Session: "sess_2"}), "call_1", Ticket{Subject: "printer"})
	if err != nil || ids[other.ID] {
		t.Errorf("the same call id in another session got %s, %v", other.ID, err)
	}
}

func testSameUpdateHappensOnce(t *testing.T, open opener) {
	s, _ := open(t)
	id := mustCreate(t, s, "call_1", "printer").ID
	for range 2 {
		got, err := s.UpdateAsOperator(t.Context(), "call_2", id, Change{Note: "called back", Status: Waiting})
		if err != nil || got.Status != Waiting || len(got.Notes) != 1 || got.Notes[0].Text != "called back" || got.Notes[0].Status != Waiting {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	_, err := s.UpdateAsOperator(t.Context(), "call_2", id, Change{Note: "another note"})
	wantCode(t, err, fault.Conflict)
	_, err = s.UpdateAsOperator(t.Context(), "call_1", id, Change{Note: "the id of the call that made it"})
	wantCode(t, err, fault.Conflict)
}

func testUpdateAllowsOnlySomeStatusChanges(t *testing.T, open opener) {
	allowed := map[[2]Status]bool{
		{Open, Open}: true, {Open, Waiting}: true, {Open, Solved}: true, {Open, Closed}: true,
		{Waiting, Waiting}: true, {Waiting, Open}: true, {Waiting, Solved}: true, {Waiting, Closed}: true,
		{Open, Withdrawn}: true, {Waiting, Withdrawn}: true,
		{Solved, Solved}: true, {Solved, Open}: true, {Solved, Closed}: true,
	}
	s, _ := open(t)
	all := []Status{Open, Waiting, Solved, Closed, Withdrawn}
	for _, from := range all {
		for _, to := range all {
			id := mustCreate(t, s, "", "x").ID
			if from != Open {
				if _, err := s.UpdateAsOperator(t.Context(), "", id, Change{Status: from}); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.UpdateAsOperator(t.Context(), "", id, Change{Status: to, Note: "n"})
			if allowed[[2]Status{from, to}] {
				if err != nil || got.Status != to {
					t.Errorf("%s to %s: got %s, %v", from, to, got.Status, err)
				}
				continue
			}
			wantCode(t, err, fault.Conflict)
			if got, err := s.GetAsOperator(t.Context(), id); err != nil || got.Status != from {
				t.Errorf("after a refused change: got %s, %v, want %s", got.Status, err, from)
			}
		}
	}
}

func testInvalidTicketsAreRefused(t *testing.T, open opener) {
	s, conn := open(t)
	for _, bad := range []Ticket{
		{}, {Subject: "  "}, {Subject: "x", Priority: "asap"}, {Subject: "\xff"},
	} {
		_, err := s.Create(t.Context(), "", bad)
		wantCode(t, err, fault.Invalid)
	}
	_, err := s.Create(t.Context(), "", Ticket{Subject: "x", Description: strings.Repeat("x", maxText+1)})
	wantCode(t, err, fault.TooLarge)
	id := mustCreate(t, s, "", "x").ID
	for _, bad := range []Change{{}, {Note: " "}, {Status: "gone"}, {Note: "\xff"}} {
		_, err := s.UpdateAsOperator(t.Context(), "", id, bad)
		wantCode(t, err, fault.Invalid)
	}
	_, err = s.UpdateAsOperator(t.Context(), "", 1, Change{Note: "x"})
	wantCode(t, err, fault.NotFound)
	_, err = s.GetAsOperator(t.Context(), 1)
	wantCode(t, err, fault.NotFound)
	failing := "PRAGMA query_only = 1"
	if db.IsPostgres(conn) {
		failing = "DROP TABLE tickets CASCADE"
	}
	if _, err := conn.Exec(failing); err != nil {
		t.Fatal(err)
	}
	_, err = s.Create(t.Context(), "", Ticket{Subject: "x"})
	wantCode(t, err, fault.Storage)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.GetAsOperator(ctx, id)
	wantCode(t, err, fault.Unavailable)
}

func testTicketTools(t *testing.T, open opener) {
	s, _ := open(t)
	r := newRegistry(t, s.Tools("A colleague calls you within the hour.")...)
	ctx := WithCaller(t.Context(), Caller{Session: "sess_1"})
	do := func(name, arguments string) (map[string]any, []Note) {
		t.Helper()
		got := r.DoAsOperator(ctx, Call{ID: "call_" + arguments, Name: name, Arguments: json.RawMessage(arguments)})
		var out map[string]any
		decode(t, got, &out)
		return out, got.Notes
	}
	out, notes := do("create_ticket", `{"subject":"App crashes","contact":"555 1234","priority":"high"}`)
	id, _ := ParseTicketID(out["id"].(string))
	if id.isFormer() || out["say"] != id.Say() || out["status"] != "open" || out["subject"] != "App crashes" || out["tell_caller"] != nil {
		t.Errorf("create_ticket: got %v", out)
	}
	if want := (Note{Kind: "ticket", ID: id.String(), Title: "App crashes", Text: "open"}); len(notes) != 1 || notes[0] != want {
		t.Errorf("got notes %+v", notes)
	}
	if out, _ := do("update_ticket", `{"ticket":"`+id.Say()+`","status":"closed","note":"works again"}`); out["status"] != "closed" {
		t.Errorf("update_ticket: got %v", out)
	}
	if out, _ := do("ticket_status", `{"ticket":"`+id.String()+`"}`); out["status"] != "closed" || len(out["notes"].([]any)) != 1 {
		t.Errorf("ticket_status: got %v", out)
	}
	out, notes = do("hand_over", `{"reason":"wants a person","summary":"angry"}`)
	id, _ = ParseTicketID(out["ticket"].(string))
	if out["message"] != "A colleague calls you within the hour." || out["say"] != id.Say() {
		t.Errorf("hand_over: got %v", out)
	}
	if len(notes) != 1 || notes[0].Kind != "handover" || notes[0].ID != id.String() {
		t.Errorf("got notes %+v", notes)
	}
	if got, err := s.GetAsOperator(t.Context(), id); err != nil || got.Priority != Urgent || got.Description != "angry" {
		t.Errorf("ticket of the hand-over: got %+v, %v", got, err)
	}
	wantFailed(t, r.DoAsOperator(ctx, Call{Name: "ticket_status", Arguments: json.RawMessage(`{"ticket":"the one from monday"}`)}), fault.Invalid, "8 digits")
	wantFailed(t, r.DoAsOperator(ctx, Call{Name: "ticket_status", Arguments: json.RawMessage(`{"ticket":"T-9999"}`)}), fault.ProofNeeded, "e-mail")
	wantFailed(t, r.DoAsOperator(ctx, Call{Name: "update_ticket", Arguments: json.RawMessage(`{"ticket":"T-1001","status":"lost"}`)}), fault.Invalid, "enum")
	for name, effect := range map[string]gate.Effect{"create_ticket": gate.Write, "update_ticket": gate.Write, "hand_over": gate.Communication, "ticket_status": gate.Read} {
		if spec, ok := r.Find(name); !ok || spec.Rule.Effect != effect {
			t.Errorf("%s: found %v, effect %v", name, ok, spec.Rule.Effect)
		}
	}
}

func TestHandOverOutsideTheOpeningHours(t *testing.T) {
	s, _ := openTickets(t)
	opening := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	closed := CallBack{IsClosed: true, From: opening, Said: "on Monday at 8 am", Closed: "We are closed. We call on Monday at 8 am.", Soon: "soon"}
	for _, c := range []struct {
		message  string
		callBack CallBack
		want     string
	}{
		{"A colleague calls you {next_opening}.", closed, "A colleague calls you on Monday at 8 am."},
		{"A colleague calls you within the hour.", closed, "We are closed. We call on Monday at 8 am."},
		{"", closed, "We are closed. We call on Monday at 8 am."},
		{"A colleague calls you {next_opening}.", CallBack{Soon: "soon"}, "A colleague calls you soon."},
		{"A colleague calls you {next_opening}.", CallBack{IsClosed: true, Closed: "Nobody is here."}, "Nobody is here."},
	} {
		r := newRegistry(t, s.Tools(c.message)...)
		got := r.DoAsOperator(WithCaller(t.Context(), Caller{Session: c.want, CallBack: c.callBack}), Call{ID: "call", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"x","summary":"angry"}`)})
		var out struct {
			Message, Ticket string
			CallBack        string `json:"call_back"`
		}
		decode(t, got, &out)
		if out.Message != c.want || out.CallBack != c.callBack.Said {
			t.Errorf("%q: got %+v, want %q", c.message, out, c.want)
		}
		id, _ := ParseTicketID(out.Ticket)
		ticket, err := s.GetAsOperator(t.Context(), id)
		if promised := strings.Contains(ticket.Description, "Promised call-back: from 2026-11-30 08:00 UTC."); err != nil || promised == c.callBack.From.IsZero() {
			t.Errorf("the ticket says %q (%v)", ticket.Description, err)
		}
	}
}

func BenchmarkCreateTicket(b *testing.B) {
	s, _ := openTickets(b)
	b.ReportAllocs()
	for b.Loop() {
		mustCreate(b, s, "", "printer stopped working")
	}
}

func TestATicketOfAHandOverTellsWhatIsOpen(t *testing.T) {
	got := handOverArguments{Reason: "angry", Summary: "They wait."}.ticket(Caller{Issues: "- delivery, 47329"}, CallBack{})
	if got.Description != "They wait.\n- delivery, 47329" {
		t.Errorf("got %q", got.Description)
	}
}
