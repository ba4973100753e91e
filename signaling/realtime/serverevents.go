package realtime

import (
	"encoding/json"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// response is the reply under way, as far as the client was told of it.
type response struct {
	id, item string
	message  *item // nil until the reply has text
	index    int   // of message in output
	output   []*item
}

// handleEvent sends an event of the conversation to the client.
func (p *protocol) handleEvent(e dialog.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e.Kind {
	case dialog.CallerStarted:
		p.send("input_audio_buffer.speech_started", map[string]any{
			"item_id": e.Item, "audio_start_ms": max(0, e.At.Sub(p.began).Milliseconds()),
		})
	case dialog.CallerStopped:
		p.send("input_audio_buffer.speech_stopped", map[string]any{
			"item_id": e.Item, "audio_end_ms": max(0, e.At.Sub(p.began).Milliseconds()),
		})
	case dialog.CallerPartial:
		p.send("frontdesk.transcript", map[string]any{"item_id": e.Item, "text": e.Text})
	case dialog.CallerSaid:
		p.sendCallerText(e)
	case dialog.ReplyStarted, dialog.ReplyText, dialog.ReplyHeard, dialog.SpeakingStarted,
		dialog.SpeakingStopped, dialog.ReplyEnded, dialog.ClientToolCalled:
		p.sendReply(e)
	case dialog.ToolStarted, dialog.ToolEnded, dialog.ToolHeld, dialog.ToolRefused:
		p.sendTool(e)
	case dialog.NoticeRaised:
		p.sendNotice(e)
	case dialog.TurnEnded:
		p.send("frontdesk.turn", map[string]any{"turn": e.Finished})
	case dialog.TurnRead:
		if e.Reading.Understanding != nil {
			p.send("frontdesk.understanding", map[string]any{"turn": e.Turn, "understanding": e.Reading.Understanding})
		}
	case dialog.OverviewChanged:
		p.send("frontdesk.overview", map[string]any{"turn": e.Turn, "overview": e.Overview})
	case dialog.AgentChosen:
		p.view.Model, p.view.Audio.Output.Voice = p.call.Agent().Name, p.call.Agent().Voice
		p.send("session.updated", map[string]any{"session": p.view})
		p.sendIdentity()
	}
}

// send sends an event of the given type. The line's reader reports an error of the line.
// p.mu is held.
func (p *protocol) send(kind string, fields map[string]any) {
	if fields == nil {
		fields = make(map[string]any, 2)
	}
	fields["type"], fields["event_id"] = kind, newID("event_")
	b, err := json.Marshal(fields)
	if err != nil {
		p.log.DPanic("event cannot be encoded")
		return
	}
	_ = p.line.Send(b)
}

// sendError sends an error that the client's event eventID caused. p.mu is held.
func (p *protocol) sendError(eventID, param string, err error) {
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
	p.send("error", map[string]any{"error": body})
}

// sendItem sends a new item that is already complete.
func (p *protocol) sendItem(it *item) {
	p.addItem(it)
	p.send("conversation.item.done", map[string]any{"item": it, "previous_item_id": p.items.before(it.ID)})
}

func (p *protocol) addItem(it *item) {
	p.items.add(it)
	p.send("conversation.item.added", map[string]any{"item": it, "previous_item_id": p.items.before(it.ID)})
}

// sendCallerText sends what the caller typed, or the final transcript of what they said.
func (p *protocol) sendCallerText(e dialog.Event) {
	if e.Typed {
		p.sendItem(newMessage(e.Item, "user", completed, part{Type: "input_text", Text: e.Text}))
		return
	}
	if e.Text != "" {
		p.send("input_audio_buffer.committed", map[string]any{"item_id": e.Item, "previous_item_id": p.items.last()})
		it := newMessage(e.Item, "user", completed, part{Type: "input_audio"})
		p.sendItem(it)
		it.Content[0].Transcript = &e.Text
		p.send("conversation.item.input_audio_transcription.delta", map[string]any{
			"item_id": e.Item, "content_index": 0, "delta": e.Text,
		})
	}
	// An utterance without words is an empty transcript and no item.
	p.send("conversation.item.input_audio_transcription.completed", map[string]any{
		"item_id": e.Item, "content_index": 0, "transcript": e.Text,
		"usage": map[string]any{"type": "duration", "seconds": 0},
	})
}

func (p *protocol) sendReply(e dialog.Event) {
	if e.Kind == dialog.ReplyStarted {
		p.response = &response{id: e.Response, item: e.Item}
		p.send("response.created", map[string]any{"response": p.responseFields(inProgress, nil, nil)})
		return
	}
	r := p.response
	if r == nil || r.id != e.Response {
		return
	}
	switch e.Kind {
	case dialog.ReplyText:
		p.startMessage()
	case dialog.ReplyHeard:
		p.startMessage()
		p.sendText("delta", e.Text)
	case dialog.SpeakingStarted:
		p.startMessage()
		if p.line.eventAudio == nil {
			p.send("output_audio_buffer.started", map[string]any{"response_id": r.id})
		}
	case dialog.SpeakingStopped:
		if p.line.eventAudio == nil {
			kind := "output_audio_buffer.stopped"
			if e.Interrupted {
				kind = "output_audio_buffer.cleared"
			}
			p.send(kind, map[string]any{"response_id": r.id})
		}
	case dialog.ClientToolCalled:
		p.sendClientToolCall(e)
	case dialog.ReplyEnded:
		p.endResponse(e)
	}
}

// startMessage sends the beginning of the reply's message, once.
func (p *protocol) startMessage() {
	r := p.response
	if r.message != nil {
		return
	}
	r.message, r.index = newMessage(r.item, "assistant", inProgress), len(r.output)
	r.output = append(r.output, r.message)
	p.send("response.output_item.added", p.inMessage(map[string]any{"item": r.message}))
	p.addItem(r.message)
	p.send("response.content_part.added", p.inMessage(map[string]any{
		"item_id": r.item, "content_index": 0, "part": p.contentPart(""),
	}))
}

// inMessage adds the response and the position of its message to an event's fields.
func (p *protocol) inMessage(fields map[string]any) map[string]any {
	fields["response_id"], fields["output_index"] = p.response.id, p.response.index
	return fields
}

// sendText sends a piece of the reply's text ("delta") or the whole text ("done").
func (p *protocol) sendText(step, text string) {
	kind, field := "response.output_text.", "text"
	if p.hasAudio() {
		kind, field = "response.output_audio_transcript.", "transcript"
	}
	if step == "delta" {
		field = "delta"
	}
	p.send(kind+step, p.inMessage(map[string]any{"item_id": p.response.item, "content_index": 0, field: text}))
}

// contentPart returns the part of the content_part events, whose types ("audio", "text")
// differ from those in items.
func (p *protocol) contentPart(text string) part {
	if p.hasAudio() {
		return part{Type: "audio", Transcript: &text}
	}
	return part{Type: "text", Text: text}
}

func (p *protocol) endResponse(e dialog.Event) {
	r := p.response
	if m := r.message; m != nil {
		if p.hasAudio() {
			m.Content = []part{{Type: "output_audio", Transcript: &e.Text}}
			p.send("response.output_audio.done", p.inMessage(map[string]any{"item_id": r.item, "content_index": 0}))
		} else {
			m.Content = []part{{Type: "output_text", Text: e.Text}}
		}
		m.Status = completed
		if e.Status != dialog.Completed {
			m.Status = incomplete
		}
		p.sendText("done", e.Text)
		p.send("response.content_part.done", p.inMessage(map[string]any{
			"item_id": r.item, "content_index": 0, "part": p.contentPart(e.Text),
		}))
		p.send("response.output_item.done", p.inMessage(map[string]any{"item": m}))
		p.send("conversation.item.done", map[string]any{"item": m, "previous_item_id": p.items.before(m.ID)})
	}
	p.send("response.done", map[string]any{"response": p.responseFields(string(e.Status), statusDetails(e.Status), e.Usage)})
	p.response = nil
}

func statusDetails(s dialog.Status) any {
	switch s {
	case dialog.Cancelled:
		return map[string]any{"type": "cancelled", "reason": "turn_detected"}
	case dialog.Failed:
		return map[string]any{"type": "failed", "error": map[string]any{"type": "server_error", "code": string(fault.Provider)}}
	}
	return nil
}

// responseFields returns the response of response.created and response.done.
func (p *protocol) responseFields(status string, details any, usage *dialog.Usage) map[string]any {
	r := p.response
	fields := map[string]any{
		"object": "realtime.response", "id": r.id, "status": status, "status_details": details,
		"output": append([]*item{}, r.output...), "conversation_id": "conv_" + p.call.Session(),
		"output_modalities": p.view.Modalities, "max_output_tokens": "inf", "metadata": nil, "usage": nil,
	}
	if p.hasAudio() {
		fields["audio"] = map[string]any{"output": p.view.Audio.Output}
	}
	if status == inProgress {
		return fields
	}
	if usage == nil {
		usage = &dialog.Usage{}
	}
	fields["usage"] = map[string]any{
		"input_tokens": usage.Input, "output_tokens": usage.Output, "total_tokens": usage.Input + usage.Output,
		"input_token_details":  map[string]any{"text_tokens": usage.Input, "audio_tokens": 0, "cached_tokens": 0},
		"output_token_details": map[string]any{"text_tokens": usage.Output, "audio_tokens": 0},
	}
	return fields
}

// sendClientToolCall asks the client to run one of its own tools.
func (p *protocol) sendClientToolCall(e dialog.Event) {
	r, args := p.response, string(e.Call.Arguments)
	p.pendingTools[e.Call.ID] = true
	it := &item{
		ID: newID("item_"), Object: "realtime.item", Type: "function_call", Status: inProgress,
		Name: e.Call.Name, CallID: e.Call.ID, Arguments: new(string),
	}
	inItem := func(fields map[string]any) map[string]any {
		fields["response_id"], fields["output_index"] = r.id, len(r.output)
		return fields
	}
	p.send("response.output_item.added", inItem(map[string]any{"item": it}))
	p.addItem(it)
	p.send("response.function_call_arguments.delta", inItem(map[string]any{"item_id": it.ID, "call_id": it.CallID, "delta": args}))
	p.send("response.function_call_arguments.done", inItem(map[string]any{
		"item_id": it.ID, "call_id": it.CallID, "name": it.Name, "arguments": args,
	}))
	it.Arguments, it.Status = &args, completed
	p.send("response.output_item.done", inItem(map[string]any{"item": it}))
	p.send("conversation.item.done", map[string]any{"item": it, "previous_item_id": p.items.before(it.ID)})
	r.output = append(r.output, it)
}

// sendTool sends that a call of one of the agent's tools started, ended, waits for the caller's
// consent, or was refused.
func (p *protocol) sendTool(e dialog.Event) {
	fields := map[string]any{"name": e.Call.Name, "call_id": e.Call.ID, "status": "started", "notes": []any{}}
	if r := e.Result; r != nil {
		switch {
		case e.Kind == dialog.ToolHeld:
			fields["status"] = "awaiting_consent"
		case e.Kind == dialog.ToolRefused:
			fields["status"], fields["rule"] = "refused", e.Text
			if f := fault.From(r.Err); f != nil {
				fields["code"] = string(f.Code)
			}
		case r.Failed:
			fields["status"] = "failed"
		default:
			fields["status"] = completed
		}
		if r.Notes != nil {
			fields["notes"] = r.Notes
		}
	}
	p.send("frontdesk.tool", fields)
}

// sendNotice sends a notice for the caller, or an error if the conversation refused an item.
func (p *protocol) sendNotice(e dialog.Event) {
	if e.Item != "" {
		p.sendError("", "item", e.Notice.Err)
		return
	}
	p.send("frontdesk.notice", map[string]any{"code": e.Notice.Code, "message": e.Notice.Text})
}
