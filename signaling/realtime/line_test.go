package realtime

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/dialog"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/tools"
)

// oneTurn is a call in which the caller says something aloud and is answered.
func oneTurn(ctx context.Context, line dialog.Line) session.Ending {
	now := time.Now()
	usage := &dialog.Usage{Input: 7, Output: 3}
	call := &tools.Call{ID: "call_1", Name: "find_order", Arguments: json.RawMessage(`{"number":"1042"}`)}
	for _, e := range []dialog.Event{
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
	} {
		line.Emit(e)
	}
	return untilGone(ctx, line)
}

var spokenTurn = []string{
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

func TestSpokenTurnOverWebRTC(t *testing.T) {
	const key = "sk-server"
	f := newFixture(t, &script{run: oneTurn}, key)
	token := f.token(t, session.Claims{})
	c, _, resp := f.callIn(t, token)
	if got := c.until("frontdesk.notice"); !slices.Equal(got, spokenTurn) {
		t.Errorf("events =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(spokenTurn, "\n"))
	}
	if who := f.script.admitted(); who.Transport != "webrtc" || who.Address != "127.0.0.1" || who.Agent != "demo" || who.Trusted {
		t.Errorf("caller = %+v", who)
	}
	for other, want := range map[string]int{f.token(t, session.Claims{}): 403, "any": 401} {
		refused, body := f.do(t, "POST", resp.Header.Get("Location")+"/hangup", "", "Authorization", "Bearer "+other)
		if refused.StatusCode != want {
			t.Fatalf("hangup by somebody else: %d %v", refused.StatusCode, body)
		}
	}
	for who, want := range map[string]int{token: 403, key: 400} { // a call from a page cannot be transferred
		refer, body := f.do(t, "POST", resp.Header.Get("Location")+"/refer", `{"target_uri": "tel:+493012345"}`, "Authorization", "Bearer "+who)
		if refer.StatusCode != want {
			t.Errorf("refer: %d %v, want %d", refer.StatusCode, body, want)
		}
	}
	hangup, body := f.do(t, "POST", resp.Header.Get("Location")+"/hangup", "", "Authorization", "Bearer "+token)
	if hangup.StatusCode != 200 {
		t.Fatalf("hangup: %d %v", hangup.StatusCode, body)
	}
	if e := c.next("frontdesk.ended"); e["result"] != "hung_up" {
		t.Errorf("ended = %v", e)
	}
}

func TestSpokenTurnAsText(t *testing.T) {
	f := newFixture(t, &script{run: oneTurn})
	c, _ := f.dial(t, f.token(t, session.Claims{}))
	c.send(`{"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}}`)
	if e := c.next("session.updated"); fmt.Sprint(e.at("session", "output_modalities")) != "[text]" {
		t.Errorf("session = %v", e["session"])
	}
	if e := c.next("response.output_text.delta"); e["delta"] != "It is " {
		t.Errorf("delta = %v", e)
	}
	if e := c.next("response.output_text.done"); e["text"] != "It is on its way." {
		t.Errorf("done = %v", e)
	}
	done := c.next("response.done")
	if done.at("response", "status") != "completed" || done.at("response", "usage", "total_tokens") != 10.0 {
		t.Errorf("done = %v", done)
	}
}

func TestClientItemsAreHeard(t *testing.T) {
	heard, ended := make(chan dialog.Heard, 10), make(chan error, 1)
	f := newFixture(t, &script{run: func(ctx context.Context, line dialog.Line) session.Ending {
		line.Emit(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
		line.Emit(dialog.Event{Kind: dialog.ClientToolCalled, Response: "resp_1", Call: &tools.Call{ID: "call_1", Name: "open_page", Arguments: json.RawMessage(`{"a":1}`)}})
		line.Emit(dialog.Event{Kind: dialog.ReplyEnded, Response: "resp_1", Item: "item_1", Status: dialog.Completed})
		for h := range line.Inputs {
			heard <- h
		}
		ended <- ctx.Err()
		return session.Ending{Result: session.HungUp}
	}})
	c, conn := f.dial(t, f.token(t, session.Claims{}))
	c.next("response.function_call_arguments.done")
	if e := c.next("response.output_item.done"); e.at("item", "status") != "completed" || e.at("item", "arguments") != `{"a":1}` {
		t.Errorf("item = %v", e["item"])
	}
	if e := c.next("response.done"); len(e.at("response", "output").([]any)) != 1 {
		t.Errorf("response = %v", e)
	}
	c.send(`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"call_1","output":"done"}}`)
	c.send(`{"type":"conversation.item.create","item":{"id":"mine","type":"message","role":"user","content":[{"type":"input_text","text":"Hello"}]}}`)
	c.send(`{"type":"response.create"}`)
	c.send(`{"type":"response.cancel"}`)
	c.send(`{"type":"frontdesk.dtmf","digit":"#"}`)
	h := <-heard
	if h.Kind != dialog.ToolOutput || h.Result.CallID != "call_1" || string(h.Result.Output) != `"done"` {
		t.Errorf("heard %+v", h)
	}
	if h = <-heard; h.Kind != dialog.Typed || h.Item != "mine" || h.Text != "Hello" {
		t.Errorf("heard %+v", h)
	}
	if a, b := <-heard, <-heard; a.Kind != dialog.Respond || b.Kind != dialog.CancelReply {
		t.Errorf("heard %+v, %+v", a, b)
	}
	if h = <-heard; h.Kind != dialog.DTMF || h.Text != "#" {
		t.Errorf("heard %+v", h)
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if lost := <-ended; lost != nil {
		t.Errorf("a caller who closed the socket counts as lost: %v", lost)
	}
}

func TestBadEventsGetAnErrorAndTheCallGoesOn(t *testing.T) {
	f := newFixture(t, &script{})
	for _, transport := range []string{"websocket", "webrtc"} {
		t.Run(transport, func(t *testing.T) {
			var c *client
			if transport == "websocket" {
				c, _ = f.dial(t, f.token(t, session.Claims{}))
			} else {
				c, _, _ = f.callIn(t, f.token(t, session.Claims{}))
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
					t.Errorf("error = %v, want of %s", e, param)
				}
			}
			if e := c.next("session.updated"); strings.Contains(fmt.Sprint(e), "pirate") || strings.Contains(fmt.Sprint(e), "secret") {
				t.Errorf("session = %v", e)
			}
		})
	}
}

func TestTrustedClientAltersTheAgent(t *testing.T) {
	heard := make(chan dialog.Heard, 10)
	f := newFixture(t, &script{run: func(ctx context.Context, line dialog.Line) session.Ending {
		for h := range line.Inputs {
			heard <- h
		}
		return session.Ending{Result: session.HungUp}
	}}, serverKey)
	c, _ := f.dial(t, serverKey)
	c.send(`{"type":"session.update","session":{"type":"realtime","instructions":"Be a pirate.","audio":{"output":{"voice":"slt"}},"tools":[{"type":"function","name":"dig","parameters":{"type":"object"}}]}}`)
	h := <-heard
	if h.Kind != dialog.Update || *h.Update.Instructions != "Be a pirate." || *h.Update.Voice != "slt" || h.Update.Tools[0].Name != "dig" {
		t.Errorf("heard %+v", h)
	}
	if e := c.next("session.updated"); e.at("session", "instructions") != "Be a pirate." || e.at("session", "audio", "output", "voice") != "slt" {
		t.Errorf("session = %v", e)
	}
}

func TestFloodOfEventsIsCutShort(t *testing.T) {
	f := newFixture(t, &script{})
	c, _ := f.dial(t, f.token(t, session.Claims{}))
	for range eventBurst * 2 {
		c.send(`{"type":"input_audio_buffer.commit"}`)
	}
	if e := c.next("error"); e.at("error", "code") != "rate_limited" {
		t.Errorf("error = %v", e)
	}
}

func TestHugeWebSocketMessageClosesTheSocket(t *testing.T) {
	f := newFixture(t, &script{})
	c, conn := f.dial(t, f.token(t, session.Claims{}))
	c.next("frontdesk.session")
	_ = conn.WriteMessage(websocket.TextMessage, make([]byte, 2*maxSocketMessage))
	for range c.events {
	}
}

func TestResumedSessionTellsItsHistory(t *testing.T) {
	f := newFixture(t, &script{history: []dialog.Message{
		{ID: "item_1", Role: dialog.User, Text: "Hello", Typed: true},
		{ID: "item_2", Role: dialog.Assistant, Text: "Good day."},
		{ID: "item_3", Role: dialog.Assistant, Calls: []tools.Call{{ID: "call_1"}}},
		{ID: "item_4", Role: dialog.User, Text: "Where is my order?"},
		{ID: "item_5", Role: dialog.Assistant, Text: "It is", Interrupted: true},
	}})
	c, _ := f.dial(t, f.token(t, session.Claims{Caller: session.Caller{Resume: "sess_1"}}))
	var got []string
	for range 4 {
		e := c.next("conversation.item.added")
		got = append(got, fmt.Sprint(e.at("item", "id"), e.at("item", "status"), e["previous_item_id"]))
	}
	want := []string{"item_1completed<nil>", "item_2completeditem_1", "item_4completeditem_2", "item_5incompleteitem_4"}
	for i := range want {
		if strings.ReplaceAll(got[i], " ", "") != want[i] {
			t.Errorf("item %d: %s, want %s", i, got[i], want[i])
		}
	}
	if who := f.script.admitted(); who.Resume != "sess_1" {
		t.Errorf("caller = %+v", who)
	}
	c.send(`{"type":"conversation.item.retrieve","item_id":"item_4"}`)
	e := c.next("conversation.item.retrieved")
	if part := e.at("item", "content").([]any)[0].(map[string]any); part["transcript"] != "Where is my order?" {
		t.Errorf("item = %v", e)
	}
}

func TestBrokenWebSocketIsLost(t *testing.T) {
	ended := make(chan session.Ending, 1)
	f := newFixture(t, &script{run: func(ctx context.Context, line dialog.Line) session.Ending {
		e := untilGone(ctx, line)
		ended <- e
		return e
	}})
	c, conn := f.dial(t, f.token(t, session.Claims{}))
	c.next("frontdesk.session")
	conn.NetConn().Close()
	if e := <-ended; e.Result != session.Lost {
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
	f.Fuzz(func(t *testing.T, message []byte) {
		w := &recorded{}
		sound := newSocketSound()
		defer sound.close()
		talk := newTalk(&played{script: &script{}}, session.Caller{Trusted: true}, sound.carriedBy(w))
		talk.greet()
		talk.take(message)
		for _, sent := range w.sent {
			if err := conforms(sent); err != nil {
				t.Errorf("%v: %s", err, sent)
			}
		}
	})
}

// recorded is a wire that keeps what is sent.
type recorded struct{ sent [][]byte }

func (r *recorded) Send(b []byte) error    { r.sent = append(r.sent, b); return nil }
func (*recorded) Receive() ([]byte, error) { return nil, errOver }
func (*recorded) Lost() error              { return nil }
func (*recorded) Close()                   {}

type discard struct{ recorded }

func (*discard) Send([]byte) error { return nil }

func BenchmarkCaption(b *testing.B) {
	talk := newTalk(&played{script: &script{}}, session.Caller{}, carried{wire: &discard{}})
	talk.greet()
	talk.happened(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
	b.ReportAllocs()
	for b.Loop() {
		talk.happened(dialog.Event{Kind: dialog.ReplyHeard, Response: "resp_1", Item: "item_1", Text: "on its way "})
		talk.response.said = ""
	}
}

func BenchmarkSoundDelta(b *testing.B) {
	sound := newSocketSound()
	defer sound.close()
	line := sound.carriedBy(&discard{})
	talk := newTalk(&played{script: &script{}}, session.Caller{}, line)
	talk.greet()
	talk.dialogLine()
	talk.happened(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
	frame := tone(media.MouthRate, 500, media.MouthFrame)
	b.ReportAllocs()
	for b.Loop() {
		_ = line.sink.WriteFrame(frame)
	}
}
