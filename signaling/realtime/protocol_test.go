package realtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
	"frontdesk/tools"
)

// recordedChannel is an eventChannel that records what is sent.
type recordedChannel struct{ sent [][]byte }

func (r *recordedChannel) Send(b []byte) error    { r.sent = append(r.sent, b); return nil }
func (*recordedChannel) Receive() ([]byte, error) { return nil, errOver }
func (*recordedChannel) Err() error               { return nil }
func (*recordedChannel) Close()                   {}

// events returns the recorded events of one type, or all if kind is "".
func (r *recordedChannel) events(t testing.TB, kind string) []event {
	t.Helper()
	var events []event
	for _, raw := range r.sent {
		if err := checkSchema(raw); err != nil {
			t.Errorf("%v: %s", err, raw)
		}
		var e event
		require.NoError(t, json.Unmarshal(raw, &e))
		if kind == "" || e.kind() == kind {
			events = append(events, e)
		}
	}
	return events
}

// admit admits a call to the demo agent.
func admit(t testing.TB) *session.Call {
	t.Helper()
	call, err := desktest.New(t, demoAgent()).Admit(t.Context(), session.Caller{})
	require.NoError(t, err)
	t.Cleanup(call.HangUp)
	return call
}

// newRecordedProtocol returns a protocol over a line with audio in a track of its own.
func newRecordedProtocol(t testing.TB, who session.Caller) (*protocol, *recordedChannel) {
	t.Helper()
	r := &recordedChannel{}
	p := newProtocol(admit(t), who, line{eventChannel: r, sink: desktest.NullSink{}})
	p.describeSession()
	return p, r
}

