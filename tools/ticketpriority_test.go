package tools

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/internal/fault"
	"frontdesk/tools/gate"
)

func testCallersChangeThePriority(t *testing.T, open opener) {
	s, _ := open(t)
	ctx := WithCaller(t.Context(), Caller{Session: "sess_1"})
	made := must(s.Create(ctx, "c1", Ticket{Subject: "heating fails"}))(t)
	change := Change{Priority: Urgent}
	for range 2 { // the second is a repetition of the call
		got := must(s.UpdateAsCaller(ctx, "c2", made.ID, "", change))(t)
		if got.Priority != Urgent || len(got.Notes) != 1 || got.Notes[0].Text != "The priority was: normal" {
			t.Errorf("got %+v", got)
		}
	}
	if _, err := s.UpdateAsCaller(ctx, "c2", made.ID, "", Change{Priority: Low}); fault.From(err).Code != fault.Conflict {
		t.Errorf("the same call with another priority: %v, want a conflict", err)
	}
	if _, err := s.UpdateAsCaller(ctx, "c3", made.ID, "", change); fault.From(err).Code != fault.Invalid {
		t.Errorf("nothing changes: %v, want invalid", err)
	}
	if _, err := s.UpdateAsCaller(ctx, "c4", made.ID, "", Change{Priority: "soon"}); fault.From(err).Code != fault.Invalid {
		t.Errorf("an unknown priority: %v, want invalid", err)
	}
	stranger := WithCaller(t.Context(), Caller{Session: "sess_2"})
	if _, err := s.UpdateAsCaller(stranger, "c5", made.ID, "", Change{Priority: Low}); fault.From(err).Code != fault.ProofNeeded {
		t.Errorf("a stranger: %v, want proof_needed", err)
	}
}

func TestPriorityIsAnArgumentOfUpdateTicketUnderTheGate(t *testing.T) {
	s, _ := openTickets(t)
	tool := updateTicket(s)
	schema, err := json.Marshal(tool.Spec())
	if err != nil || !strings.Contains(string(schema), "more or less urgent") {
		t.Errorf("the tool does not offer a priority: %s, %v", schema, err)
	}
	if rule := tool.Spec().Rule; rule.Effect != gate.Write {
		t.Errorf("the rule of the tool is %+v, want a write", rule)
	}
}

func TestPaymentDataDoesNotEnterATicket(t *testing.T) {
	s, _ := openTickets(t)
	const secret = "Meine Karte ist 4111 1111 1111 1111, die PIN vier acht eins fünf."
	ctx := WithCaller(t.Context(), Caller{Session: "sess_1", Said: secret})
	made := must(s.Create(ctx, "c1", Ticket{Subject: secret, Description: secret, Contact: "+49 4111 111111", Details: Details{Tried: secret}}))(t)
	made = must(s.UpdateAsCaller(ctx, "c2", made.ID, "", Change{Note: secret}))(t)
	text, err := json.Marshal(made)
	if all := string(text) + made.Said; err != nil || strings.Contains(all, "1111 1111") || strings.Contains(all, "acht") || strings.Count(all, "[PIN]") != 5 {
		t.Errorf("got %s, %v", all, err)
	}
	if made.Contact != "+49 4111 111111" {
		t.Errorf("the contact is %q", made.Contact)
	}
}
