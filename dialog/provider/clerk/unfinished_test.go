package clerk

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/dialog"
)

func TestUnfinishedTicketHasWhatTheCallerSaid(t *testing.T) {
	const problem = "my new coffee machine leaks water from the bottom"
	for _, test := range []struct {
		name string
		says []string
		want string // in the description; "" for no ticket
	}{
		{"nothing said of a ticket", []string{"what are your opening hours"}, ""},
		{"asked for the problem", []string{"I want to open a ticket"}, ""},
		{"asked for the contact", []string{"I want to open a ticket", problem}, "coffee machine"},
		{"said in one sentence", []string{"please open a ticket because " + problem}, "coffee machine"},
		{"more about the problem", []string{"I want to open a ticket", problem, "it began on monday after the delivery"}, "monday"},
		{"a question in between", []string{"I want to open a ticket", problem, "what are your opening hours"}, "coffee machine"},
		{"never mind", []string{"I want to open a ticket", problem, "never mind"}, ""},
		{"declined at the problem", []string{"I want to open a ticket", "no"}, ""},
		{"goodbye", []string{"I want to open a ticket", problem, "goodbye"}, ""},
		{"filed", []string{"I want to open a ticket", problem, "jane@example.com", "yes"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newConversation(t, demoTools(t))
			for _, text := range test.says {
				c.takeTurn(text, true)
			}
			checkUnfinished(t, c, test.want)
		})
	}
}

func TestTicketThatNoReplyReachedIsUnfinished(t *testing.T) {
	c := newConversation(t, demoTools(t))
	c.takeTurn("I want to open a ticket", true)
	c.takeTurn("my new coffee machine leaks water from the bottom", true)
	c.messages = append(c.messages, dialog.Message{ID: "last", Role: dialog.User, Text: "jane@example.com", Typed: true})
	checkUnfinished(t, c, "coffee machine")
}

// checkUnfinished fails if the clerk does not collect a ticket whose description contains want,
// or collects one although want is empty.
func checkUnfinished(t *testing.T, c *conversation, want string) {
	t.Helper()
	call, ok := Clerk{}.Unfinished(dialog.Prompt{Agent: c.agent, Messages: c.messages, Tools: c.tools.Specs()})
	if ok != (want != "") {
		t.Fatalf("an unfinished ticket: %v, want %v; %s", ok, want != "", call.Arguments)
	}
	if !ok {
		return
	}
	var ticket struct{ Description string }
	if err := json.Unmarshal(call.Arguments, &ticket); err != nil || !strings.Contains(ticket.Description, want) {
		t.Errorf("the ticket says %q, want %q in it; %v", ticket.Description, want, err)
	}
	if _, err := c.tools.Check(call); err != nil || call.ID == "" {
		t.Errorf("the call %q cannot be made: %v", call.ID, err)
	}
}