// spokenTurn is a turn in which the caller speaks and a tool is called.
func spokenTurn() []dialog.Event {
	now := time.Now()
	usage := &dialog.Usage{Input: 7, Output: 3}
	call := &tools.Call{ID: "call_1", Name: "find_order", Arguments: json.RawMessage(`{"number":"1042"}`)}
	return []dialog.Event{
		{Kind: dialog.CallerStarted, Item: "item_1", At: now},
		{Kind: dialog.CallerPartial, Item: "item_1", Text: "where is"},
		{Kind: dialog.CallerStopped, Item: "item_1", At: now.Add(time.Second)},
		{Kind: dialog.CallerSaid, Item: "item_1", Text: "Where is my order?"},
		{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_2"},
		{Kind: dialog.ToolStarted, Response: "resp_1", Call: call},
		{Kind: dialog.ToolEnded, Response: "resp_1", Call: call, Result: &tools.Result{CallID: "call_1", Notes: []tools.Note{{Kind: "source", Title: "Orders"}}}},
		{Kind: dialog.ReplyText, Response: "resp_1", Item: "item_2", Text: "It is on its way."},
		{Kind: dialog.SpeakingStarted, Response: "resp_1"},
		{Kind: dialog.ReplyHeard, Response: "resp_1", Item: "item_2", Text: "It is "},
		{Kind: dialog.ReplyHeard, Response: "resp_1", Item: "item_2", Text: "on its way."},
		{Kind: dialog.SpeakingStopped, Response: "resp_1"},
		{Kind: dialog.ReplyEnded, Response: "resp_1", Item: "item_2", Status: dialog.Completed, Text: "It is on its way.", Usage: usage},
		{Kind: dialog.TurnEnded, Finished: &dialog.Turn{Number: 1}},
		{Kind: dialog.NoticeRaised, Notice: &dialog.Notice{Code: "voice_lost", Text: "I have lost my voice."}},
	}
}

func TestAClientSeesWhyACallDidNotRun(t *testing.T) {
	p, r := newRecordedProtocol(t, session.Caller{})
	call := &tools.Call{ID: "call_1", Name: "refund", Arguments: json.RawMessage(`{}`)}
	p.handleEvent(dialog.Event{Kind: dialog.ToolHeld, Response: "resp_1", Call: call, Result: &tools.Result{CallID: "call_1", Held: true}})
	p.handleEvent(dialog.Event{Kind: dialog.ToolRefused, Response: "resp_1", Text: "origin", Call: call,
		Result: &tools.Result{CallID: "call_1", Failed: true, Refused: true, Err: fault.New("not_said", "no")}})
	p.handleEvent(dialog.Event{Kind: dialog.ClauseReplaced, Response: "resp_1", Text: "claim"}) // the client gets what is said instead
	got := r.events(t, "frontdesk.tool")
	if len(got) != 2 || got[0]["status"] != "awaiting_consent" || got[1]["status"] != "refused" || got[1]["rule"] != "origin" || got[1]["code"] != "not_said" {
		t.Errorf("got %v", got)
	}
}

func TestEventsOfASpokenTurn(t *testing.T) {
	p, r := newRecordedProtocol(t, session.Caller{})
	for _, e := range spokenTurn() {
		p.handleEvent(e)
	}
	want := []string{
		"session.created", "frontdesk.session",
		"input_audio_buffer.speech_started", "frontdesk.transcript", "input_audio_buffer.speech_stopped",
		"input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
		"conversation.item.input_audio_transcription.delta", "conversation.item.input_audio_transcription.completed",
		"response.created", "frontdesk.tool", "frontdesk.tool",
		"response.output_item.added", "conversation.item.added", "response.content_part.added",
		"output_audio_buffer.started",
		"response.output_audio_transcript.delta", "response.output_audio_transcript.delta",
		"output_audio_buffer.stopped",
		"response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
		"response.output_item.done", "conversation.item.done", "response.done",
		"frontdesk.turn", "frontdesk.notice",
	}
	var got []string
	for _, e := range r.events(t, "") {
		got = append(got, e.kind())
	}
	if !slices.Equal(got, want) {
		t.Errorf("events =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEventsOfATurnInText(t *testing.T) {
	p, r := newRecordedProtocol(t, session.Caller{})
	p.handleClientEvent([]byte(`{"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}}`))
	if e := r.events(t, "session.updated")[0]; fmt.Sprint(e.at("session", "output_modalities")) != "[text]" {
		t.Errorf("session = %v", e["session"])
	}
	for _, e := range spokenTurn() {
		p.handleEvent(e)
	}
	if got := r.events(t, "response.output_text.delta"); len(got) != 2 || got[0]["delta"] != "It is " || got[1]["delta"] != "on its way." {
		t.Errorf("deltas = %v", got)
	}
	if got := r.events(t, "response.output_text.done")[0]; got["text"] != "It is on its way." {
		t.Errorf("done = %v", got)
	}
	done := r.events(t, "response.done")[0]
	if done.at("response", "status") != "completed" || done.at("response", "usage", "total_tokens") != 10.0 {
		t.Errorf("done = %v", done)
	}
}

// turnOf sends a typed text and returns the types of all events up to the reply's end,
// without repetitions.
func (c *testClient) turnOf(text string) []string {
	c.t.Helper()
	c.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"` + text + `"}]}}`)
	c.send(`{"type":"response.create"}`)
	return slices.Compact(c.until("response.done"))
}

func TestCallOverWebRTC(t *testing.T) {
	f := newFixture(t, demoAgent(), serverKey)
	token := f.token(t, session.Claims{})
	c, url := f.dialWebRTC(t, token)
	want := []string{
		"session.created", "frontdesk.session",
		"conversation.item.added", "conversation.item.done",
		"response.created",
		"response.output_item.added", "conversation.item.added", "response.content_part.added",
		"output_audio_buffer.started", "response.output_audio_transcript.delta", "output_audio_buffer.stopped",
		"response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
		"response.output_item.done", "conversation.item.done", "response.done",
	}
	if got := append(c.until("frontdesk.session"), c.turnOf("Hello")...); !slices.Equal(got, want) {
		t.Errorf("events =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if who := f.started(t); who["transport"] != "webrtc" || who["address"] != "127.0.0.1" || who["agent"] != "demo" {
		t.Errorf("caller = %v", who)
	}
	for other, want := range map[string]int{f.token(t, session.Claims{}): 403, "any": 401} {
		refused, body := f.do(t, "POST", url+"/hangup", "", "Authorization", "Bearer "+other)
		if refused.StatusCode != want {
			t.Fatalf("hangup by another caller: %d %v", refused.StatusCode, body)
		}
	}
	for who, want := range map[string]int{token: 403, serverKey: 400} { // only telephone calls can be transferred
		refer, body := f.do(t, "POST", url+"/refer", `{"target_uri": "tel:+493012345"}`, "Authorization", "Bearer "+who)
		if refer.StatusCode != want {
			t.Errorf("refer: %d %v, want %d", refer.StatusCode, body, want)
		}
	}
	hangup, body := f.do(t, "POST", url+"/hangup", "", "Authorization", "Bearer "+token)
	if hangup.StatusCode != 200 {
		t.Fatalf("hangup: %d %v", hangup.StatusCode, body)
	}
	if e := c.next("frontdesk.ended"); e["result"] != "hung_up" {
		t.Errorf("ended = %v", e)
	}
}

func TestClientItemsAreHeard(t *testing.T) {
	p, r := newRecordedProtocol(t, session.Caller{})
	p.handleEvent(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
	p.handleEvent(dialog.Event{Kind: dialog.ClientToolCalled, Response: "resp_1", Call: &tools.Call{ID: "call_1", Name: "open_page", Arguments: json.RawMessage(`{"a":1}`)}})
	if len(r.events(t, "response.function_call_arguments.done")) != 1 {
		t.Error("no response.function_call_arguments.done")
	}
	if e := r.events(t, "response.output_item.done")[0]; e.at("item", "status") != "completed" || e.at("item", "arguments") != `{"a":1}` {
		t.Errorf("item = %v", e["item"])
	}
	p.handleEvent(dialog.Event{Kind: dialog.ReplyEnded, Response: "resp_1", Item: "item_1", Status: dialog.Completed})
	if e := r.events(t, "response.done")[0]; len(e.at("response", "output").([]any)) != 1 {
		t.Errorf("response = %v", e)
	}
	for _, sent := range []string{
		`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"call_1","output":"done"}}`,
		`{"type":"conversation.item.create","item":{"id":"mine","type":"message","role":"user","content":[{"type":"input_text","text":"Hello"}]}}`,
		`{"type":"response.create"}`,
		`{"type":"response.cancel"}`,
		`{"type":"frontdesk.dtmf","digit":"#"}`,
	} {
		p.handleClientEvent([]byte(sent))
	}
	close(p.inputs)
	h := <-p.inputs
	if h.Kind != dialog.ToolOutput || h.Result.CallID != "call_1" || string(h.Result.Output) != `"done"` {
		t.Errorf("heard %+v", h)
	}
	if h = <-p.inputs; h.Kind != dialog.Typed || h.Item != "mine" || h.Text != "Hello" {
		t.Errorf("heard %+v", h)
	}
	if a, b := <-p.inputs, <-p.inputs; a.Kind != dialog.Respond || b.Kind != dialog.CancelReply {
		t.Errorf("heard %+v, %+v", a, b)
	}
	if h = <-p.inputs; h.Kind != dialog.DTMF || h.Text != "#" {
		t.Errorf("heard %+v", h)
	}
}

func TestInvalidEventsGetAnErrorAndTheCallContinues(t *testing.T) {
	f := newFixture(t, demoAgent())
	for _, transport := range []string{"websocket", "webrtc"} {
		t.Run(transport, func(t *testing.T) {
			var c *testClient
			if transport == "websocket" {
				c, _ = f.dialWebSocket(t, "")
			} else {
				c, _ = f.dialWebRTC(t, f.token(t, session.Claims{}))
			}
			c.next("session.created")
			for _, bad := range []string{
				`garbage`, `{}`, `[]`, `null`, `"x"`, `{"type":5}`, `{"type":"nothing.known","event_id":"e1"}`,
				`{"type":"session.update","session":5}`,
				`{"type":"session.update","session":{"type":"transcription"}}`,
				`{"type":"input_audio_buffer.append","audio":"%%%"}`,
				`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_audio"}]}}`,
				`{"type":"conversation.item.create","item":{"type":"message","role":"assistant","content":[]}}`,
				`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"none","output":"x"}}`,
				`{"type":"conversation.item.retrieve","item_id":"none"}`,
				`{"type":"conversation.item.truncate","item_id":"none"}`,
				`{"type":"conversation.item.delete","item_id":"none"}`,
				`{"type":"frontdesk.dtmf","digit":"12"}`, `{"type":"frontdesk.dtmf","digit":"x"}`,
			} {
				c.send(bad)
				if e := c.next("error"); e.at("error", "message") == "" || e.at("error", "type") != "invalid_request_error" {
					t.Errorf("%s: %v", bad, e)
				}
			}
			c.send(`{"type":"session.update","event_id":"e2","session":{"instructions":"Be a pirate.","tools":[{"type":"function","name":"x"}],"output_modalities":["audio"]}}`)
			for _, param := range []string{"session.instructions", "session.tools"} {
				e := c.next("error")
				if e.at("error", "param") != param || e.at("error", "code") != "forbidden" || e.at("error", "event_id") != "e2" {
					t.Errorf("error = %v, want one for %s", e, param)
				}
			}
			if e := c.next("session.updated"); strings.Contains(fmt.Sprint(e), "pirate") || strings.Contains(fmt.Sprint(e), "secret") {
				t.Errorf("session = %v", e)
			}
		})
	}
}

