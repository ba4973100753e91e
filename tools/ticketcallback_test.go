package tools

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/hours"
	"frontdesk/internal/require"
)

// handOverIn asks for a person as the caller and returns what the tool answers.
func handOverIn(t *testing.T, s *Tickets, caller Caller, arguments string) (out struct {
	Message, Ticket string
	Connecting      bool
	CallBack        string `json:"call_back"`
}, result Result) {
	t.Helper()
	r := newRegistry(t, s.Tools("A colleague calls you {next_opening}.")...)
	result = r.DoAsOperator(WithCaller(t.Context(), caller), Call{ID: "call", Name: "hand_over", Arguments: json.RawMessage(arguments)})
	if !result.Failed {
		decode(t, result, &out)
	}
	return out, result
}

// ticketFor opens a ticket for a caller who wants a person.
func ticketFor(t *testing.T, s *Tickets, caller Caller) TicketID {
	t.Helper()
	out, _ := handOverIn(t, s, caller, `{"reason":"wants a person"}`)
	id, ok := ParseTicketID(out.Ticket)
	if !ok {
		t.Fatalf("got %+v, want a ticket", out)
	}
	return id
}

func testCallBackIsKeptUntilItIsSettled(t *testing.T, open opener) {
	s, _ := open(t)
	var news []TicketNews
	s.Listen(func(_ context.Context, _ *sql.Tx, n TicketNews) error { news = append(news, n); return nil })
	var heard []TicketID
	s.OnPromise(func(_ context.Context, id TicketID) { heard = append(heard, id) })
	due := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	id := ticketFor(t, s, Caller{Session: "a", CanTransfer: true, CallBack: CallBack{From: due}})
	c, err := s.CallBackOf(t.Context(), id)
	if err != nil || !c.InTransfer || !c.IsWanted || c.IsStarted || c.Round != 1 || !c.Due.Equal(due) || time.Since(c.At) > time.Minute {
		t.Fatalf("got %+v, %v, want a call-back that waits for the transfer", c, err)
	}
	if len(heard) != 1 || heard[0] != id || news[0].IsCallback {
		t.Errorf("heard of %v, and the news are %+v", heard, news)
	}
	require.NoError(t, s.StartedCallBack(t.Context(), id, 1))
	for range 2 { // the second one is a repetition
		require.NoError(t, s.UpdateCallBack(t.Context(), "key 1", id, 1, CallBackChange{IsPromised: true, Due: due}))
	}
	if all, err := s.CallBacks(t.Context()); err != nil || len(all) != 1 || all[0].InTransfer || !all[0].IsStarted {
		t.Errorf("got %+v, %v, want one promise", all, err)
	}
	missed := CallBackChange{IsSettled: true, IsMissed: true, Due: due, Attempts: 3, Note: "Nobody answered."}
	for range 2 {
		require.NoError(t, s.UpdateCallBack(t.Context(), "key 2", id, 1, missed))
	}
	if len(news) != 3 || !news[1].IsCallback || !news[1].Due.Equal(due) || !news[2].IsMissed || news[2].Attempts != 3 || news[2].Note != "Nobody answered." {
		t.Errorf("the news are %+v", news)
	}
	ticket, err := s.GetAsOperator(t.Context(), id)
	if err != nil || len(ticket.Notes) != 1 || ticket.Notes[0].Text != "Nobody answered." || ticket.IsTouched() {
		t.Errorf("got %+v, %v, want the note, once, which is not the team's", ticket, err)
	}
	err = s.UpdateCallBack(t.Context(), "key 3", id, 1, missed)
	if _, of := s.CallBackOf(t.Context(), id); fault.From(err).Code != fault.NotFound || fault.From(of).Code != fault.NotFound {
		t.Errorf("the call-back is still there: %v, %v", err, of)
	}
}

