package openai

import (
	"bytes"
	"encoding/json"
	"strings"
)

// event is one chat.completion.chunk or, from a server that does not stream, the
// whole chat.completion. Fields that Frontdesk does not use are not here, among them
// reasoning_content and reasoning.
type event struct {
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
	Error   json.RawMessage `json:"error"`
	Object  lenient         `json:"object"`
	problem                 // where Object is "error"
}

// told is the error the event tells, if it is one.
func (e *event) told() (problem, bool) {
	if len(e.Error) > 0 && !bytes.Equal(e.Error, []byte("null")) {
		return problemObject(e.Error), true
	}
	return e.problem, e.Object == "error" // vLLM
}

type delta struct {
	Content content    `json:"content"`
	Refusal lenient    `json:"refusal"`
	Calls   []callPart `json:"tool_calls"`
}

// content is text, or a list of parts of which those of type text count.
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
