package fakeai

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// chatRequest is the part of a chat completion's request that the script depends on.
type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		ToolCallID string          `json:"tool_call_id"`
	} `json:"messages"`
	Tools []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	ResponseFormat json.RawMessage `json:"response_format"`
	Stream         bool            `json:"stream"`
	StreamOptions  struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// reply is the script's answer: a text or a tool call.
type reply struct {
	text       string
	call, args string
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var req chatRequest
	if err == nil {
		err = json.Unmarshal(body, &req)
	}
	if err != nil || req.Model == "" || len(req.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "We could not parse the JSON body of your request.")
		return
	}
	if s.o.RejectsSchema && req.ResponseFormat != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "Unrecognized request argument supplied: response_format")
		return
	}
	s.record(body, nil)
	answer := s.chooseReply(&req)
	if req.Stream {
		writeStream(w, &req, answer)
		return
	}
	writeWhole(w, &req, answer)
}

// chooseReply returns the script's answer to the last message.
func (s *Server) chooseReply(req *chatRequest) reply {
	last := req.Messages[len(req.Messages)-1]
	if last.Role == "tool" {
		if s.o.Tell != nil {
			return reply{text: s.o.Tell(contentText(last.Content))}
		}
		return reply{text: "Here is what I found: " + contentText(last.Content)}
	}
	user := ""
	for _, m := range req.Messages {
		if m.Role == "user" {
			user = contentText(m.Content)
		}
	}
	for _, rule := range s.o.Rules {
		at := rule.Match.FindStringSubmatchIndex(user)
		if at == nil {
			continue
		}
		offered := slices.ContainsFunc(req.Tools, func(t struct {
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}) bool {
			return t.Function.Name == rule.Call
		})
		if rule.Call != "" && offered {
			return reply{call: rule.Call, args: string(rule.Match.ExpandString(nil, rule.Args, user, at))}
		}
		if rule.Say != "" {
			return reply{text: rule.Say}
		}
	}
	if s.o.Chat != nil {
		return reply{text: s.o.Chat(user)}
	}
	return reply{text: "You said: " + user}
}

// contentText returns a message's content, which is a string or a list of parts.
func contentText(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return one
	}
	var parts []struct{ Text string }
	_ = json.Unmarshal(raw, &parts)
	var all strings.Builder
	for _, p := range parts {
		all.WriteString(p.Text)
	}
	return all.String()
}

// splitTokens splits a text before each space.
func splitTokens(text string) []string {
	var out []string
	for text != "" {
		end := strings.IndexByte(text[1:], ' ') + 1
		if end == 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}

// writeStream sends the reply as chunks: the role, the tokens or the pieces of the call, the
// finish reason, and the usage if the request asks for it.
func writeStream(w http.ResponseWriter, req *chatRequest, a reply) {
	deltas := []map[string]any{{"role": "assistant", "content": ""}}
	reason := "stop"
	if a.call != "" {
		reason = "tool_calls"
		half := len(a.args) / 2
		deltas = append(deltas,
			callDelta(map[string]any{"name": a.call, "arguments": ""}, "call_"+a.call),
			callDelta(map[string]any{"arguments": a.args[:half]}, ""),
			callDelta(map[string]any{"arguments": a.args[half:]}, ""))
	}
	written := splitTokens(a.text)
	for _, t := range written {
		deltas = append(deltas, map[string]any{"content": t})
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	for _, d := range deltas {
		if !writeEvent(w, chunk(req, []any{map[string]any{"index": 0, "delta": d, "finish_reason": nil}}, nil)) {
			return
		}
	}
	writeEvent(w, chunk(req, []any{map[string]any{"index": 0, "delta": map[string]any{}, "finish_reason": reason}}, nil))
	if req.StreamOptions.IncludeUsage {
		writeEvent(w, chunk(req, []any{}, usage(req, len(written))))
	}
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func callDelta(function map[string]any, id string) map[string]any {
	call := map[string]any{"index": 0, "function": function}
	if id != "" {
		call["id"], call["type"] = id, "function"
	}
	return map[string]any{"tool_calls": []any{call}}
}

func chunk(req *chatRequest, choices []any, usage map[string]any) map[string]any {
	c := map[string]any{
		"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": req.Model, "choices": choices,
	}
	if req.StreamOptions.IncludeUsage {
		c["usage"] = usage
	}
	return c
}

func usage(req *chatRequest, written int) map[string]any {
	read := 0
	for _, m := range req.Messages {
		read += len(splitTokens(contentText(m.Content)))
	}
	return map[string]any{"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
}

// writeEvent sends one event and reports whether the client is still connected.
func writeEvent(w http.ResponseWriter, body any) bool {
	b, err := json.Marshal(body)
	if err != nil {
		return false
	}
	if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
		return false
	}
	return http.NewResponseController(w).Flush() == nil
}

func writeWhole(w http.ResponseWriter, req *chatRequest, a reply) {
	message := map[string]any{"role": "assistant", "content": a.text, "refusal": nil}
	reason := "stop"
	if a.call != "" {
		reason, message["content"] = "tool_calls", nil
		message["tool_calls"] = []any{map[string]any{
			"id": "call_" + a.call, "type": "function",
			"function": map[string]any{"name": a.call, "arguments": a.args},
		}}
	}
	writeJSON(w, map[string]any{
		"id": "chatcmpl-fake", "object": "chat.completion", "created": 1, "model": req.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": reason, "logprobs": nil}},
		"usage":   usage(req, len(splitTokens(a.text))),
	})
}
