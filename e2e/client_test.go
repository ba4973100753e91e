package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
)

// patience is how long anything may take on a busy machine.
const patience = 45 * time.Second

// event is one of the server's events.
type event map[string]any

// at is the value at a path, nil where there is none.
func (e event) at(path ...string) any {
	var v any = map[string]any(e)
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// text is the string at a path, "" where there is none.
func (e event) text(path ...string) string {
	s, _ := e.at(path...).(string)
	return s
}

// words is all that an item, or what a response put out, says.
func words(items ...any) string {
	var all []string
	for _, it := range items {
		parts, _ := event{"item": it}.at("item", "content").([]any)
		for _, p := range parts {
			for _, key := range []string{"text", "transcript"} {
				if s := (event{"part": p}).text("part", key); s != "" {
					all = append(all, s)
				}
			}
		}
	}
	return strings.Join(all, " ")
}

// client speaks the Realtime API over one line.
type client struct {
	send    func(message []byte) error
	hangUp  func()
	events  chan event // closed when the line ends
	err     error      // why the line ended, once events is closed
	seen    []string   // types of the events so far, for failures
	notices []event
	session string
	call    string // id
	resume  string // token
}

var errLineEnded = errors.New("the line ended")

// next is the next event.
func (c *client) next() (event, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case e, ok := <-c.events:
		if !ok {
			return nil, fmt.Errorf("%w: %v; events so far: %v", errLineEnded, c.err, c.seen)
		}
		c.seen = append(c.seen, e.text("type"))
		if e.text("type") == "frontdesk.notice" {
			c.notices = append(c.notices, e)
		}
		return e, nil
	case <-late.C:
		return nil, fmt.Errorf("no event for %v; events so far: %v", patience, c.seen)
	}
}

// until skips events to the first of a type.
func (c *client) until(kind string) (event, error) {
	for {
		e, err := c.next()
		if err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", kind, err)
		}
		if e.text("type") == kind {
			return e, nil
		}
	}
}

