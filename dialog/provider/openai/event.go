package openai

import (
	"bytes"
	"encoding/json"
	"strings"
)

// chatEvent is a chat.completion.chunk or, from a server that does not stream, a
// chat.completion. It has only the fields that are used here; reasoning_content and
// reasoning are ignored.
type chatEvent struct {
	Choices []struct {
		Index        int     `json:"index"`
		Delta        *delta  `json:"delta"`
		Message      *delta  `json:"message"`
		FinishReason lenient `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
	Error    json.RawMessage `json:"error"`
	Object   lenient         `json:"object"`
	apiError                 // if Object is "error", as from vLLM
}

// failure returns the error that the event reports; ok is false if it reports none.
func (e *chatEvent) failure() (failure apiError, ok bool) {
	if len(e.Error) > 0 && !bytes.Equal(e.Error, []byte("null")) {
		return parseErrorObject(e.Error), true
	}
	return e.apiError, e.Object == "error"
}

type delta struct {
	Content content     `json:"content"`
	Refusal lenient     `json:"refusal"`
	Calls   []callDelta `json:"tool_calls"`
}

// content is text, sent as a string or as a list of parts of which those of type text count.
type content string

func (c *content) UnmarshalJSON(b []byte) error {
	var parts []struct{ Type, Text string }
	if json.Unmarshal(b, &parts) == nil {
		var all strings.Builder
		for _, p := range parts {
			if p.Type == "text" {
				all.WriteString(p.Text)
			}
		}
		*c = content(all.String())
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*c = content(s)
	return nil
}