func TestTrustedClientChangesTheAgent(t *testing.T) {
	const update = `{"type":"session.update","session":{"type":"realtime","instructions":"Be a pirate.","audio":{"output":{"voice":"slt"}},"tools":[{"type":"function","name":"dig","parameters":{"type":"object"}}]}}`
	p, _ := newRecordedProtocol(t, session.Caller{Trusted: true})
	p.handleClientEvent([]byte(update))
	h := <-p.inputs
	if h.Kind != dialog.Update || *h.Update.Instructions != "Be a pirate." || *h.Update.Voice != "slt" || h.Update.Tools[0].Name != "dig" {
		t.Errorf("heard %+v", h)
	}
	c, _ := newFixture(t, demoAgent(), serverKey).dialWebSocket(t, serverKey)
	c.send(update)
	if e := c.next("session.updated"); e.at("session", "instructions") != "Be a pirate." || e.at("session", "audio", "output", "voice") != "slt" {
		t.Errorf("session = %v", e)
	}
}

func TestEventRateIsLimited(t *testing.T) {
	c, _ := newFixture(t, demoAgent()).dialWebSocket(t, "")
	for range eventBurst * 2 {
		c.send(`{"type":"input_audio_buffer.commit"}`)
	}
	if e := c.next("error"); e.at("error", "code") != "rate_limited" {
		t.Errorf("error = %v", e)
	}
}

