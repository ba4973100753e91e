package tools

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

func testDetailsAndWordsAreKept(t *testing.T, open opener) {
	s, _ := open(t)
	ctx := as(t, Caller{Session: "s1", Agent: "demo", Language: "en", Said: strings.Repeat("x", 3000) + "the end\x1b[2J"})
	made, err := s.Create(ctx, "c1", Ticket{Subject: "Lamp", Details: Details{Category: "defect", Product: "Lamp 2", Since: "Monday", Tried: "a new bulb"}})
	require.NoError(t, err)
	got := must(s.GetAsOperator(t.Context(), made.ID))(t)
	if got.Details != (Details{"defect", "Lamp 2", "Monday", "a new bulb"}) || got.Agent != "demo" || got.Language != "en" ||
		len(got.Said) != maxSaid || !strings.HasSuffix(got.Said, "the end[2J") {
		t.Errorf("got %+v", got)
	}
	again, err := s.Create(as(t, Caller{Session: "s1", Agent: "demo", Language: "en", Said: "more"}), "c1",
		Ticket{Subject: "Lamp", Details: Details{Category: "defect", Product: "Lamp 2", Since: "Monday", Tried: "a new bulb"}})
	if err != nil || again.ID != made.ID {
		t.Errorf("the call again: got %s, %v", again.ID, err)
	}
}

func testCallersCorrectWithdrawAndReopen(t *testing.T, open opener) {
	s, _ := open(t)
	opener, later := as(t, Caller{Session: "s1", Known: "ann"}), as(t, Caller{Session: "s2", Known: "ann"})
	id := must(s.Create(opener, "", Ticket{Subject: "Lamp", Description: "broken"}))(t).ID
	got := must(s.UpdateAsCaller(later, "", id, "", Change{Subject: "Table", Category: "defect", By: "the boss", IsReply: true}))(t)
	if got.Subject != "Table" || got.Category != "defect" || len(got.Notes) != 1 || got.Notes[0].Text != "The subject was: Lamp" ||
		got.Notes[0].By != "s2" || got.Notes[0].Reply {
		t.Errorf("after a correction: %+v", got)
	}
	_, err := s.UpdateAsCaller(later, "", id, "", Change{Status: Withdrawn})
	wantCode(t, err, fault.Conflict)
	_, err = s.UpdateAsCaller(opener, "", id, "", Change{Status: Draft})
	wantCode(t, err, fault.Invalid)
	for _, ended := range []Status{Withdrawn, Closed} {
		if got := must(s.UpdateAsCaller(opener, "", id, "", Change{Status: ended}))(t); got.Status != ended {
			t.Errorf("want %s, got %s", ended, got.Status)
		}
		_, err = s.UpdateAsCaller(later, "", id, "", Change{Status: Open})
		wantCode(t, err, fault.Conflict)
		_, err = s.UpdateAsCaller(opener, "", id, "", Change{Note: "more"})
		wantCode(t, err, fault.Conflict)
		if got := must(s.UpdateAsCaller(opener, "", id, "", Change{Status: Open}))(t); got.Status != Open {
			t.Errorf("reopened, it is %s", got.Status)
		}
	}
}

func testDraftIsContinued(t *testing.T, open opener) {
	s, _ := open(t)
	ctx := as(t, Caller{Session: "s1", Number: "+4930123456"})
	draft := must(s.SaveDraft(ctx, Ticket{Description: "the lamp\nis broken", Contact: "ann@example.org"}))(t)
	if draft.Status != Draft || draft.Subject != "the lamp is broken" {
		t.Errorf("got %+v", draft)
	}
	if again := must(s.SaveDraft(ctx, Ticket{Subject: "Lamp"}))(t); again.ID != draft.ID {
		t.Errorf("a second draft %s", again.ID)
	}
	_, err := s.GetAsCaller(as(t, Caller{Session: "s2"}), draft.ID, "ann@example.org")
	wantCode(t, err, fault.ProofNeeded) // nobody was told its number
	if own := must(s.ListAsCaller(as(t, Caller{Session: "s3", Number: "+4930123456"})))(t); len(own) != 1 || own[0].Status != Draft {
		t.Errorf("the caller's own tickets: %+v", own)
	}
	filed := must(s.Create(ctx, "c1", Ticket{Subject: "Lamp is broken"}))(t)
	if filed.ID != draft.ID || filed.Status != Open || filed.Subject != "Lamp is broken" {
		t.Errorf("filed as %+v, want the draft %s", filed, draft.ID)
	}
	if other := must(s.Create(ctx, "c2", Ticket{Subject: "Another one"}))(t); other.ID == draft.ID {
		t.Error("a second ticket has replaced the first one")
	}
}

func testTicketsAreListedAndErased(t *testing.T, open opener) {
	s, conn := open(t)
	var ids []TicketID
	const count = 2*ticketPage + 5
	for i := range count {
		ctx := as(t, Caller{Session: fmt.Sprint("s", i%2), Known: fmt.Sprint("k", i%3)})
		ids = append(ids, must(s.Create(ctx, fmt.Sprint("c", i), Ticket{Subject: "x"}))(t).ID)
	}
	must(s.UpdateAsOperator(t.Context(), "", ids[0], Change{Assignee: "ann", By: "boss"}))(t)
	must(s.UpdateAsOperator(t.Context(), "", ids[1], Change{Status: Closed}))(t)
	for _, test := range []struct {
		filter TicketFilter
		want   int
	}{
		{TicketFilter{}, count}, {TicketFilter{Assignee: "ann"}, 1}, {TicketFilter{Status: Closed}, 1}, {TicketFilter{Status: Open}, count - 1},
		{TicketFilter{OlderBy: time.Hour}, 0}, {TicketFilter{Session: "s0"}, (count + 1) / 2},
	} {
		seen := make(map[TicketID]bool)
		for got, err := range s.List(t.Context(), test.filter) {
			require.NoError(t, err)
			seen[got.ID] = true
		}
		if len(seen) != test.want {
			t.Errorf("%+v: %d tickets, want %d", test.filter, len(seen), test.want)
		}
	}
	require.NoError(t, s.Erase(t.Context(), ids[0]))
	wantCode(t, s.Erase(t.Context(), ids[0]), fault.NotFound)
	_, err := conn.Exec(`UPDATE tickets SET updated = $1`, time.Now().Add(-48*time.Hour).UnixMilli())
	require.NoError(t, err)
	if n, err := s.Sweep(t.Context(), 24*time.Hour); n != 1 || err != nil {
		t.Errorf("%d swept, %v, want the closed one", n, err)
	}
	erasedOf := must(s.EraseFound(t.Context(), TicketSelector{Sessions: []string{"s0"}}))(t)
	erasedKnown := must(s.EraseFound(t.Context(), TicketSelector{Known: "k1"}))(t)
	if n, err := s.EraseFound(t.Context(), TicketSelector{}); n != 0 || err != nil {
		t.Error("the tickets of nobody were erased")
	}
	var left, calls int
	require.NoError(t, conn.QueryRow(`SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM ticket_calls)`).Scan(&left, &calls))
	if erasedOf != (count+1)/2-1 || left != count-2-erasedOf-erasedKnown || calls != left {
		t.Errorf("erased %d of the session and %d of the caller; %d tickets and %d calls are left", erasedOf, erasedKnown, left, calls)
	}
}
