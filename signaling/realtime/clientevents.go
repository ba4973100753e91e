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

// parseClientEvent decodes a client event. With an error, which is fault.Invalid, it
// returns the event's id as far as it could be read.
func parseClientEvent(message []byte) (clientEvent, error) {
	var e clientEvent
	err := json.Unmarshal(message, &e)
	if len(e.EventID) > maxEventID {
		e.EventID = e.EventID[:maxEventID]
	}
	switch {
	case err != nil:
		return e, fault.Wrap(err, fault.Invalid, "the event is not valid JSON of its type")
	case e.Type == "":
		return e, fault.New(fault.Invalid, "the event has no type")
	}
	return e, nil
}

// handleClientEvent does what a client event asks for, or sends an error. No event ends
// the call.
func (p *protocol) handleClientEvent(message []byte) {
	e, err := parseClientEvent(message)
	p.mu.Lock()
	if p.allows(&e) {
		if err == nil {
			err = p.dispatch(&e)
		}
		if err != nil {
			p.sendError(e.EventID, "", err)
		}
	}
	if !p.isReady {
		p.isReady = true
		close(p.ready)
	}
	heard := p.heard
	p.heard = nil
	p.mu.Unlock()
	p.forward(heard)
}

// allows reports whether the rate of events allows e. It sends one error for each run of
// dropped events.
func (p *protocol) allows(e *clientEvent) bool {
	ok := p.limiter.Allow()
	if !ok && !p.reportedLimit {
		p.sendError(e.EventID, "", fault.New(fault.Limited, "more than %d events per second: some were dropped", eventRate).Retryable(0))
	}
	p.reportedLimit = !ok
	return ok
}

func (p *protocol) dispatch(e *clientEvent) error {
	switch e.Type {
	case "session.update":
		p.updateSession(e.EventID, &e.Session)
	case "input_audio_buffer.append":
		if p.line.eventAudio == nil {
			return fault.New(fault.Invalid, "this line carries audio in its own track, not in events")
		}
		return p.line.eventAudio.append(e.Audio)
	case "input_audio_buffer.clear":
		if p.line.eventAudio != nil {
			p.line.eventAudio.source.Clear()
		}
		p.send("input_audio_buffer.cleared", nil)
	case "input_audio_buffer.commit": // the server decides when a turn ends
	case "conversation.item.create":
		return p.createItem(&e.Item)
	case "conversation.item.retrieve":
		it, err := p.findItem(e.ItemID)
		if err != nil {
			return err
		}
		p.send("conversation.item.retrieved", map[string]any{"item": it})
	case "conversation.item.delete":
		return fault.New(fault.Invalid, "items cannot be deleted")
	case "conversation.item.truncate":
		// The history holds only what the caller heard, so there is nothing to truncate.
		if _, err := p.findItem(e.ItemID); err != nil {
			return err
		}
		p.send("conversation.item.truncated", map[string]any{
			"item_id": e.ItemID, "content_index": e.ContentIndex, "audio_end_ms": e.AudioEnd,
		})
	case "frontdesk.dtmf":
		if len(e.Digit) != 1 || !strings.Contains("0123456789*#ABCD", e.Digit) {
			return fault.New(fault.Invalid, "invalid DTMF digit %.10q (want 0-9, *, # or A-D)", e.Digit)
		}
		p.hear(dialog.Heard{Kind: dialog.DTMF, Text: e.Digit})
	case "response.create":
		p.hear(dialog.Heard{Kind: dialog.Respond})
	case "response.cancel", "output_audio_buffer.clear":
		p.hear(dialog.Heard{Kind: dialog.CancelReply})
	default:
		return fault.New(fault.Invalid, "unknown event type %.80q", e.Type)
	}
	return nil
}

func (p *protocol) findItem(id string) (*item, error) {
	if it := p.items.find(id); it != nil {
		return it, nil
	}
	return nil, fault.New(fault.NotFound, "unknown item %.80q", id)
}

var itemID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// createItem adds a text that the caller typed, or the result of a client's tool.
func (p *protocol) createItem(it *clientItem) error {
	switch {
	case it.ID == "":
		it.ID = newID("item_")
	case !itemID.MatchString(it.ID):
		return fault.New(fault.Invalid, "invalid item id %.80q (want 1 to 64 letters, digits, _ or -)", it.ID)
	case p.items.find(it.ID) != nil:
		return fault.New(fault.Conflict, "item %s exists already", it.ID)
	}
	switch {
	case it.Type == "function_call_output":
		return p.addToolOutput(it)
	case it.Type != "message" || it.Role != "user":
		return fault.New(fault.Invalid, "unsupported item (want a message with the role user, or a function_call_output)")
	}
	var text strings.Builder
	for _, c := range it.Content {
		if c.Type != "input_text" {
			return fault.New(fault.Invalid, "unsupported content type %.40q (want input_text)", c.Type)
		}
		text.WriteString(c.Text)
	}
	p.hear(dialog.Heard{Kind: dialog.Typed, Item: it.ID, Text: text.String()})
	return nil
}

func (p *protocol) addToolOutput(it *clientItem) error {
	if !p.pendingTools[it.CallID] {
		return fault.New(fault.NotFound, "no function call %.80q waits for an output", it.CallID)
	}
	delete(p.pendingTools, it.CallID)
	output := json.RawMessage(it.Output)
	if !json.Valid(output) {
		output, _ = json.Marshal(it.Output)
	}
	p.sendItem(&item{
		ID: it.ID, Object: "realtime.item", Type: "function_call_output", Status: completed,
		CallID: it.CallID, Output: &it.Output,
	})
	p.hear(dialog.Heard{Kind: dialog.ToolOutput, Item: it.ID, Result: &tools.Result{CallID: it.CallID, Output: output}})
	return nil
}
