package realtime

import (
	"encoding/json"
	"regexp"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// clientEvent has the fields of all client events.
type clientEvent struct {
	Type         string     `json:"type"`
	EventID      string     `json:"event_id"`
	Session      settings   `json:"session"`
	Item         clientItem `json:"item"`
	ItemID       string     `json:"item_id"`
	ContentIndex int        `json:"content_index"`
	AudioEnd     int        `json:"audio_end_ms"`
	Audio        string     `json:"audio"`
	Digit        string     `json:"digit"`
}

type clientItem struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Role    string       `json:"role"`
	Content []clientPart `json:"content"`
	CallID  string       `json:"call_id"`
	Output  string       `json:"output"`
}

type clientPart struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

const maxEventID = 512 // bytes; the longest the schema allows

// parse decodes a client event. The error is fault.Invalid; the event then has its id,
// where that much could be read.
func parse(message []byte) (clientEvent, error) {
	var e clientEvent
	err := json.Unmarshal(message, &e)
	if len(e.EventID) > maxEventID {
		e.EventID = e.EventID[:maxEventID]
	}
	switch {
	case err != nil:
		return e, fault.Wrap(err, fault.Invalid, "the event is not the JSON its type asks for")
	case e.Type == "":
		return e, fault.New(fault.Invalid, "the event has no type")
	}
	return e, nil
}

// take does what a client event asks for. Nothing a client sends ends the call.
func (t *talk) take(message []byte) {
	e, err := parse(message)
	t.mu.Lock()
	if t.allow(&e) {
		if err == nil {
			err = t.act(&e)
		}
		if err != nil {
			t.refuse(e.EventID, "", err)
		}
	}
	if !t.opened {
		t.opened = true
		close(t.begin)
	}
	heard := t.heard
	t.heard = nil
	t.mu.Unlock()
	t.handOn(heard)
}

// allow bounds the rate of events. It tells so once per time that it is exceeded.
func (t *talk) allow(e *clientEvent) bool {
	ok := t.events.Allow()
	if !ok && !t.dropped {
		t.refuse(e.EventID, "", fault.New(fault.Limited, "more than %d events a second: some were dropped", eventRate).Retryable(0))
	}
	t.dropped = !ok
	return ok
}

func (t *talk) act(e *clientEvent) error {
	switch e.Type {
	case "session.update":
		t.update(e.EventID, &e.Session)
	case "input_audio_buffer.append":
		if t.line.append == nil {
			return fault.New(fault.Invalid, "sound comes over the line's own track, not in events")
		}
		return t.line.append(e.Audio)
	case "input_audio_buffer.clear":
		if t.line.clear != nil {
			t.line.clear()
		}
		t.tell("input_audio_buffer.cleared", nil)
	case "input_audio_buffer.commit": // the turn's end is heard, not told
	case "conversation.item.create":
		return t.create(&e.Item)
	case "conversation.item.retrieve":
		it, err := t.find(e.ItemID)
		if err != nil {
			return err
		}
		t.tell("conversation.item.retrieved", map[string]any{"item": it})
	case "conversation.item.delete":
		return fault.New(fault.Invalid, "what was said cannot be taken back")
	case "conversation.item.truncate":
		// Only what was heard enters the history anyway.
		if _, err := t.find(e.ItemID); err != nil {
			return err
		}
		t.tell("conversation.item.truncated", map[string]any{
			"item_id": e.ItemID, "content_index": e.ContentIndex, "audio_end_ms": e.AudioEnd,
		})
	case "frontdesk.dtmf":
		if len(e.Digit) != 1 || !strings.Contains("0123456789*#ABCD", e.Digit) {
			return fault.New(fault.Invalid, "%.10q is no key: keys are 0-9, *, # and A-D", e.Digit)
		}
		t.hear(dialog.Heard{Kind: dialog.DTMF, Text: e.Digit})
	case "response.create":
		t.hear(dialog.Heard{Kind: dialog.Respond})
	case "response.cancel", "output_audio_buffer.clear":
		t.hear(dialog.Heard{Kind: dialog.CancelReply})
	default:
		return fault.New(fault.Invalid, "events of type %.80q are not known here", e.Type)
	}
	return nil
}

func (t *talk) find(id string) (*item, error) {
	if it := t.items.find(id); it != nil {
		return it, nil
	}
	return nil, fault.New(fault.NotFound, "there is no item %.80q", id)
}

var itemID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// create takes what the caller typed, or the result of a client's tool.
func (t *talk) create(it *clientItem) error {
	switch {
	case it.ID == "":
		it.ID = newID("item_")
	case !itemID.MatchString(it.ID):
		return fault.New(fault.Invalid, "%.80q is not an item's id", it.ID)
	case t.items.find(it.ID) != nil:
		return fault.New(fault.Conflict, "there is already an item %s", it.ID)
	}
	switch {
	case it.Type == "function_call_output":
		return t.toolOutput(it)
	case it.Type != "message" || it.Role != "user":
		return fault.New(fault.Invalid, "only a user's messages and the results of function calls can be created")
	}
	var text strings.Builder
	for _, p := range it.Content {
		if p.Type != "input_text" {
			return fault.New(fault.Invalid, "content of type %.40q is not supported, only input_text", p.Type)
		}
		text.WriteString(p.Text)
	}
	t.hear(dialog.Heard{Kind: dialog.Typed, Item: it.ID, Text: text.String()})
	return nil
}

func (t *talk) toolOutput(it *clientItem) error {
	if !t.pending[it.CallID] {
		return fault.New(fault.NotFound, "there is no call %.80q to answer", it.CallID)
	}
	delete(t.pending, it.CallID)
	output := json.RawMessage(it.Output)
	if !json.Valid(output) {
		output, _ = json.Marshal(it.Output)
	}
	t.announce(&item{
		ID: it.ID, Object: "realtime.item", Type: "function_call_output", Status: completed,
		CallID: it.CallID, Output: &it.Output,
	})
	t.hear(dialog.Heard{Kind: dialog.ToolOutput, Item: it.ID, Result: &tools.Result{CallID: it.CallID, Output: output}})
	return nil
}
