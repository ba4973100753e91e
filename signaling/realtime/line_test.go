package realtime

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	openai "github.com/openai/openai-go/v3/realtime"
	pion "github.com/pion/webrtc/v4"

	"frontdesk/dialog"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/tools"
)

// client is a client of either transport: what it sends, and what it got.
type client struct {
	t      testing.TB
	send   func(string)
	events chan event
}

type event map[string]any

func (e event) kind() string { return e["type"].(string) }

func (e event) at(path ...string) any {
	var v any = map[string]any(e)
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// got checks an event against the schema and keeps it.
func (c *client) got(raw []byte) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		c.t.Errorf("event %s: %v", raw, err)
		return
	}
	if err := conforms(raw); err != nil {
		c.t.Errorf("%v: %s", err, raw)
	}
	c.events <- e
}

// conforms decodes an event as OpenAI's own Go client does. Required fields must be
// there, and no field may be of another type than the schema's.
func conforms(raw []byte) error {
	var u openai.RealtimeServerEventUnion
	if err := json.Unmarshal(raw, &u); err != nil {
		return err
	}
	if strings.HasPrefix(u.Type, "frontdesk.") {
		return nil
	}
	any := u.AsAny()
	if any == nil {
		return fmt.Errorf("the schema has no event %q", u.Type)
	}
	return missing(any)
}

// next returns the next event of a type, passing over others.
func (c *client) next(kind string) event {
	c.t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.t.Fatalf("the line ended before %s", kind)
			}
			if e.kind() == kind {
				return e
			}
		case <-late:
			c.t.Fatalf("%s did not come", kind)
		}
	}
}

// until returns the types of all events up to one.
func (c *client) until(kind string) []string {
	c.t.Helper()
	var kinds []string
	late := time.After(20 * time.Second)
	for !slices.Contains(kinds, kind) {
		select {
		case e := <-c.events:
			kinds = append(kinds, e.kind())
		case <-late:
			c.t.Fatalf("%s did not come after %v", kind, kinds)
		}
	}
	return kinds
}

func (f *fixture) dial(t testing.TB, token string) (*client, *websocket.Conn) {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{subprotocol, tokenSubprotocol + token}}
	conn, resp, err := d.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/v1/realtime?model=demo", nil)
	if err != nil {
		t.Fatalf("%v (%+v)", err, resp)
	}
	if conn.Subprotocol() != subprotocol {
		t.Errorf("subprotocol = %q", conn.Subprotocol())
	}
	c := &client{t: t, events: make(chan event, 4096), send: func(s string) {
		if err := conn.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
			t.Errorf("send: %v", err)
		}
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.events)
		for {
			_, raw, err := conn.ReadMessage()
			if err != nil {
				return
			}
			c.got(raw)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return c, conn
}

