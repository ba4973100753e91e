package clerk

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// TestPersonThatTheConversationOffered is the turn after the conversation has added a held call
// of hand_over to a reply of the clerk's, and the caller's yes has run it.
func TestPersonThatTheConversationOffered(t *testing.T) {
	for _, first := range []string{"what time do you open on saturday", "thank you"} {
		c := newConversation(t, demoTools(t))
		c.say(first)
		answer := c.messages[len(c.messages)-1]
		held := tools.Call{ID: "held", Name: handOver, Arguments: json.RawMessage(`{"reason":"offered"}`)}
		c.messages = append(c.messages[:len(c.messages)-1],
			dialog.Message{ID: "calls", Role: dialog.Assistant, Calls: []tools.Call{held}},
			dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: held.ID, Held: true, Output: json.RawMessage(`{"status":"awaiting_caller"}`)}},
			dialog.Message{ID: "said", Role: dialog.Assistant, Text: answer.Text + " " + consentQuestion + " " + handOver})
		c.held = &held
		if got := c.say("yes please"); !strings.Contains(got, handoverMessage) {
			t.Errorf("after %q and a yes, the clerk says %q", first, got)
		}
	}
}
