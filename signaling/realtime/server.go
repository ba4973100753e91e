package realtime

import (
	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// response is a reply under way, as the client has been told of it.
type response struct {
	id, item string
	message  *item // nil until something of it is known
	index    int   // of the message among the response's output
	output   []*item
	said     string // what the deltas added up to
}

// happened tells the client an event of the conversation.
func (t *talk) happened(e dialog.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Kind {
	case dialog.CallerStarted:
		t.tell("input_audio_buffer.speech_started", map[string]any{
			"item_id": e.Item, "audio_start_ms": max(0, e.At.Sub(t.began).Milliseconds()),
		})
	case dialog.CallerStopped:
		t.tell("input_audio_buffer.speech_stopped", map[string]any{
			"item_id": e.Item, "audio_end_ms": max(0, e.At.Sub(t.began).Milliseconds()),
		})
	case dialog.CallerPartial:
		t.tell("frontdesk.transcript", map[string]any{"item_id": e.Item, "text": e.Text})
	case dialog.CallerSaid:
		t.said(e)
	case dialog.ReplyStarted, dialog.ReplyText, dialog.ReplyHeard, dialog.SpeakingStarted,
		dialog.SpeakingStopped, dialog.ReplyEnded, dialog.ClientToolCalled:
		t.replies(e)
	case dialog.ToolStarted, dialog.ToolEnded:
		t.tool(e)
	case dialog.NoticeRaised:
		t.notice(e)
	case dialog.TurnEnded:
		t.tell("frontdesk.turn", map[string]any{"turn": e.Finished})
	}
}

// announce tells of an item that is complete.
func (t *talk) announce(it *item) {
	t.added(it)
	t.tell("conversation.item.done", map[string]any{"item": it, "previous_item_id": t.items.before(it.ID)})
}

func (t *talk) added(it *item) {
	t.items.add(it)
	t.tell("conversation.item.added", map[string]any{"item": it, "previous_item_id": t.items.before(it.ID)})
}

func (t *talk) said(e dialog.Event) {
	if e.Typed {
		t.announce(message(e.Item, "user", completed, part{Type: "input_text", Text: e.Text}))
		return
	}
	if e.Text != "" {
		t.tell("input_audio_buffer.committed", map[string]any{"item_id": e.Item, "previous_item_id": t.items.last()})
		it := message(e.Item, "user", completed, part{Type: "input_audio"})
		t.announce(it)
		it.Content[0].Transcript = &e.Text
		t.tell("conversation.item.input_audio_transcription.delta", map[string]any{
			"item_id": e.Item, "content_index": 0, "delta": e.Text,
		})
	}
	// A sound that held no words ends as an empty transcript, without an item.
	t.tell("conversation.item.input_audio_transcription.completed", map[string]any{
		"item_id": e.Item, "content_index": 0, "transcript": e.Text,
		"usage": map[string]any{"type": "duration", "seconds": 0},
	})
}

func (t *talk) replies(e dialog.Event) {
	if e.Kind == dialog.ReplyStarted {
		t.response = &response{id: e.Response, item: e.Item}
		t.tell("response.created", map[string]any{"response": t.responseBody(inProgress, nil, nil)})
		return
	}
	r := t.response
	if r == nil || r.id != e.Response {
		return
	}
	switch e.Kind {
	case dialog.ReplyText:
		t.open()
	case dialog.ReplyHeard:
		t.open()
		r.said += e.Text
		t.delta("delta", e.Text)
	case dialog.SpeakingStarted:
		t.open()
		if t.line.append == nil {
			t.tell("output_audio_buffer.started", map[string]any{"response_id": r.id})
		}
	case dialog.SpeakingStopped:
		if t.line.append == nil {
			kind := "output_audio_buffer.stopped"
			if e.Interrupted {
				kind = "output_audio_buffer.cleared"
			}
			t.tell(kind, map[string]any{"response_id": r.id})
		}
	case dialog.ClientToolCalled:
		t.clientTool(e)
	case dialog.ReplyEnded:
		t.ended(e)
	}
}

// open tells of the reply's message once there is something in it.
func (t *talk) open() {
	r := t.response
	if r.message != nil {
		return
	}
	r.message, r.index = message(r.item, "assistant", inProgress), len(r.output)
	r.output = append(r.output, r.message)
	t.tell("response.output_item.added", t.of(map[string]any{"item": r.message}))
	t.added(r.message)
	t.tell("response.content_part.added", t.of(map[string]any{
		"item_id": r.item, "content_index": 0, "part": t.partBody(""),
	}))
}

// of adds where in the response an event of its message belongs.
func (t *talk) of(fields map[string]any) map[string]any {
	fields["response_id"], fields["output_index"] = t.response.id, t.response.index
	return fields
}

func (t *talk) audible() bool { return t.view.Modalities[0] == "audio" }

// delta tells a piece ("delta") or, at the end, the whole of a reply's words.
func (t *talk) delta(step, text string) {
	kind, field := "response.output_text.", "text"
	if t.audible() {
		kind, field = "response.output_audio_transcript.", "transcript"
	}
	if step == "delta" {
		field = "delta"
	}
	t.tell(kind+step, t.of(map[string]any{"item_id": t.response.item, "content_index": 0, field: text}))
}

// partBody is a content part in the events about parts, which name its type otherwise
// than items do.
func (t *talk) partBody(text string) part {
	if t.audible() {
		return part{Type: "audio", Transcript: &text}
	}
	return part{Type: "text", Text: text}
}

func (t *talk) ended(e dialog.Event) {
	r := t.response
	if m := r.message; m != nil {
		if t.audible() {
			m.Content = []part{{Type: "output_audio", Transcript: &e.Text}}
			t.tell("response.output_audio.done", t.of(map[string]any{"item_id": r.item, "content_index": 0}))
		} else {
			m.Content = []part{{Type: "output_text", Text: e.Text}}
		}
		m.Status = completed
		if e.Status != dialog.Completed {
			m.Status = incomplete
		}
		t.delta("done", e.Text)
		t.tell("response.content_part.done", t.of(map[string]any{
			"item_id": r.item, "content_index": 0, "part": t.partBody(e.Text),
		}))
		t.tell("response.output_item.done", t.of(map[string]any{"item": m}))
		t.tell("conversation.item.done", map[string]any{"item": m, "previous_item_id": t.items.before(m.ID)})
	}
	t.tell("response.done", map[string]any{"response": t.responseBody(string(e.Status), statusDetails(e.Status), e.Usage)})
	t.response = nil
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

// responseBody is the response as its first and its last event show it.
func (t *talk) responseBody(status string, details any, usage *dialog.Usage) map[string]any {
	r := t.response
	body := map[string]any{
		"object": "realtime.response", "id": r.id, "status": status, "status_details": details,
		"output": append([]*item{}, r.output...), "conversation_id": "conv_" + t.call.Session(),
		"output_modalities": t.view.Modalities, "max_output_tokens": "inf", "metadata": nil, "usage": nil,
	}
	if t.audible() {
		body["audio"] = map[string]any{"output": t.view.Audio.Output}
	}
	if status == inProgress {
		return body
	}
	if usage == nil {
		usage = &dialog.Usage{}
	}
	body["usage"] = map[string]any{
		"input_tokens": usage.Input, "output_tokens": usage.Output, "total_tokens": usage.Input + usage.Output,
		"input_token_details":  map[string]any{"text_tokens": usage.Input, "audio_tokens": 0, "cached_tokens": 0},
		"output_token_details": map[string]any{"text_tokens": usage.Output, "audio_tokens": 0},
	}
	return body
}

// clientTool asks the client to run one of its own tools.
func (t *talk) clientTool(e dialog.Event) {
	r, args := t.response, string(e.Call.Arguments)
	t.pending[e.Call.ID] = true
	it := &item{
		ID: newID("item_"), Object: "realtime.item", Type: "function_call", Status: inProgress,
		Name: e.Call.Name, CallID: e.Call.ID, Arguments: new(string),
	}
	at := func(fields map[string]any) map[string]any {
		fields["response_id"], fields["output_index"] = r.id, len(r.output)
		return fields
	}
	t.tell("response.output_item.added", at(map[string]any{"item": it}))
	t.added(it)
	t.tell("response.function_call_arguments.delta", at(map[string]any{"item_id": it.ID, "call_id": it.CallID, "delta": args}))
	t.tell("response.function_call_arguments.done", at(map[string]any{
		"item_id": it.ID, "call_id": it.CallID, "name": it.Name, "arguments": args,
	}))
	it.Arguments, it.Status = &args, completed
	t.tell("response.output_item.done", at(map[string]any{"item": it}))
	t.tell("conversation.item.done", map[string]any{"item": it, "previous_item_id": t.items.before(it.ID)})
	r.output = append(r.output, it)
}

func (t *talk) tool(e dialog.Event) {
	fields := map[string]any{"name": e.Call.Name, "call_id": e.Call.ID, "status": "started", "notes": []any{}}
	if r := e.Result; r != nil {
		fields["status"] = completed
		if r.Failed {
			fields["status"] = "failed"
		}
		if r.Notes != nil {
			fields["notes"] = r.Notes
		}
	}
	t.tell("frontdesk.tool", fields)
}

// notice tells a change for the worse in plain words, or that an item was refused.
func (t *talk) notice(e dialog.Event) {
	if e.Item != "" {
		t.refuse("", "item", e.Notice.Err)
		return
	}
	t.tell("frontdesk.notice", map[string]any{"code": e.Notice.Code, "message": e.Notice.Text})
}
