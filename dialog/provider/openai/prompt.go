package openai

import (
	"encoding/json"

	"frontdesk/dialog"
	"frontdesk/tools"
)

// completion is the body of POST chat/completions.
type completion struct {
	Model         string         `json:"model"`
	Messages      []message      `json:"messages"`
	Tools         []function     `json:"tools,omitempty"`
	Format        *format        `json:"response_format,omitempty"`
	Stream        bool           `json:"stream"`
	StreamOptions *streamOptions `json:"stream_options,omitempty"`
}

// format asks for an answer as JSON.
type format struct {
	Type   string `json:"type"`
	Schema struct {
		Name   string          `json:"name"`
		Strict bool            `json:"strict"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

func newFormat(schema json.RawMessage) *format {
	f := &format{Type: "json_schema"}
	f.Schema.Name, f.Schema.Strict, f.Schema.Schema = "answer", true, schema
	return f
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role       dialog.Role `json:"role"`
	Content    string      `json:"content"` // never null, because some chat templates fail on null
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

func (m *Model) request(p dialog.Prompt, usage, hasFormat bool) completion {
	c := completion{Model: m.config.Model, Messages: chatMessages(p), Stream: true}
	if usage {
		c.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	if hasFormat {
		c.Format = newFormat(p.Schema)
	}
	for _, spec := range p.Tools {
		if len(spec.Parameters) == 0 {
			spec.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		c.Tools = append(c.Tools, function{Type: "function", Function: spec})
	}
	return c
}

// chatMessages returns the history in the form of the API. Many chat templates demand that
// user and assistant alternate and that the user begins. So consecutive messages of one role
// are merged, and the agent's greeting is quoted in the instructions. Interrupted text ends
// in "…".
func chatMessages(p dialog.Prompt) []message {
	system := message{Role: dialog.System, Content: p.System()}
	var chat []message
	for _, m := range p.Messages {
		w, ok := toMessage(m)
		switch {
		case !ok:
		case len(chat) == 0 && w.Role == dialog.Assistant && len(w.ToolCalls) == 0:
			system.Content = joinNonEmpty(system.Content, "\n\n", "You opened the call with these words: "+w.Content)
		case len(chat) > 0 && canMerge(chat[len(chat)-1], w):
			last := &chat[len(chat)-1]
			last.Content, last.ToolCalls = joinNonEmpty(last.Content, "\n", w.Content), w.ToolCalls
		default:
			chat = append(chat, w)
		}
	}
	if system.Content == "" {
		return chat
	}
	return append([]message{system}, chat...)
}

// canMerge reports whether b can be appended to a, the message before it.
func canMerge(a, b message) bool {
	return a.Role == b.Role && a.Role != dialog.ToolRole && len(a.ToolCalls) == 0
}

func joinNonEmpty(a, separator, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + separator + b
}

// toMessage converts m to the form of the API; ok is false if m is empty.
func toMessage(m dialog.Message) (w message, ok bool) {
	w = message{Role: m.Role, Content: m.Text}
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
