package openai

import (
	"encoding/json"
	"strings"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// completion is the body of POST chat/completions.
type completion struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	Tools               []function     `json:"tools,omitempty"`
	Temperature         *float64       `json:"temperature,omitempty"`
	MaxTokens           int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens int            `json:"max_completion_tokens,omitempty"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role       dialog.Role `json:"role"`
	Content    string      `json:"content"` // "" rather than null: some chat templates fail on null
	ToolCalls  []toolCall  `json:"tool_calls,omitempty"`
	ToolCallID string      `json:"tool_call_id,omitempty"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type function struct {
	Type     string     `json:"type"`
	Function tools.Spec `json:"function"`
}

func (m *Model) request(p dialog.Prompt, usage bool) completion {
	c := completion{
		Model:       m.config.Model,
		Messages:    messages(p),
		Temperature: m.config.Temperature,
		Stream:      true,
	}
	if usage {
		c.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	if host := m.client.url.Hostname(); host == "api.openai.com" || strings.HasSuffix(host, ".openai.azure.com") {
		c.MaxCompletionTokens = m.config.MaxTokens // its newer models refuse the name all others know
	} else {
		c.MaxTokens = m.config.MaxTokens
	}
	for _, spec := range p.Tools {
		if len(spec.Parameters) == 0 {
			spec.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		c.Tools = append(c.Tools, function{Type: "function", Function: spec})
	}
	return c
}

// messages is the history as a chat. Many chat templates demand that user and
// assistant take turns and that a user begins: neighbours of the same role become
// one, and a greeting is told in the instructions. What was interrupted ends in "…".
func messages(p dialog.Prompt) []message {
	system := message{Role: dialog.System, Content: p.Instructions}
	var chat []message
	for _, m := range p.Messages {
		w, ok := wire(m)
		switch {
		case !ok:
		case len(chat) == 0 && w.Role == dialog.Assistant && len(w.ToolCalls) == 0:
			system.Content = joined(system.Content, "\n\n", "You opened the call with these words: "+w.Content)
		case len(chat) > 0 && follows(chat[len(chat)-1], w):
			last := &chat[len(chat)-1]
			last.Content, last.ToolCalls = joined(last.Content, "\n", w.Content), w.ToolCalls
		default:
			chat = append(chat, w)
		}
	}
	if system.Content == "" {
		return chat
	}
	return append([]message{system}, chat...)
}

// follows reports whether b can become one message with a, which stands before it.
func follows(a, b message) bool {
	return a.Role == b.Role && a.Role != dialog.ToolRole && len(a.ToolCalls) == 0
}

func joined(a, between, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + between + b
}

// wire is m as the API has it; false when nothing is left of it.
func wire(m dialog.Message) (message, bool) {
	w := message{Role: m.Role, Content: m.Text}
	if m.Interrupted && m.Text != "" {
		w.Content += "…"
	}
	for _, c := range m.Calls {
		t := toolCall{ID: c.ID, Type: "function"}
		t.Function.Name, t.Function.Arguments = c.Name, string(c.Arguments)
		w.ToolCalls = append(w.ToolCalls, t)
	}
	if m.Result != nil {
		w.ToolCallID, w.Content = m.Result.CallID, string(m.Result.Output)
		return w, true
	}
	return w, w.Content != "" || len(w.ToolCalls) > 0
}
