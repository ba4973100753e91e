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

	"frontdesk/internal/require"
)

// patience bounds every wait; it is generous because the machine may be busy.
const patience = 45 * time.Second

// event is one of the server's events.
type event map[string]any

// at returns the value at a path; nil if it is missing.
func (e event) at(path ...string) any {
	var v any = map[string]any(e)
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

// text returns the string at a path; "" if it is missing.
func (e event) text(path ...string) string {
	s, _ := e.at(path...).(string)
	return s
}

// words returns the text of items, such as the output of a response.
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

// client speaks the Realtime API over one connection.
type client struct {
	send    func(message []byte) error
	hangUp  func()
	events  chan event // closed when the connection ends
	err     error      // why the connection ended, once events is closed
	seen    []string   // types of all events so far, for failure messages
	notices []event
	session string
	call    string // id
	resume  string // token
}

var errConnectionEnded = errors.New("the connection ended")

// next waits for the next event.
func (c *client) next() (event, error) {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case e, ok := <-c.events:
		if !ok {
			return nil, fmt.Errorf("%w: %v; events so far: %v", errConnectionEnded, c.err, c.seen)
		}
		c.seen = append(c.seen, e.text("type"))
		if e.text("type") == "frontdesk.notice" {
			c.notices = append(c.notices, e)
		}
		return e, nil
	case <-timeout.C:
		return nil, fmt.Errorf("no event for %v; events so far: %v", patience, c.seen)
	}
}

// await skips events until one of the type arrives.
func (c *client) await(kind string) (event, error) {
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

// expect is await, but fails the test if the event does not arrive.
func (c *client) expect(t *testing.T, kind string) event {
	t.Helper()
	e, err := c.await(kind)
	require.NoError(t, err)
	return e
}

// awaitNotice waits for a notice with the code and a message, unless it has arrived already.
func (c *client) awaitNotice(t *testing.T, code string) {
	t.Helper()
	for !slices.ContainsFunc(c.notices, func(e event) bool { return e.text("code") == code && e.text("message") != "" }) {
		c.expect(t, "frontdesk.notice")
	}
}

// sendEvent sends an event.
func (c *client) sendEvent(e event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return c.send(b)
}

// ask types text and returns the reply to it.
func (c *client) ask(text string) (string, error) {
	item := event{"type": "message", "role": "user", "content": []any{event{"type": "input_text", "text": text}}}
	if err := c.sendEvent(event{"type": "conversation.item.create", "item": item}); err != nil {
		return "", err
	}
	if err := c.sendEvent(event{"type": "response.create"}); err != nil {
		return "", err
	}
	done, err := c.await("response.done")
	if err != nil {
		return "", fmt.Errorf("ask %q: %w", text, err)
	}
	output, _ := done.at("response", "output").([]any)
	return words(output...), nil
}

// answers types text, and fails the test unless the reply contains all of the words.
func (c *client) answers(t *testing.T, text string, want ...string) string {
	t.Helper()
	reply, err := c.ask(text)
	require.NoError(t, err)
	for _, w := range want {
		if !strings.Contains(strings.ToLower(reply), strings.ToLower(w)) {
			t.Fatalf("asked %q, got %q, want %q in it", text, reply, w)
		}
	}
	return reply
}

// begin waits for the first events of a call and, if hasGreeting, for the greeting.
func (c *client) begin(t *testing.T, hasGreeting bool) {
	t.Helper()
	c.expect(t, "session.created")
	hello := c.expect(t, "frontdesk.session")
	c.session, c.call, c.resume = hello.text("session"), hello.text("call"), hello.text("resume_token")
	if hasGreeting {
		c.expect(t, "response.done")
	}
}

// receive queues a message from the server.
func (c *client) receive(ctx context.Context, message []byte) {
	var e event
	if json.Unmarshal(message, &e) != nil {
		e = event{"type": "not JSON: " + string(message)}
	}
	select {
	case c.events <- e:
	case <-ctx.Done():
	}
}

// token gets a client token from the server.
func (s *server) token(t *testing.T) string {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/client_secrets", "application/json", strings.NewReader("{}"), nil)
	var secret struct{ Value string }
	if err := json.Unmarshal(body, &secret); err != nil || secret.Value == "" {
		t.Fatalf("client_secrets: %s: %s", resp.Status, body)
	}
	return secret.Value
}

// post sends a body and returns the response with its whole body.
func (s *server) post(t *testing.T, path, contentType string, body io.Reader, header http.Header) (*http.Response, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, body)
	require.NoError(t, err)
	for k, v := range header {
		req.Header[k] = v
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return do(t, req)
}

// insecure trusts any certificate, because the tests create their own.
var insecure = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // loopback only

var httpClient = &http.Client{Transport: &http.Transport{TLSClientConfig: insecure}}

func do(t *testing.T, req *http.Request) (*http.Response, []byte) {
	t.Helper()
	resp, err := httpClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, body
}

// hangup ends a call through the API.
func (s *server) hangup(t *testing.T, c *client) {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/calls/"+c.call+"/hangup", "", nil, bearer(c.resume))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("hangup: %s: %s", resp.Status, body)
	}
}

