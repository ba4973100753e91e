package tools

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// as returns a context for tools that c calls.
func as(t testing.TB, c Caller) context.Context { return WithCaller(t.Context(), c) }

func testTicketAnswersOnlyToItsCaller(t *testing.T, open opener) {
	const contact = "Ann, Ann.Miller@Example.org or +49 171 2345678"
	for name, tt := range map[string]struct {
		opener, other Caller
		given         string
		isTheirs      bool
	}{
		"same session":                     {Caller{Session: "a"}, Caller{Session: "a"}, "", true},
		"another session":                  {Caller{Session: "a"}, Caller{Session: "b"}, "", false},
		"no session":                       {Caller{}, Caller{}, "", false},
		"same known caller":                {Caller{Session: "a", Known: "customer-42"}, Caller{Session: "b", Known: "customer-42"}, "", true},
		"another known caller":             {Caller{Session: "a", Known: "customer-42"}, Caller{Session: "b", Known: "customer-4"}, "", false},
		"same line":                        {Caller{Session: "a", Number: "+4930123456"}, Caller{Session: "b", Number: "004930123456"}, "", true},
		"another line":                     {Caller{Session: "a", Number: "+4930123456"}, Caller{Session: "b", Number: "+4930123457"}, "", false},
		"line that is the contact":         {Caller{Session: "a"}, Caller{Session: "b", Number: "01712345678"}, "", true},
		"same address":                     {Caller{Session: "a", Address: "192.0.2.1"}, Caller{Session: "b", Address: "192.0.2.1"}, "", false},
		"e-mail address":                   {Caller{Session: "a"}, Caller{Session: "b"}, "ann.miller@example.ORG", true},
		"telephone number":                 {Caller{Session: "a"}, Caller{Session: "b"}, "0171/234 56 78", true},
		"spoken telephone number":          {Caller{Session: "a"}, Caller{Session: "b"}, "oh one seven one two three four five six seven eight", true},
		"beginning of the e-mail address":  {Caller{Session: "a"}, Caller{Session: "b"}, "ann.miller@example.or", false},
		"end of the telephone number":      {Caller{Session: "a"}, Caller{Session: "b"}, "2345678", false},
		"another e-mail address":           {Caller{Session: "a"}, Caller{Session: "b"}, "bob@example.org", false},
		"name":                             {Caller{Session: "a"}, Caller{Session: "b"}, "Ann", false},
		"right and wrong contact together": {Caller{Session: "a"}, Caller{Session: "b"}, "bob@example.org, ann.miller@example.org", false},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t)
			made, err := s.Create(as(t, tt.opener), "", Ticket{Subject: "lamp", Contact: contact})
			require.NoError(t, err)
			ctx := as(t, tt.other)
			got, err := s.GetAsCaller(ctx, made.ID, tt.given)
			if (err == nil) != tt.isTheirs || tt.isTheirs != (got.Subject == "lamp") {
				t.Errorf("got %q, %v", got.Subject, err)
			}
			_, err = s.UpdateAsCaller(ctx, "call", made.ID, tt.given, Change{Note: "pay another account", Status: Closed})
			if (err == nil) != tt.isTheirs {
				t.Errorf("update: %v", err)
			}
			stored, err := s.GetAsOperator(t.Context(), made.ID)
			if err != nil || (stored.Status == Closed) != tt.isTheirs || stored.Contact != contact {
				t.Errorf("stored %+v, %v", stored, err)
			}
		})
	}
}

// Neither the answer nor the count of failures tells whether a ticket exists.
func testUnknownAndForeignTicketsAnswerTheSame(t *testing.T, open opener) {
	s, _ := open(t)
	foreign, err := s.Create(as(t, Caller{Session: "owner"}), "", Ticket{Subject: "lamp", Contact: "ann@example.org"})
	require.NoError(t, err)
	unknown, err := randomTicketID()
	require.NoError(t, err)
	answers := make(map[TicketID]string)
	for _, id := range []TicketID{foreign.ID, unknown} {
		for session := range 4 {
			ctx := as(t, Caller{Session: fmt.Sprint(id, session)})
			for try := range 8 {
				contact := ""
				if try > 0 {
					contact = fmt.Sprintf("guess%d@example.org", try)
				}
				_, read := s.GetAsCaller(ctx, id, contact)
				_, update := s.UpdateAsCaller(ctx, "", id, contact, Change{Note: "x"})
				for _, err := range []error{read, update} {
					if err == nil {
						t.Fatal("a stranger got the ticket")
					}
					answers[id] += string(fault.From(err).Code) + " " + fault.From(err).Message + "\n"
				}
			}
		}
	}
	if answers[foreign.ID] != answers[unknown] || !strings.Contains(answers[unknown], "proof_needed") || !strings.Contains(answers[unknown], "rate_limited") {
		t.Errorf("answers for a foreign ticket:\n%s\nfor an unknown one:\n%s", answers[foreign.ID], answers[unknown])
	}
}

