package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/dialog"
	"frontdesk/tools"
)

func say(role dialog.Role, text string) dialog.Message { return dialog.Message{Role: role, Text: text} }

func TestHistoryBecomesAChatThatStrictTemplatesTake(t *testing.T) {
	call := tools.Call{ID: "c1", Name: "order_status", Arguments: json.RawMessage(`{"order":"4711"}`)}
	answer := dialog.Message{Role: dialog.ToolRole, Result: &tools.Result{CallID: "c1", Output: json.RawMessage(`{"state":"sent"}`)}}
	for name, test := range map[string]struct {
		instructions string
		history      []dialog.Message
		want         string
	}{
		"plain": {"Be kind.", []dialog.Message{say(dialog.User, "Hi"), say(dialog.Assistant, "Hello"), say(dialog.User, "Bye")},
			"system Be kind. | user Hi | assistant Hello | user Bye"},
		"greeting": {"Be kind.", []dialog.Message{say(dialog.Assistant, "Welcome!"), say(dialog.User, "Hi")},
			"system Be kind.\n\nYou opened the call with these words: Welcome! | user Hi"},
		"greeting alone": {"", []dialog.Message{say(dialog.Assistant, "Welcome!")},
			"system You opened the call with these words: Welcome!"},
		"neighbours": {"", []dialog.Message{say(dialog.User, "Hi"), say(dialog.User, "are you there?"), say(dialog.Assistant, "Yes."), say(dialog.Assistant, "I am.")},
			"user Hi\nare you there? | assistant Yes.\nI am."},
		"interrupted": {"", []dialog.Message{say(dialog.User, "Hi"), {Role: dialog.Assistant, Text: "We are open", Interrupted: true}, {Role: dialog.Assistant, Interrupted: true}, say(dialog.User, "Stop")},
			"user Hi | assistant We are open… | user Stop"},
		"tools": {"", []dialog.Message{say(dialog.User, "Where?"), {Role: dialog.Assistant, Text: "Let me look.", Calls: []tools.Call{call}}, answer, say(dialog.Assistant, "Sent.")},
			`user Where? | assistant Let me look. c1=order_status{"order":"4711"} | tool c1:{"state":"sent"} | assistant Sent.`},
		"nothing": {"", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []string
			for _, m := range messages(dialog.Prompt{Instructions: test.instructions, Messages: test.history}) {
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

func TestLimitOfTokensGoesByTheNameTheServerKnows(t *testing.T) {
	for url, want := range map[string]string{
		"https://api.openai.com/v1":             "max_completion_tokens",
		"https://x.openai.azure.com/openai/v1/": "max_completion_tokens",
		"http://127.0.0.1:11434/v1":             "max_tokens",
	} {
		hot := 0.0
		m := newModel(t, url, func(c *Config) { c.MaxTokens, c.Temperature = 200, &hot })
		b, err := json.Marshal(m.request(asks("hi"), false))
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(b, &body); err != nil {
			t.Fatal(err)
		}
		if body[want] != 200.0 || body["temperature"] != 0.0 || strings.Count(string(b), "max_") != 1 {
			t.Errorf("%s: %s", url, b)
		}
	}
}

func TestToolWithoutParametersHasAnEmptySchema(t *testing.T) {
	p := asks("hi")
	p.Tools = []tools.Spec{{Name: "ping"}}
	c := newModel(t, "http://host/v1").request(p, true)
	if got := string(c.Tools[0].Function.Parameters); got != `{"type":"object","properties":{}}` {
		t.Error(got)
	}
	if p.Tools[0].Parameters != nil {
		t.Error("the prompt was changed")
	}
}