func testEndedTicketsDropTheirCallBack(t *testing.T, open opener) {
	s, _ := open(t)
	caller := Caller{Session: "a", CanTransfer: true}
	id := ticketFor(t, s, caller)
	ctx := WithCaller(t.Context(), caller)
	_, err := s.UpdateAsCaller(ctx, "", id, "", Change{Status: Withdrawn})
	require.NoError(t, err)
	if c, err := s.CallBackOf(t.Context(), id); err != nil || c.IsWanted {
		t.Errorf("got %+v, %v, want a call-back that is not wanted", c, err)
	}
	require.NoError(t, s.UpdateCallBack(t.Context(), "late", id, 1, CallBackChange{IsPromised: true}))
	if c, err := s.CallBackOf(t.Context(), id); err != nil || c.IsWanted {
		t.Errorf("got %+v, %v: a withdrawn ticket has a call-back", c, err)
	}
	_, err = s.UpdateAsCaller(ctx, "", id, "", Change{Status: Open}) // withdrawn by mistake
	require.NoError(t, err)
	if c, err := s.CallBackOf(t.Context(), id); err != nil || !c.IsWanted || c.Round != 2 || c.IsStarted {
		t.Errorf("got %+v, %v, want the call-back promised again", c, err)
	}
	_, err = s.UpdateAsOperator(t.Context(), "", id, Change{Status: Solved, By: "Eve"})
	require.NoError(t, err)
	_, err = s.UpdateAsOperator(t.Context(), "", id, Change{Status: Open, By: "Eve"})
	require.NoError(t, err)
	if c, err := s.CallBackOf(t.Context(), id); err != nil || c.IsWanted {
		t.Errorf("got %+v, %v: the team's reopening promises no call-back", c, err)
	}
	first := ticketFor(t, s, Caller{Session: "b"})
	out, _ := handOverIn(t, s, Caller{Session: "b"}, `{"reason":"wants a person again"}`)
	if out.Ticket != "" { // the same call with other arguments
		t.Errorf("got %+v, want a conflict", out)
	}
	r := newRegistry(t, s.Tools("")...)
	result := r.DoAsOperator(WithCaller(t.Context(), Caller{Session: "b"}), Call{ID: "later", Name: "hand_over", Arguments: json.RawMessage(`{"reason":"again"}`)})
	decode(t, result, &out)
	other, _ := ParseTicketID(out.Ticket)
	if c, err := s.CallBackOf(t.Context(), first); err != nil || c.IsWanted {
		t.Errorf("got %+v, %v, want only the latest promise of a session", c, err)
	}
	if c, err := s.CallBackOf(t.Context(), other); err != nil || !c.IsWanted {
		t.Errorf("got %+v, %v, want the latest promise of a session", c, err)
	}
	require.NoError(t, s.SettleCallBack(t.Context(), first, 1))
	require.NoError(t, s.SettleCallBack(t.Context(), id, 1)) // an earlier round
	require.NoError(t, s.SettleCallBack(t.Context(), id, 2))
	require.NoError(t, s.Erase(t.Context(), other))
	if all, err := s.CallBacks(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("got %+v, %v, want no call-back of an erased or settled ticket", all, err)
	}
}

func TestCallerNamesATimeForTheCallBack(t *testing.T) {
	s, _ := openTickets(t)
	h, err := hours.New(hours.Config{Timezone: "Europe/Berlin", Open: map[string]string{"mon-sun": "8:00-20:00"}})
	require.NoError(t, err)
	german := CallBack{Hours: h, Named: "Wir rufen Sie %s zurück.", Subject: "Rückruf:", Promise: "Zugesagter Rückruf: ab %s."}
	tomorrow := h.In(time.Now()).AddDate(0, 0, 1).Format("2006-01-02T")
	caller := Caller{Session: "a", Language: "de-DE", CanTransfer: true, CallBack: german}
	out, _ := handOverIn(t, s, caller, `{"reason":"die Lampe","when":"`+tomorrow+`15:00"}`)
	id, _ := ParseTicketID(out.Ticket)
	c, err := s.CallBackOf(t.Context(), id)
	if err != nil || h.In(c.Due).Format("2006-01-02T15:04") != tomorrow+"15:00" || c.InTransfer || out.Connecting {
		t.Errorf("got %+v, %v, connecting %v, want tomorrow at 15:00", c, err, out.Connecting)
	}
	if out.Message != "A colleague calls you morgen um 15 Uhr." || out.CallBack != "morgen um 15 Uhr" {
		t.Errorf("the caller hears %+v", out)
	}
	ticket, err := s.GetAsOperator(t.Context(), id)
	if err != nil || ticket.Subject != "Rückruf: die Lampe" || !strings.HasPrefix(ticket.Description, "Zugesagter Rückruf: ab "+tomorrow[:10]+" 15:00") {
		t.Errorf("got %+v, %v, want a German ticket", ticket, err)
	}
	for when, want := range map[string]string{
		tomorrow + "21:00":          "outside the opening hours. The next time is am ",
		"2020-01-01T10:00":          "is over",
		"2999-01-01T10:00":          "more than 30 days",
		"tomorrow at three":         "not a local date and time",
		tomorrow + "10:00:00-25:00": "not a local date and time",
	} {
		if _, result := handOverIn(t, s, caller, `{"reason":"x","when":"`+when+`"}`); !result.Failed || !strings.Contains(string(result.Output), want) {
			t.Errorf("%s: got %s, want an error with %q", when, result.Output, want)
		}
	}
}