// failures calls try until it is limited, and returns how often it was told to prove.
func failures(t *testing.T, try func(i int) error) int {
	t.Helper()
	for i := range 50 {
		err := try(i)
		switch code := fault.From(err).Code; {
		case err == nil:
			t.Fatalf("try %d got the ticket", i)
		case code == fault.Limited:
			return i
		case code != fault.ProofNeeded:
			t.Fatal(err)
		}
	}
	return 50
}

func testWrongNumbersAreLimited(t *testing.T, open opener) {
	s, db := open(t)
	made, err := s.Create(as(t, Caller{Session: "owner", Known: "ann"}), "", Ticket{Subject: "lamp", Contact: "ann@example.org"})
	require.NoError(t, err)
	next := TicketID(firstTicketID)
	unknown := func() TicketID { next++; return next }
	guess := func(ctx context.Context, id TicketID, contact string) error {
		_, err := s.GetAsCaller(ctx, id, contact)
		return err
	}
	if n := failures(t, func(int) error { return guess(as(t, Caller{Session: "s1"}), unknown(), "") }); n != maxSessionFailures {
		t.Errorf("numbers in one session: %d", n)
	}
	if n := failures(t, func(i int) error {
		return guess(as(t, Caller{Session: "s2"}), made.ID, fmt.Sprintf("a%d@example.org", i))
	}); n != maxSessionFailures {
		t.Errorf("contacts in one session: %d", n)
	}
	for i, c := range []Caller{{Number: "+4930123456"}, {Known: "bob"}, {Address: "192.0.2.7"}, {Address: "2001:db8::7"}} {
		if n := failures(t, func(try int) error {
			c.Session = fmt.Sprint("caller", i, "-", try)
			if c.Address == "2001:db8::7" {
				return guess(as(t, Caller{Session: c.Session, Address: fmt.Sprintf("2001:db8::%x", try+1)}), unknown(), "")
			}
			return guess(as(t, c), unknown(), "")
		}); n != maxCallerFailures {
			t.Errorf("numbers of %+v: %d", c, n)
		}
	}
	if n := failures(t, func(i int) error {
		return guess(as(t, Caller{Session: fmt.Sprint("t", i)}), made.ID, fmt.Sprintf("a%d@example.org", i))
	}); n != maxTicketFailures-maxSessionFailures { // s2 had the others
		t.Errorf("contacts for one ticket: %d", n)
	}
	// The owner still has the ticket, others do not even with the right contact.
	for _, c := range []Caller{{Session: "owner"}, {Session: "later", Known: "ann"}} {
		require.NoError(t, guess(as(t, c), made.ID, ""))
	}
	wantCode(t, guess(as(t, Caller{Session: "new"}), made.ID, "ann@example.org"), fault.Limited)
	if _, err := db.Exec(`UPDATE ticket_failures SET at = at - $1`, failureWindow.Milliseconds()); err != nil {
		t.Fatal(err)
	}
	require.NoError(t, guess(as(t, Caller{Session: "new"}), made.ID, "ann@example.org"))
	wantCode(t, guess(as(t, Caller{Session: "new"}), unknown(), ""), fault.ProofNeeded)
	var kept int
	if err := db.QueryRow(`SELECT count(*) FROM ticket_failures`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("%d failures are kept, %v, want the last one", kept, err)
	}
}

func testRepeatedAndSpeculativeFailuresCountOnce(t *testing.T, open opener) {
	s, _ := open(t)
	made, err := s.Create(as(t, Caller{Session: "owner"}), "", Ticket{Subject: "lamp", Contact: "ann@example.org"})
	require.NoError(t, err)
	ctx := as(t, Caller{Session: "other"})
	for range 20 {
		_, err = s.GetAsCaller(ctx, made.ID, "")
		wantCode(t, err, fault.ProofNeeded)
		_, err = s.GetAsCaller(ctx, made.ID, "bob@example.org")
		wantCode(t, err, fault.ProofNeeded)
	}
	for i := range 20 {
		_, err = s.GetAsCaller(WithSpeculation(ctx), made.ID, fmt.Sprintf("ann%d@example.o", i))
		wantCode(t, err, fault.ProofNeeded)
	}
	_, err = s.GetAsCaller(ctx, made.ID, "ann@example.org")
	require.NoError(t, err)
}

