package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func text(role dialog.Role, text string) dialog.Message {
	return dialog.Message{Role: role, Text: text}
}

func TestHistoryFitsStrictChatTemplates(t *testing.T) {
	call := tools.Call{ID: "c1", Name: "order_status", Arguments: json.RawMessage(`{"order":"4711"}`)}
	answer := dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: "c1", Output: json.RawMessage(`{"state":"sent"}`)}}
	for name, test := range map[string]struct {
		instructions string
		history      []dialog.Message
		want         string
	}{
		"plain": {"Be kind.", []dialog.Message{text(dialog.User, "Hi"), text(dialog.Assistant, "Hello"), text(dialog.User, "Bye")},
			"system Be kind. | user Hi | assistant Hello | user Bye"},
		"greeting": {"Be kind.", []dialog.Message{text(dialog.Assistant, "Welcome!"), text(dialog.User, "Hi")},
			"system Be kind.\n\nYou opened the call with these words: Welcome! | user Hi"},
		"greeting alone": {"", []dialog.Message{text(dialog.Assistant, "Welcome!")},
			"system You opened the call with these words: Welcome!"},
		"consecutive": {"", []dialog.Message{text(dialog.User, "Hi"), text(dialog.User, "are you there?"), text(dialog.Assistant, "Yes."), text(dialog.Assistant, "I am.")},
			"user Hi\nare you there? | assistant Yes.\nI am."},
		"interrupted": {"", []dialog.Message{text(dialog.User, "Hi"), {Role: dialog.Assistant, Text: "We are open", Interrupted: true}, {Role: dialog.Assistant, Interrupted: true}, text(dialog.User, "Stop")},
			"user Hi | assistant We are open… | user Stop"},
		"tools": {"", []dialog.Message{text(dialog.User, "Where?"), {Role: dialog.Assistant, Text: "Let me look.", Calls: []tools.Call{call}}, answer, text(dialog.Assistant, "Sent.")},
			`user Where? | assistant Let me look. c1=order_status{"order":"4711"} | tool c1:{"state":"sent"} | assistant Sent.`},
		"empty": {"", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []string
			for _, m := range chatMessages(dialog.Prompt{Instructions: test.instructions, Messages: test.history}) {
				part := string(m.Role) + " "
				if m.ToolCallID != "" {
					part += m.ToolCallID + ":"
				}
				part += m.Content
				for _, c := range m.ToolCalls {
					part += " " + c.ID + "=" + c.Function.Name + c.Function.Arguments
				}
				parts = append(parts, part)
			}
			if got := strings.Join(parts, " | "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestToolWithoutParametersGetsAnEmptySchema(t *testing.T) {
	p := userSays("hi")
	p.Tools = []tools.Spec{{Name: "ping"}}
	c := newModel(t, "http://host/v1").request(p, true, false)
	if got := string(c.Tools[0].Function.Parameters); got != `{"type":"object","properties":{}}` {
		t.Error(got)
	}
	if p.Tools[0].Parameters != nil {
		t.Error("the prompt was modified")
	}
}
