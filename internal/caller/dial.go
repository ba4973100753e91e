package caller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"frontdesk/internal/fault"
)

const (
	requestTimeout = 10 * time.Second
	maxResponse    = 1 << 20 // bytes
)

// errNoMedia says that the server answered but no WebRTC connection came about.
var errNoMedia = errors.New("no WebRTC connection")

// dialServer opens a line to a server. A call without audio falls back to a WebSocket if
// WebRTC does not connect.
func dialServer(ctx context.Context, o Options) (*line, error) {
	s := &server{url: o.URL, agent: o.Agent, http: &http.Client{Transport: &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: requestTimeout / 2}).DialContext,
	}}}
	defer s.http.CloseIdleConnections()
	var err error
	if s.token = o.Resume; s.token == "" {
		if s.token, err = s.clientSecret(ctx, o.Key); err != nil {
			return nil, err
		}
	}
	l, err := s.dialWebRTC(ctx, o.hasAudio())
	if errors.Is(err, errNoMedia) && !o.hasAudio() {
		return s.dialWebSocket(ctx)
	}
	return l, err
}

// server is the HTTP API of a Frontdesk server.
type server struct {
	url   string
	agent string // "": the server's default agent
	token string
	http  *http.Client
}

// clientSecret gets a short-lived client token. key may be empty if the server requires none.
func (s *server) clientSecret(ctx context.Context, key string) (string, error) {
	session := map[string]any{"type": "realtime"}
	if s.agent != "" {
		session["model"] = s.agent
	}
	body, err := json.Marshal(map[string]any{"session": session})
	if err != nil {
		return "", err
	}
	b, err := s.post(ctx, "/v1/realtime/client_secrets", "application/json", key, body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(b, &answer) != nil || answer.Value == "" {
		return "", s.notFrontdesk()
	}
	return answer.Value, nil
}

// exchangeSDP sends an SDP offer and returns the answer.
func (s *server) exchangeSDP(ctx context.Context, sdp string) (string, error) {
	b, err := s.post(ctx, "/v1/realtime/calls"+s.query(), "application/sdp", s.token, []byte(sdp))
	return string(b), err
}

func (s *server) query() string {
	if s.agent == "" {
		return ""
	}
	return "?model=" + url.QueryEscape(s.agent)
}

// notFrontdesk is the error for a server that does not answer as Frontdesk does.
func (s *server) notFrontdesk() error {
	return fault.New(fault.Provider, "the server at %s is not a Frontdesk server", s.url)
}

func (s *server) post(ctx context.Context, path, contentType, bearer string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "invalid URL")
	}
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, s.unreachable(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	switch {
	case err != nil:
		return nil, s.unreachable(err)
	case resp.StatusCode/100 != 2:
		return nil, s.errorFrom(resp.StatusCode, b)
	}
	return b, nil
}

func (s *server) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Timeout, "%s does not answer", s.url)
	}
	return fault.Wrap(err, fault.Unavailable, "cannot reach %s", s.url)
}

// errorFrom returns the error in a server's response.
func (s *server) errorFrom(status int, body []byte) error {
	var answer struct {
		Error struct {
			Code    fault.Code `json:"code"`
			Message string     `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error.Code == "" {
		return fault.Wrap(errors.New(http.StatusText(status)), fault.Provider, "the server at %s is not a Frontdesk server", s.url)
	}
	return fault.New(answer.Error.Code, "%s", answer.Error.Message)
}

const maxEvent = 4 << 20 // bytes of a WebSocket message

// dialWebSocket opens a text-only line over a WebSocket.
func (s *server) dialWebSocket(ctx context.Context) (*line, error) {
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: requestTimeout, Subprotocols: []string{"realtime"}}
	header := http.Header{"Authorization": {"Bearer " + s.token}}
	conn, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/realtime"+s.query(), header)
	if err != nil {
		if resp == nil {
			return nil, s.unreachable(err)
		}
		b, _ := io.ReadAll(io.LimitReader(resp.Body, maxResponse)) // a part of the body is better than none
		return nil, s.errorFrom(resp.StatusCode, b)
	}
	conn.SetReadLimit(maxEvent)
	l := newLine()
	readerDone := make(chan struct{})
	go func() {
		defer close(readerDone)
		defer l.markEnded()
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			l.receive(message)
		}
	}()
	l.send = func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(requestTimeout))
		return conn.WriteMessage(websocket.TextMessage, b)
	}
	l.disconnect = func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		_ = conn.Close()
		<-readerDone
	}
	return l, l.requestTextOnly()
}

// requestTextOnly asks for written replies, before the agent begins to speak.
func (l *line) requestTextOnly() error {
	return l.sendEvent(map[string]any{
		"type":    "session.update",
		"session": map[string]any{"type": "realtime", "output_modalities": []string{"text"}},
	})
}
