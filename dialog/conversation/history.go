package conversation

import (
	"encoding/json"
	"slices"

	"frontdesk/dialog"
	"frontdesk/tools"
)

const maxMessages = 60 // that a model sees

// history is what was said, oldest first. Results stand behind the calls they
// answer, whatever order they came in.
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

// add appends m, or puts a result behind its call; a result of no known call is dropped.
func (h *history) add(m dialog.Message) {
	for _, c := range m.Calls {
		h.calls[c.ID] = true
	}
	if m.Result == nil {
		h.messages = append(h.messages, m)
		return
	}
	for i := len(h.messages) - 1; i >= 0; i-- {
		if !asks(h.messages[i], m.Result.CallID) {
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

// addBefore puts m before the message of that id.
func (h *history) addBefore(m dialog.Message, id string) {
	i := slices.IndexFunc(h.messages, func(o dialog.Message) bool { return o.ID == id })
	if i < 0 {
		i = len(h.messages)
	}
	h.messages = slices.Insert(h.messages, i, m)
}

func asks(m dialog.Message, call string) bool {
	return slices.ContainsFunc(m.Calls, func(c tools.Call) bool { return c.ID == call })
}

// recent is what a model gets to see: the latest messages that m does not cover and that
// take no more than limit bytes, beginning with what a caller said, and the last exchange
// whatever its size. It never holds a
// result without its call nor a call without a result: a call that has none yet gets
// one that says so. The slice is new.
func (h *history) recent(m *dialog.Memory, limit int) []dialog.Message {
	start := h.window(h.behind(m), limit)
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
				out = append(out, dialog.Message{Role: dialog.ToolRole, Result: unfinished(c)})
			}
		}
	}
	return out
}

// window is where recent begins, not before first if it can be helped.
func (h *history) window(first, limit int) int {
	start, size := len(h.messages), 0
	for start > first && len(h.messages)-start < maxMessages {
		size += weight(h.messages[start-1])
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

func weight(m dialog.Message) int {
	n := len(m.Text) + 16
	for _, c := range m.Calls {
		n += len(c.Arguments) + len(c.Name)
	}
	if m.Result != nil {
		n += len(m.Result.Output)
	}
	return n
}

// unfinished stands in for the result of a call that has none.
func unfinished(c tools.Call) *tools.Result {
	return &tools.Result{
		CallID: c.ID,
		Output: json.RawMessage(`{"status":"unknown","message":"there is no answer yet; do not say that it is done, and do not do it again"}`),
	}
}
