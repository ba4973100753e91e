package conversation

import (
	"encoding/json"
	"slices"

	"frontdesk/dialog"
	"frontdesk/tools"
)

const maxMessages = 60 // that a model sees

// history holds the messages of a session, oldest first. A result follows the call it
// answers, in whatever order they were added.
type history struct {
	messages []dialog.Message
	calls    map[string]bool // ids of all calls
}

func newHistory(messages []dialog.Message) *history {
	h := &history{calls: make(map[string]bool)}
	for _, m := range messages {
		h.add(m)
	}
	return h
}

// add appends m, or inserts a result after its call. Results of unknown calls are dropped.
func (h *history) add(m dialog.Message) {
	for _, c := range m.Calls {
		h.calls[c.ID] = true
	}
	if m.Result == nil {
		h.messages = append(h.messages, m)
		return
	}
	for i := len(h.messages) - 1; i >= 0; i-- {
		if !hasCall(h.messages[i], m.Result.CallID) {
			continue
		}
		end := i + 1
		for end < len(h.messages) && h.messages[end].Result != nil {
			if h.messages[end].Result.CallID == m.Result.CallID {
				return
			}
			end++
		}
		h.messages = slices.Insert(h.messages, end, m)
		return
	}
}

// addBefore inserts m before the message with that id.
func (h *history) addBefore(m dialog.Message, id string) {
	i := slices.IndexFunc(h.messages, func(o dialog.Message) bool { return o.ID == id })
	if i < 0 {
		i = len(h.messages)
	}
	h.messages = slices.Insert(h.messages, i, m)
}

// remove removes the message with that id.
func (h *history) remove(id string) {
	h.messages = slices.DeleteFunc(h.messages, func(m dialog.Message) bool { return m.ID == id })
}

func hasCall(m dialog.Message, call string) bool {
	return slices.ContainsFunc(m.Calls, func(c tools.Call) bool { return c.ID == call })
}

// recent returns what a model sees: the latest messages that m does not summarize and that
// fit in limit bytes, starting with a caller's message. The last exchange is included
// whatever its size. A call without a result gets one that says so, because models refuse
// calls without results. The slice is new.
func (h *history) recent(m *dialog.Memory, limit int) []dialog.Message {
	start := h.window(h.afterMemory(m), limit)
	var out []dialog.Message
	for i := start; i < len(h.messages); i++ {
		out = append(out, h.messages[i])
		calls := h.messages[i].Calls
		if len(calls) == 0 {
			continue
		}
		answered := make(map[string]bool)
		for i+1 < len(h.messages) && h.messages[i+1].Result != nil {
			i++
			answered[h.messages[i].Result.CallID] = true
			out = append(out, h.messages[i])
		}
		for _, c := range calls {
			if !answered[c.ID] {
				out = append(out, dialog.Message{Role: dialog.ToolRole, Result: unknownResult(c)})
			}
		}
	}
	return out
}

// window returns the index of the first message that recent returns. It is before first
// only when no caller's message follows.
func (h *history) window(first, limit int) int {
	start, size := len(h.messages), 0
	for start > first && len(h.messages)-start < maxMessages {
		size += messageSize(h.messages[start-1])
		if size > limit {
			break
		}
		start--
	}
	if start == 0 {
		return 0
	}
	isUser := func(m dialog.Message) bool { return m.Role == dialog.User }
	if i := slices.IndexFunc(h.messages[start:], isUser); i >= 0 {
		return start + i
	}
	for i := start - 1; i >= 0; i-- {
		if isUser(h.messages[i]) {
			return i
		}
	}
	return 0
}

// messageSize returns roughly how many bytes m takes in a prompt.
func messageSize(m dialog.Message) int {
	n := len(m.Text) + 16
	for _, c := range m.Calls {
		n += len(c.Arguments) + len(c.Name)
	}
	if m.Result != nil {
		n += len(m.Result.Output)
	}
	return n
}

// unknownResult stands in for the result of a call that has none yet.
func unknownResult(c tools.Call) *tools.Result {
	return &tools.Result{
		CallID: c.ID,
		Output: json.RawMessage(`{"status":"unknown","message":"there is no answer yet; do not say that it is done, and do not do it again"}`),
	}
}