// expect is until for tests that cannot go on without it.
func (c *client) expect(t *testing.T, kind string) event {
	t.Helper()
	e, err := c.until(kind)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// noticed waits until the caller was told of something, in words, if that is still to come.
func (c *client) noticed(t *testing.T, code string) {
	t.Helper()
	for !slices.ContainsFunc(c.notices, func(e event) bool { return e.text("code") == code && e.text("message") != "" }) {
		c.expect(t, "frontdesk.notice")
	}
}

// tell sends an event.
func (c *client) tell(e event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return c.send(b)
}

// ask types text and returns the reply to it.
func (c *client) ask(text string) (string, error) {
	item := event{"type": "message", "role": "user", "content": []any{event{"type": "input_text", "text": text}}}
	if err := c.tell(event{"type": "conversation.item.create", "item": item}); err != nil {
		return "", err
	}
	if err := c.tell(event{"type": "response.create"}); err != nil {
		return "", err
	}
	done, err := c.until("response.done")
	if err != nil {
		return "", fmt.Errorf("ask %q: %w", text, err)
	}
	output, _ := done.at("response", "output").([]any)
	return words(output...), nil
}

// answers asks, and fails the test unless the reply holds all of the words.
func (c *client) answers(t *testing.T, text string, want ...string) string {
	t.Helper()
	reply, err := c.ask(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !strings.Contains(strings.ToLower(reply), strings.ToLower(w)) {
			t.Fatalf("asked %q, got %q, without %q", text, reply, w)
		}
	}
	return reply
}

// begin takes what every line begins with, and the greeting where there is one.
func (c *client) begin(t *testing.T, greeting bool) {
	t.Helper()
	c.expect(t, "session.created")
	hello := c.expect(t, "frontdesk.session")
	c.session, c.call, c.resume = hello.text("session"), hello.text("call"), hello.text("resume_token")
	if greeting {
		c.expect(t, "response.done")
	}
}

// take queues a message of the server.
func (c *client) take(ctx context.Context, message []byte) {
	var e event
	if json.Unmarshal(message, &e) != nil {
		e = event{"type": "not JSON: " + string(message)}
	}
	select {
	case c.events <- e:
	case <-ctx.Done():
	}
}

// token is a client token of the server's.
func (s *server) token(t *testing.T) string {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/client_secrets", "application/json", strings.NewReader("{}"), nil)
	var secret struct{ Value string }
	if err := json.Unmarshal(body, &secret); err != nil || secret.Value == "" {
		t.Fatalf("client_secrets: %s: %s", resp.Status, body)
	}
	return secret.Value
}

// post sends a body and returns the answer, which is read whole.
func (s *server) post(t *testing.T, path, contentType string, body io.Reader, header http.Header) (*http.Response, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return do(t, req)
}

// insecure trusts any certificate: the tests make their own.
var insecure = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // of this machine

var httpClient = &http.Client{Transport: &http.Transport{TLSClientConfig: insecure}}

func do(t *testing.T, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := httpClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// hangup ends a call as its client may.
func (s *server) hangup(t *testing.T, c *client) {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/calls/"+c.call+"/hangup", "", nil, bearer(c.resume))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("hangup: %s: %s", resp.Status, body)
	}
}

// typing opens a line of text over WebSocket. The test's end closes it.
func (s *server) typing(t *testing.T, token string) *client {
	t.Helper()
	c, _ := s.socket(t, token)
	if err := c.tell(event{"type": "session.update", "session": event{"type": "realtime", "output_modalities": []string{"text"}}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// socket opens a line over WebSocket, which speaks.
func (s *server) socket(t *testing.T, token string) (*client, *websocket.Conn) {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience, TLSClientConfig: insecure}
	conn, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.url, "http")+"/v1/realtime",
		http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		t.Fatalf("dial: %v (%+v)", err, resp)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &client{
		events: make(chan event, 256),
		send:   func(m []byte) error { return conn.WriteMessage(websocket.TextMessage, m) },
		hangUp: func() {
			_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		},
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(c.events)
		for {
			_, m, err := conn.ReadMessage()
			if err != nil {
				c.err = err
				return
			}
			c.take(ctx, m)
		}
	}()
	t.Cleanup(func() {
		cancel()
		conn.Close()
		<-read
	})
	return c, conn
}

// peer is a client over WebRTC.
type peer struct {
	*client
	pc     *webrtc.PeerConnection
	voice  *webrtc.TrackLocalStaticRTP
	remote chan *webrtc.TrackRemote
}

// call opens a line over WebRTC, over TCP alone if so wanted.
func (s *server) call(t *testing.T, token string, tcpOnly bool) *peer {
	t.Helper()
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if tcpOnly {
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.GracefulClose() })
	p := &peer{pc: pc, client: &client{events: make(chan event, 4096)}, remote: make(chan *webrtc.TrackRemote, 1)}
	p.voice, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "caller")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(p.voice); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.remote <- track })
	opened := p.channel(t)
	answer := s.offer(t, token, p.offer(t))
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-opened:
	case <-time.After(patience):
		t.Fatal("no connection came about")
	}
	return p
}

// channel makes the data channel and returns what is closed when it is open.
func (p *peer) channel(t *testing.T) <-chan struct{} {
	t.Helper()
	channel, err := p.pc.CreateDataChannel("oai-events", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	opened := make(chan struct{})
	channel.OnOpen(func() { close(opened) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { p.take(ctx, m.Data) })
	channel.OnClose(func() { close(p.events) })
	p.send = func(m []byte) error { return channel.SendText(string(m)) }
	p.hangUp = func() { _ = p.pc.GracefulClose() }
	return opened
}

func (p *peer) offer(t *testing.T) string {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(nil)
	if err == nil {
		err = p.pc.SetLocalDescription(offer)
	}
	if err != nil {
		t.Fatal(err)
	}
	<-gathered
	return p.pc.LocalDescription().SDP
}

// offer sends an SDP offer and returns the answer.
func (s *server) offer(t *testing.T, token, offer string) string {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(offer), http.Header{"Authorization": {"Bearer " + token}})
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("offer: %s: %s", resp.Status, body)
	}
	return string(body)
}

// had is whether an event of a type came so far.
func (c *client) had(kind string) bool { return slices.Contains(c.seen, kind) }
