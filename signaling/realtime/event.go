package realtime

import (
	"crypto/rand"
	"encoding/json"
	"slices"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// An item is an entry of the conversation in the schema's form.
type item struct {
	ID        string  `json:"id"`
	Object    string  `json:"object"`
	Type      string  `json:"type"` // "message", "function_call", "function_call_output"
	Status    string  `json:"status"`
	Role      string  `json:"role,omitempty"`
	Content   []part  `json:"content,omitzero"`
	Name      string  `json:"name,omitempty"`
	CallID    string  `json:"call_id,omitempty"`
	Arguments *string `json:"arguments,omitempty"`
	Output    *string `json:"output,omitempty"`
}

// part is a piece of a message's content. Speech has a Transcript, which is null
// until it is known; written words are Text.
type part struct {
	Type       string
	Text       string
	Transcript *string
}

// MarshalJSON implements json.Marshaler: a part has the field of its type only.
func (p part) MarshalJSON() ([]byte, error) {
	switch p.Type {
	case "input_text", "output_text", "text":
		return json.Marshal(map[string]any{"type": p.Type, "text": p.Text})
	default:
		return json.Marshal(map[string]any{"type": p.Type, "transcript": p.Transcript})
	}
}

const (
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
)

func message(id, role, status string, content ...part) *item {
	return &item{ID: id, Object: "realtime.item", Type: "message", Role: role, Status: status, Content: append([]part{}, content...)}
}

// maxItems is how many items a line can retrieve; older ones are forgotten.
const maxItems = 256

// items is what a line has told its client of the conversation.
type items struct {
	known map[string]*item
	order []string
}

func (i *items) find(id string) *item { return i.known[id] }

// last is the id of the last item, nil before the first.
func (i *items) last() *string {
	if len(i.order) == 0 {
		return nil
	}
	return &i.order[len(i.order)-1]
}

func (i *items) add(it *item) {
	if i.known == nil {
		i.known = make(map[string]*item)
	}
	if len(i.order) >= maxItems {
		delete(i.known, i.order[0])
		i.order = slices.Delete(i.order, 0, 1)
	}
	i.known[it.ID] = it
	i.order = append(i.order, it.ID)
}

// before is the id of the item before the one with id, nil for the first.
func (i *items) before(id string) *string {
	if n := slices.Index(i.order, id); n > 0 {
		return &i.order[n-1]
	}
	return nil
}

// past is a message of the history as an item, or nil for what clients are not shown.
func past(m dialog.Message) *item {
	status := completed
	if m.Interrupted {
		status = incomplete
	}
	switch {
	case m.Text == "":
		return nil
	case m.Role == dialog.User && m.Typed:
		return message(m.ID, "user", status, part{Type: "input_text", Text: m.Text})
	case m.Role == dialog.User:
		return message(m.ID, "user", status, part{Type: "input_audio", Transcript: &m.Text})
	case m.Role == dialog.Assistant:
		return message(m.ID, "assistant", status, part{Type: "output_text", Text: m.Text})
	}
	return nil
}

// newID makes an id such as "event_…".
func newID(prefix string) string { return prefix + rand.Text()[:20] }

// tell sends an event of the given type. t.mu is held.
func (t *talk) tell(kind string, fields map[string]any) {
	if fields == nil {
		fields = make(map[string]any, 2)
	}
	fields["type"], fields["event_id"] = kind, newID("event_")
	b, err := json.Marshal(fields)
	if err != nil {
		t.log.DPanic("event cannot be encoded")
		return
	}
	t.send(b)
}

// refuse tells an error caused by the client's event. t.mu is held.
func (t *talk) refuse(eventID, param string, err error) {
	f := fault.From(err)
	kind := "invalid_request_error"
	if f.Code == fault.Internal || f.Code == fault.Provider || f.Code == fault.Storage {
		kind = "server_error"
	}
	body := map[string]any{
		"type": kind, "code": string(f.Code), "message": f.Message,
		"param": nil, "event_id": nil,
		"retryable": f.Retry, "fallback_available": f.Fallback,
	}
	if param != "" {
		body["param"] = param
	}
	if eventID != "" {
		body["event_id"] = eventID
	}
	t.tell("error", map[string]any{"error": body})
}