func testTicketWithoutContactSaysSo(t *testing.T, open opener) {
	s, _ := open(t)
	for _, tt := range []struct {
		caller  Caller
		contact string
		tells   bool
	}{
		{Caller{Session: "a"}, "", true},
		{Caller{Session: "a"}, "Ann Miller", true},
		{Caller{Session: "a"}, "ann@example.org", false},
		{Caller{Session: "a", Number: "+4930123456"}, "", false},
		{Caller{Session: "a", Known: "ann"}, "", false},
	} {
		got, _, err := newTicketResult(s.Create(as(t, tt.caller), "", Ticket{Subject: "lamp", Contact: tt.contact}))
		if err != nil || (got.(ticketResult).Tell != "") != tt.tells {
			t.Errorf("%+v, contact %q: got %+v, %v", tt.caller, tt.contact, got, err)
		}
	}
}

func testContactIsAddedOnceByTheOwner(t *testing.T, open opener) {
	s, _ := open(t)
	owner, other := as(t, Caller{Session: "a"}), as(t, Caller{Session: "b"})
	id := must(s.Create(owner, "", Ticket{Subject: "lamp", Contact: "Ann"}))(t).ID
	_, err := s.UpdateAsCaller(other, "", id, "bob@example.org", Change{Note: "x"})
	wantCode(t, err, fault.ProofNeeded)
	for range 2 {
		got, err := s.UpdateAsCaller(owner, "call", id, "ann@example.org", Change{})
		if err != nil || got.Contact != "Ann, ann@example.org" {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	_, err = s.GetAsCaller(other, id, "ann@example.org")
	require.NoError(t, err)
	_, err = s.UpdateAsCaller(other, "", id, "ann@example.org", Change{})
	wantCode(t, err, fault.Invalid)
	got, err := s.UpdateAsCaller(owner, "", id, "jon@example.org", Change{}) // a correction
	if err != nil || got.Contact != "jon@example.org" || got.Notes[len(got.Notes)-1].Text != "The contact was Ann, ann@example.org." {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = s.GetAsCaller(other, id, "ann@example.org")
	wantCode(t, err, fault.ProofNeeded)
}

func testContactOfALineIsNotReplacedLater(t *testing.T, open opener) {
	s, _ := open(t)
	line := "+4930123456"
	id := must(s.Create(as(t, Caller{Session: "a", Number: line}), "", Ticket{Subject: "lamp", Contact: "ann@example.org"}))(t).ID
	got, err := s.UpdateAsCaller(as(t, Caller{Session: "b", Number: line}), "", id, "eve@example.org", Change{Note: "x"})
	if err != nil || got.Contact != "ann@example.org" || got.Notes[0].Text != "x" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func testCallerWithoutTheNumberFindsTheirTickets(t *testing.T, open opener) {
	s, _ := open(t)
	for i, c := range []Caller{{Session: "a"}, {Session: "b", Number: "+4930123456"}, {Session: "c", Known: "ann"}, {}, {Session: "d"}} {
		must(s.Create(as(t, c), "", Ticket{Subject: fmt.Sprint(i)}))(t)
	}
	for _, tt := range []struct {
		caller Caller
		want   string
	}{
		{Caller{Session: "a"}, "0"}, {Caller{Session: "x", Number: "+4930123456"}, "1"}, {Caller{Session: "a", Known: "ann"}, "0 2"},
		{Caller{Session: "x"}, ""}, {Caller{}, ""}, {Caller{Session: "x", Known: "bob", Number: "1"}, ""},
	} {
		found, err := s.ListAsCaller(as(t, tt.caller))
		require.NoError(t, err)
		var subjects []string
		for _, ticket := range found {
			subjects = append(subjects, ticket.Subject)
		}
		slices.Sort(subjects)
		if got := strings.Join(subjects, " "); got != tt.want {
			t.Errorf("%+v: got the tickets %q, want %q", tt.caller, got, tt.want)
		}
	}
}

func must[T any](ticket T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		require.NoError(t, err)
		return ticket
	}
}

func testTicketTextsArePrintable(t *testing.T, open opener) {
	s, _ := open(t)
	const bad = "a\x1b]0;owned\x07\x00\u202eb\u2066c\u2069\U000e0041"
	made := must(s.Create(t.Context(), "", Ticket{Subject: bad, Description: bad, Contact: bad}))(t)
	got := must(s.UpdateAsOperator(t.Context(), "", made.ID, Change{Note: bad}))(t)
	for _, text := range []string{got.Subject, got.Description, got.Contact, got.Notes[0].Text} {
		if text != "a]0;ownedbc" {
			t.Errorf("stored %q", text)
		}
	}
}

// openFormerTickets makes a database as the version before random numbers made it.
func openFormerTickets(t *testing.T) *sql.DB {
	t.Helper()
	conn, err := db.Open(filepath.Join(t.TempDir(), "former.db"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, db.Migrate(t.Context(), conn, "tickets", ticketSchema))
	for i := range 20 {
		_, err := conn.Exec(`INSERT INTO tickets (subject, description, contact, session, status, priority, created, updated)
			VALUES (?, '', ?, ?, 'open', 'normal', 1, 1)`, fmt.Sprint("subject ", i), fmt.Sprintf("c%d@example.org", i), fmt.Sprint("s", i))
		require.NoError(t, err)
		_, err = conn.Exec(`INSERT INTO ticket_notes (ticket, at, text, status) VALUES (?, 2, ?, '')`, 1001+i, fmt.Sprint("note ", i))
		require.NoError(t, err)
		_, err = conn.Exec(`INSERT INTO ticket_calls (session, call, digest, ticket) VALUES (?, 'c', x'00', ?)`, fmt.Sprint("s", i), 1001+i)
		require.NoError(t, err)
	}
	return conn
}

func TestFormerTicketsGetRandomNumbers(t *testing.T) {
	conn := openFormerTickets(t)
	s, err := OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	ids := make(map[TicketID]bool)
	for i := range 20 {
		former := TicketID(1001 + i)
		got := must(s.GetAsOperator(t.Context(), former))(t)
		ids[got.ID] = true
		if got.ID.isFormer() || got.Former != former || got.Subject != fmt.Sprint("subject ", i) || len(got.Notes) != 1 || got.Notes[0].Text != fmt.Sprint("note ", i) {
			t.Errorf("%s became %+v", former, got)
		}
		if _, err := s.GetAsCaller(as(t, Caller{Session: fmt.Sprint("s", i)}), former, ""); err != nil {
			t.Errorf("%s in its own session: %v", former, err)
		}
		stranger := as(t, Caller{Session: fmt.Sprint("x", i)})
		_, err := s.GetAsCaller(stranger, former, "")
		wantCode(t, err, fault.ProofNeeded)
		if _, err := s.GetAsCaller(stranger, former, fmt.Sprintf("c%d@example.org", i)); err != nil {
			t.Errorf("%s with proof: %v", former, err)
		}
		var call TicketID
		if err := conn.QueryRow(`SELECT ticket FROM ticket_calls WHERE session = ?`, fmt.Sprint("s", i)).Scan(&call); err != nil || call != got.ID {
			t.Errorf("the call of %s has ticket %s, %v", former, call, err)
		}
	}
	if len(ids) != 20 {
		t.Errorf("%d different numbers, want 20", len(ids))
	}
	again, err := OpenTickets(t.Context(), conn)
	require.NoError(t, err)
	for id := range ids {
		if got := must(again.GetAsOperator(t.Context(), id))(t); got.ID != id {
			t.Errorf("%s changed to %s when it was opened again", id, got.ID)
		}
	}
	if _, err := s.Create(t.Context(), "", Ticket{Subject: "new"}); err != nil {
		t.Error(err)
	}
	rows, err := conn.Query(`PRAGMA foreign_key_check`)
	require.NoError(t, err)
	defer rows.Close()
	if rows.Next() {
		t.Error("the migration left a reference to a ticket that does not exist")
	}
}

func FuzzContactFacts(f *testing.F) {
	for _, text := range []string{"ann@example.org", "+49 (0)30 1234567", "call 555 1234 or a@b.c", "@@.", "\xff", "double five double five double five double five"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, fact := range contactFacts(text) {
			kind, value, _ := strings.Cut(fact, " ")
			if kind == "phone" {
				value = "+" + value
			}
			if again := contactFacts(value); len(value) < 200 && (len(again) != 1 || !hasFact([]string{fact}, again[0])) {
				t.Errorf("%q has the fact %q, which reads %q", text, fact, again)
			}
		}
	})
}
