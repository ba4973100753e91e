package realtime

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	openai "github.com/openai/openai-go/v3/realtime"
	pion "github.com/pion/webrtc/v4"
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
