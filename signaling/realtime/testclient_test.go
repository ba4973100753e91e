package realtime

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	openai "github.com/openai/openai-go/v3/realtime"
	pion "github.com/pion/webrtc/v4"

	"frontdesk/internal/require"
	"frontdesk/session"
)

// testClient is a client of either transport.
type testClient struct {
	t      testing.TB
	send   func(string)
	events chan event // received and not yet read
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

// receive checks an event against the schema and queues it.
func (c *testClient) receive(raw []byte) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		c.t.Errorf("event %s: %v", raw, err)
		return
	}
	if err := checkSchema(raw); err != nil {
		c.t.Errorf("%v: %s", err, raw)
	}
	c.events <- e
}

// checkSchema decodes an event as OpenAI's own Go client does. It returns an error if a
// required field is missing or a field has another type than in the schema.
func checkSchema(raw []byte) error {
	var u openai.RealtimeServerEventUnion
	if err := json.Unmarshal(raw, &u); err != nil {
		return err
	}
	if strings.HasPrefix(u.Type, "frontdesk.") {
		return nil
	}
	e := u.AsAny()
	if e == nil {
		return fmt.Errorf("the schema has no event %q", u.Type)
	}
	return checkFields(e)
}

// next returns the next event of a type and skips others.
func (c *testClient) next(kind string) event {
	c.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-c.events:
			if !ok {
				c.t.Fatalf("the line ended before %s arrived", kind)
			}
			if e.kind() == kind {
				return e
			}
		case <-timeout:
			c.t.Fatalf("%s did not arrive", kind)
		}
	}
}

// until returns the types of all events up to the first of a type.
func (c *testClient) until(kind string) []string {
	c.t.Helper()
	var kinds []string
	timeout := time.After(20 * time.Second)
	for !slices.Contains(kinds, kind) {
		select {
		case e := <-c.events:
			kinds = append(kinds, e.kind())
		case <-timeout:
			c.t.Fatalf("%s did not arrive after %v", kind, kinds)
		}
	}
	return kinds
}

// dialWebSocket calls over a WebSocket with a key or token; "" makes a new token.
func (f *fixture) dialWebSocket(t testing.TB, token string) (*testClient, *websocket.Conn) {
	t.Helper()
	if token == "" {
		token = f.token(t, session.Claims{})
	}
	d := websocket.Dialer{Subprotocols: []string{subprotocol, tokenSubprotocol + token}}
	conn, resp, err := d.Dial("ws"+strings.TrimPrefix(f.URL, "http")+"/v1/realtime?model=demo", nil)
	if err != nil {
		t.Fatalf("%v (%+v)", err, resp)
	}
	if conn.Subprotocol() != subprotocol {
		t.Errorf("subprotocol = %q", conn.Subprotocol())
	}
	c := &testClient{t: t, events: make(chan event, 4096), send: func(s string) {
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
			c.receive(raw)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return c, conn
}

// dialWebRTC calls over WebRTC with audio, as a browser does. It also returns the URL of
// the call.
func (f *fixture) dialWebRTC(t testing.TB, token string) (*testClient, string) {
	t.Helper()
	var s pion.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	pc, err := pion.NewAPI(pion.WithSettingEngine(s)).NewPeerConnection(pion.Configuration{})
	require.NoError(t, err)
	t.Cleanup(func() { pc.GracefulClose() })
	if _, err := pc.AddTransceiverFromKind(pion.RTPCodecTypeAudio); err != nil {
		t.Fatal(err)
	}
	channel, err := pc.CreateDataChannel("oai-events", nil)
	require.NoError(t, err)
	c := &testClient{t: t, events: make(chan event, 4096), send: func(s string) {
		if err := channel.SendText(s); err != nil {
			t.Errorf("send: %v", err)
		}
	}}
	channel.OnMessage(func(m pion.DataChannelMessage) { c.receive(m.Data) })
	offer, err := pc.CreateOffer(nil)
	require.NoError(t, err)
	gathered := pion.GatheringCompletePromise(pc)
	require.NoError(t, pc.SetLocalDescription(offer))
	<-gathered
	body, kind := form(t.(*testing.T), map[string]string{
		"sdp": pc.LocalDescription().SDP, "session": `{"type":"realtime","model":"demo"}`,
	})
	req, _ := http.NewRequest("POST", f.URL+"/v1/realtime/calls", strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := f.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if resp.StatusCode != 201 || resp.Header.Get("Content-Type") != "application/sdp" {
		t.Fatalf("%s: %s", resp.Status, answer)
	}
	require.NoError(t, pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(answer)}))
	return c, resp.Header.Get("Location")
}
