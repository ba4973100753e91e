package clerk

import (
	"context"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func TestClerkTellsALateResult(t *testing.T) {
	order := tools.Result{Output: []byte(`{"found":true,"record":{"order":"10023","status":"shipped"}}`)}
	specs := demoTools(t).Specs()
	ask := func(messages ...dialog.Message) (text string, calls []tools.Call) {
		for chunk, err := range (Clerk{}).Reply(context.Background(), dialog.Prompt{Tools: specs, Messages: messages}) {
			if err != nil {
				t.Fatal(err)
			}
			if chunk.Call != nil {
				calls = append(calls, *chunk.Call)
			}
			text += chunk.Text
		}
		return text, calls
	}
	said := dialog.Message{ID: "item_1", Role: dialog.User, Text: "where is my order 1 0 0 2 3", Typed: true}
	_, calls := ask(said)
	if len(calls) != 1 || calls[0].Name != "order_status" {
		t.Fatalf("unexpected calls %+v", calls)
	}
	history := []dialog.Message{
		said, {ID: "item_2", Role: dialog.Assistant, Calls: calls},
		{ID: "item_3", Role: dialog.ToolRole, Result: &tools.Result{CallID: calls[0].ID, Pending: true, Output: []byte(`{"status":"running"}`)}},
	}
	if text, calls := ask(history...); text != "" || len(calls) > 0 {
		t.Errorf("the clerk writes %q and calls %v while the tool runs", text, calls)
	}
	history = append(history,
		dialog.Message{ID: "item_4", Role: dialog.Assistant, Text: "That takes a little longer."},
		dialog.Message{ID: "item_5", Role: dialog.User, Text: "what are your opening hours"},
		dialog.Message{ID: "item_6", Role: dialog.Assistant, Text: "We are open from nine to five."},
	)
	again := calls[0]
	again.ID = "call_late"
	order.CallID, order.Late = again.ID, calls[0].ID
	text, _ := ask(append(history, dialog.Message{ID: "item_7", Role: dialog.Assistant, Calls: []tools.Call{again}}, dialog.Message{ID: "item_8", Role: dialog.ToolRole, Result: &order})...)
	if !strings.Contains(text, "shipped") {
		t.Errorf("the clerk tells the late result as %q", text)
	}
}

// TestClerkAdmitsThatItDoesNotKnow gives the clerk a call that was cut off, and one that took
// too long.
func TestClerkAdmitsThatItDoesNotKnow(t *testing.T) {
	for _, result := range []tools.Result{
		{Output: []byte(`{"status":"unknown","message":"there is no answer yet"}`)},
		{Output: []byte(`{"error":{"code":"timeout","message":"it took too long"}}`), Failed: true},
	} {
		r := newResponder(dialog.Prompt{Tools: demoTools(t).Specs()})
		st := &state{problem: "the printer smokes", isContactSettled: true}
		for name, parts := range map[string][]part{
			createTicket: r.continueTicket(st, true),
			updateTicket: r.updateTicket(st, "T-48291532", map[string]string{"note": "it smokes"}, "I've added that.", true),
			handOver:     r.requestPerson(st, newUtterance("a person please")),
		} {
			if got := parts[0].respond(st, result).text; got != englishPhrases.uncertain {
				t.Errorf("%s with %s: the clerk says %q", name, result.Output, got)
			}
		}
	}
}