// callIn calls over WebRTC with sound, as a browser does.
func (f *fixture) callIn(t testing.TB, token string) (*client, *pion.PeerConnection, *http.Response) {
	t.Helper()
	var s pion.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	pc, err := pion.NewAPI(pion.WithSettingEngine(s)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.GracefulClose() })
	if _, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	channel, err := pc.CreateDataChannel("oai-events", nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, events: make(chan event, 4096), send: func(s string) {
		if err := channel.SendText(s); err != nil {
			t.Errorf("send: %v", err)
		}
	}}
	channel.OnMessage(func(m pion.DataChannelMessage) { c.got(m.Data) })
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := pion.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	body, kind := form(t.(*testing.T), map[string]string{
		"sdp": pc.LocalDescription().SDP, "session": `{"type":"realtime","model":"demo"}`,
	})
	req, _ := http.NewRequest("POST", f.URL+"/v1/realtime/calls", strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer := make([]byte, 64<<10)
	n := 0
	for m, err := 0, error(nil); err == nil; n += m {
		m, err = resp.Body.Read(answer[n:])
	}
	if resp.StatusCode != 201 || resp.Header.Get("Content-Type") != "application/sdp" {
		t.Fatalf("%s: %s", resp.Status, answer[:n])
	}
	if err := pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(answer[:n])}); err != nil {
		t.Fatal(err)
	}
	return c, pc, resp
}

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
		{Kind: dialog.TurnEnded, Record: &dialog.Turn{Number: 1}},
		{Kind: dialog.Noticed, Notice: &dialog.Notice{Code: "voice_lost", Text: "I have lost my voice."}},
	} {
		line.Tell(e)
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
	f := newFixture(t, &script{run: oneTurn})
	c, _, resp := f.callIn(t, f.token(t, session.Claims{}))
	if got := c.until("frontdesk.notice"); !slices.Equal(got, spokenTurn) {
		t.Errorf("events =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(spokenTurn, "\n"))
	}
	if who := f.script.admitted(); who.Transport != "webrtc" || who.Address != "127.0.0.1" || who.Agent != "demo" || who.Trusted {
		t.Errorf("caller = %+v", who)
	}
	hangup, body := f.do(t, "POST", resp.Header.Get("Location")+"/hangup", "", "Authorization", "Bearer "+f.token(t, session.Claims{}))
	if hangup.StatusCode != 200 {
		t.Fatalf("hangup: %d %v", hangup.StatusCode, body)
	}
	if e := c.next("frontdesk.ended"); e["result"] != "hung_up" {
		t.Errorf("ended = %v", e)
	}
	refer, _ := f.do(t, "POST", resp.Header.Get("Location")+"/refer", "", "Authorization", "Bearer "+f.token(t, session.Claims{}))
	if refer.StatusCode != 400 {
		t.Errorf("refer: %d", refer.StatusCode)
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
		line.Tell(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
		line.Tell(dialog.Event{Kind: dialog.ClientTool, Response: "resp_1", Call: &tools.Call{ID: "call_1", Name: "open_page", Arguments: json.RawMessage(`{"a":1}`)}})
		line.Tell(dialog.Event{Kind: dialog.ReplyEnded, Response: "resp_1", Item: "item_1", Status: dialog.Completed})
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
	h := <-heard
	if h.Kind != dialog.ToolOutput || h.Result.CallID != "call_1" || string(h.Result.Output) != `"done"` {
		t.Errorf("heard %+v", h)
	}
	if h = <-heard; h.Kind != dialog.Typed || h.Item != "mine" || h.Text != "Hello" {
		t.Errorf("heard %+v", h)
	}
	if a, b := <-heard, <-heard; a.Kind != dialog.Respond || b.Kind != dialog.Stop {
		t.Errorf("heard %+v, %+v", a, b)
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
	if h.Kind != dialog.Alter || *h.Change.Instructions != "Be a pirate." || *h.Change.Voice != "slt" || h.Change.Tools[0].Name != "dig" {
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

func TestSoundOverWebSocket(t *testing.T) {
	for _, format := range []string{`{"type":"audio/pcm","rate":24000}`, `{"type":"audio/pcmu"}`, `{"type":"audio/pcma"}`} {
		t.Run(format, func(t *testing.T) {
			heard := make(chan float64, 1)
			f := newFixture(t, &script{run: func(ctx context.Context, line dialog.Line) session.Ending {
				line.Tell(dialog.Event{Kind: dialog.ReplyStarted, Response: "resp_1", Item: "item_1"})
				frame, pcm := make([]int16, media.EarFrame), []int16{}
				for range 20 {
					if line.Source.ReadFrame(frame) != nil {
						break
					}
					_ = line.Sink.WriteFrame(tone(media.MouthRate, 500, media.MouthFrame))
					pcm = append(pcm, frame...)
				}
				heard <- power(pcm, media.EarRate, 500)
				return untilGone(ctx, line)
			}})
			c, _ := f.dial(t, f.token(t, session.Claims{}))
			var kind struct{ Type string }
			_ = json.Unmarshal([]byte(format), &kind)
			c.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":` + format + `},"output":{"format":` + format + `}}}}`)
			c.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(coded(kind.Type, 25*media.FrameTime)) + `"}`)
			if e := c.next("session.updated"); e.at("session", "audio", "input", "format", "type") != kind.Type {
				t.Errorf("session = %v", e)
			}
			if got := <-heard; got < 0.6 {
				t.Errorf("share of the caller's tone = %.2f", got)
			}
			var got []byte
			for range 10 {
				b, err := base64.StdEncoding.DecodeString(c.next("response.output_audio.delta")["delta"].(string))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, b...)
			}
			pcm, rate := decoded(kind.Type, got)
			if got := power(pcm, rate, 500); got < 0.8 {
				t.Errorf("share of the agent's tone = %.2f", got)
			}
		})
	}
}

func tone(rate, hz, n int) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(9000 * math.Sin(2*math.Pi*float64(hz)*float64(i)/float64(rate)))
	}
	return out
}

func power(pcm []int16, rate, hz int) float64 {
	w := 2 * math.Pi * float64(hz) / float64(rate)
	var re, im, all float64
	for i, s := range pcm {
		re += float64(s) * math.Cos(w*float64(i))
		im += float64(s) * math.Sin(w*float64(i))
		all += float64(s) * float64(s)
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (all * float64(len(pcm)))
}

func coded(kind string, long time.Duration) []byte {
	switch kind {
	case "audio/pcmu":
		return media.EncodePCMU(nil, tone(8000, 500, int(long.Seconds()*8000)))
	case "audio/pcma":
		return media.EncodePCMA(nil, tone(8000, 500, int(long.Seconds()*8000)))
	}
	var b []byte
	for _, s := range tone(24000, 500, int(long.Seconds()*24000)) {
		b = append(b, byte(s), byte(s>>8))
	}
	return b
}

func decoded(kind string, b []byte) ([]int16, int) {
	switch kind {
	case "audio/pcmu":
		return media.DecodePCMU(nil, b), 8000
	case "audio/pcma":
		return media.DecodePCMA(nil, b), 8000
	}
	var pcm []int16
	for i := 0; i+1 < len(b); i += 2 {
		pcm = append(pcm, int16(uint16(b[i])|uint16(b[i+1])<<8))
	}
	return pcm, 24000
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
