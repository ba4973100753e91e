package realtime

import (
	"crypto/rand"
	"encoding/json"
	"slices"

	"frontdesk/dialog"
)

// item is an entry of the conversation in the schema's form.
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

// part is a piece of a message's content. Text parts have a Text. Audio parts have a
// Transcript, which is nil until it is known.
type part struct {
	Type       string
	Text       string
	Transcript *string
}

// MarshalJSON implements json.Marshaler. It writes only the field that the type has.
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

func newMessage(id, role, status string, content ...part) *item {
	return &item{ID: id, Object: "realtime.item", Type: "message", Role: role, Status: status, Content: append([]part{}, content...)}
}

// maxItems is how many items an itemLog holds; it drops the oldest.
const maxItems = 256

// itemLog holds the latest items sent to a client, in order.
type itemLog struct {
	byID  map[string]*item
	order []string
}

func (l *itemLog) find(id string) *item { return l.byID[id] }

// last returns the id of the last item, nil if there is none.
func (l *itemLog) last() *string {
	if len(l.order) == 0 {
		return nil
	}
	return &l.order[len(l.order)-1]
}

func (l *itemLog) add(it *item) {
	if l.byID == nil {
		l.byID = make(map[string]*item)
	}
	if len(l.order) >= maxItems {
		delete(l.byID, l.order[0])
		l.order = slices.Delete(l.order, 0, 1)
	}
	l.byID[it.ID] = it
	l.order = append(l.order, it.ID)
}

// before returns the id of the item before the one with id, nil for the first.
func (l *itemLog) before(id string) *string {
	if n := slices.Index(l.order, id); n > 0 {
		return &l.order[n-1]
	}
	return nil
}

// historyItem returns a message of the history as an item, or nil for messages that
// clients are not shown.
func historyItem(m dialog.Message) *item {
	status := completed
	if m.Interrupted {
		status = incomplete
	}
	switch {
	case m.Text == "":
		return nil
	case m.Role == dialog.User && m.Typed:
		return newMessage(m.ID, "user", status, part{Type: "input_text", Text: m.Text})
	case m.Role == dialog.User:
		return newMessage(m.ID, "user", status, part{Type: "input_audio", Transcript: &m.Text})
	case m.Role == dialog.Assistant:
		return newMessage(m.ID, "assistant", status, part{Type: "output_text", Text: m.Text})
	}
	return nil
}

// newID returns a random id such as "event_…".
func newID(prefix string) string { return prefix + rand.Text()[:20] }