// openText opens a text-only call over WebSocket. The end of the test closes it.
func (s *server) openText(t *testing.T, token string) *client {
	t.Helper()
	c, _ := s.openWebSocket(t, token)
	require.NoError(t, c.sendEvent(event{"type": "session.update", "session": event{"type": "realtime", "output_modalities": []string{"text"}}}))
	return c
}

// openWebSocket opens a call over WebSocket in which the agent speaks.
func (s *server) openWebSocket(t *testing.T, token string) (*client, *websocket.Conn) {
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
	readerDone := make(chan struct{})
	go func() {
		defer close(readerDone)
		defer close(c.events)
		for {
			_, m, err := conn.ReadMessage()
			if err != nil {
				c.err = err
				return
			}
			c.receive(ctx, m)
		}
	}()
	t.Cleanup(func() {
		cancel()
		conn.Close()
		<-readerDone
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

// openWebRTC opens a call over WebRTC; with tcpOnly, ICE uses only TCP.
func (s *server) openWebRTC(t *testing.T, token string, tcpOnly bool) *peer {
	t.Helper()
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if tcpOnly {
		set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = pc.GracefulClose() })
	p := &peer{pc: pc, client: &client{events: make(chan event, 4096)}, remote: make(chan *webrtc.TrackRemote, 1)}
	p.voice, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "caller")
	require.NoError(t, err)
	if _, err := pc.AddTrack(p.voice); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.remote <- track })
	opened := p.createChannel(t)
	answer := s.exchangeSDP(t, token, p.offer(t))
	require.NoError(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	select {
	case <-opened:
	case <-time.After(patience):
		t.Fatal("the data channel did not open")
	}
	return p
}

// createChannel creates the data channel. The returned channel is closed when it is open.
func (p *peer) createChannel(t *testing.T) <-chan struct{} {
	t.Helper()
	channel, err := p.pc.CreateDataChannel("oai-events", nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	opened := make(chan struct{})
	channel.OnOpen(func() { close(opened) })
	channel.OnMessage(func(m webrtc.DataChannelMessage) { p.receive(ctx, m.Data) })
	channel.OnClose(func() { close(p.events) })
	p.send = func(m []byte) error { return channel.SendText(string(m)) }
	p.hangUp = func() { _ = p.pc.GracefulClose() }
	return opened
}

// offer returns an SDP offer with all ICE candidates.
func (p *peer) offer(t *testing.T) string {
	t.Helper()
	gathered := webrtc.GatheringCompletePromise(p.pc)
	offer, err := p.pc.CreateOffer(nil)
	if err == nil {
		err = p.pc.SetLocalDescription(offer)
	}
	require.NoError(t, err)
	<-gathered
	return p.pc.LocalDescription().SDP
}

// exchangeSDP sends an SDP offer and returns the answer.
func (s *server) exchangeSDP(t *testing.T, token, offer string) string {
	t.Helper()
	resp, body := s.post(t, "/v1/realtime/calls", "application/sdp", strings.NewReader(offer), http.Header{"Authorization": {"Bearer " + token}})
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("offer: %s: %s", resp.Status, body)
	}
	return string(body)
}

// hasSeen reports whether an event of the type has arrived.
func (c *client) hasSeen(kind string) bool { return slices.Contains(c.seen, kind) }