func TestHugeWebSocketMessageClosesTheSocket(t *testing.T) {
	c, conn := newFixture(t, demoAgent()).dialWebSocket(t, "")
	c.next("frontdesk.session")
	_ = conn.WriteMessage(websocket.TextMessage, make([]byte, 2*maxSocketMessage))
	for range c.events {
	}
}

func TestHistoryIsReplayedAsItems(t *testing.T) {
	p, r := newRecordedProtocol(t, session.Caller{})
	p.replayHistory([]dialog.Message{
		{ID: "item_1", Role: dialog.User, Text: "Hello", Typed: true},
		{ID: "item_2", Role: dialog.Assistant, Text: "Good day."},
		{ID: "item_3", Role: dialog.Assistant, Calls: []tools.Call{{ID: "call_1"}}},
		{ID: "item_4", Role: dialog.User, Text: "Where is my order?"},
		{ID: "item_5", Role: dialog.Assistant, Text: "It is", Interrupted: true},
	})
	var got []string
	for _, e := range r.events(t, "conversation.item.added") {
		got = append(got, fmt.Sprintf("%v %v after %v", e.at("item", "id"), e.at("item", "status"), e["previous_item_id"]))
	}
	want := []string{
		"item_1 completed after <nil>", "item_2 completed after item_1",
		"item_4 completed after item_2", "item_5 incomplete after item_4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("items = %q, want %q", got, want)
	}
	p.handleClientEvent([]byte(`{"type":"conversation.item.retrieve","item_id":"item_4"}`))
	e := r.events(t, "conversation.item.retrieved")[0]
	if part := e.at("item", "content").([]any)[0].(map[string]any); part["transcript"] != "Where is my order?" {
		t.Errorf("item = %v", e)
	}
}

func TestResumedSessionReplaysItsHistory(t *testing.T) {
	f := newFixture(t, demoAgent())
	c, conn := f.dialWebSocket(t, "")
	c.send(`{"type":"session.update","session":{"output_modalities":["text"]}}`)
	first := c.next("frontdesk.session")
	c.turnOf("Hello")
	conn.Close()
	<-f.desk.Observer.Ended
	c, _ = f.dialWebSocket(t, first["resume_token"].(string))
	if e := c.next("frontdesk.session"); e["session"] != first["session"] {
		t.Errorf("session %v was resumed, want %v", e["session"], first["session"])
	}
	for _, want := range []string{"Hello", "You said Hello."} {
		e := c.next("conversation.item.added")
		if part := e.at("item", "content").([]any)[0].(map[string]any); part["text"] != want {
			t.Errorf("item = %v, want %q", e, want)
		}
	}
}

func TestWebSocketThatTheClientClosesIsHungUp(t *testing.T) {
	f := newFixture(t, demoAgent())
	c, conn := f.dialWebSocket(t, "")
	c.next("frontdesk.session")
	closing := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	require.NoError(t, conn.WriteControl(websocket.CloseMessage, closing, time.Now().Add(time.Second)))
	if e := <-f.desk.Observer.Ended; e.Result != session.HungUp {
		t.Errorf("ending = %+v", e)
	}
}

func TestBrokenWebSocketIsLost(t *testing.T) {
	f := newFixture(t, demoAgent())
	c, conn := f.dialWebSocket(t, "")
	c.next("frontdesk.session")
	conn.NetConn().Close()
	if e := <-f.desk.Observer.Ended; e.Result != session.Lost {
		t.Errorf("ending = %+v", e)
	}
}

func FuzzClientEvent(f *testing.F) {
	for _, s := range []string{
		`{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"x","parameters":{}}],"audio":{"output":{"voice":{"id":"v"}},"input":{"format":{"type":"audio/pcm"}}}}}`,
		`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}`,
		`{"type":"input_audio_buffer.append","audio":"AAAA"}`, `{"type":"response.create"}`, `null`, `{`,
	} {
		f.Add([]byte(s))
	}
	call := admit(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		r := &recordedChannel{}
		audio := newEventAudio()
		defer audio.close()
		p := newProtocol(call, session.Caller{Trusted: true}, audio.line(r))
		p.describeSession()
		p.handleClientEvent(message)
		for _, sent := range r.sent {
			if err := checkSchema(sent); err != nil {
				t.Errorf("%v: %s", err, sent)
			}
		}
	})
}
