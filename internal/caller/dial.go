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
	requestTime = 10 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// errNoMedia says that the server answered, but WebRTC does not get through.
var errNoMedia = errors.New("no way for WebRTC was found")

// dial opens a line. A call that is only typed goes on over a WebSocket where WebRTC
// does not get through.
func dial(ctx context.Context, o options) (*line, error) {
	s := &server{url: o.url, agent: o.agent, http: &http.Client{Transport: &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: requestTime / 2}).DialContext,
	}}}
	defer s.http.CloseIdleConnections()
	var err error
	if s.token = o.resume; s.token == "" {
		if s.token, err = s.secret(ctx, o.key); err != nil {
			return nil, err
		}
	}
	l, err := s.dialRTC(ctx, o.voiced())
	if errors.Is(err, errNoMedia) && !o.voiced() {
		return s.dialSocket(ctx)
	}
	return l, err
}

// server is a Frontdesk server as a client sees it.
type server struct {
	url   string
	agent string // "" is the server's default one
	token string
	http  *http.Client
}

// secret gets a short-lived token. Without a key the server decides whether it gives one.
func (s *server) secret(ctx context.Context, key string) (string, error) {
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
		return "", s.foreign()
	}
	return answer.Value, nil
}

// offer gives the server an SDP offer and returns its answer.
func (s *server) offer(ctx context.Context, sdp string) (string, error) {
	b, err := s.post(ctx, "/v1/realtime/calls"+s.query(), "application/sdp", s.token, []byte(sdp))
	return string(b), err
}

func (s *server) query() string {
	if s.agent == "" {
		return ""
	}
	return "?model=" + url.QueryEscape(s.agent)
}

// foreign is what to say of a server that answers otherwise than Frontdesk does.
func (s *server) foreign() error {
	return fault.New(fault.Provider, "what answers at %s is not a Frontdesk server", s.url)
}

func (s *server) post(ctx context.Context, path, contentType, bearer string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the URL cannot be used")
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
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, s.unreachable(err)
	case resp.StatusCode/100 != 2:
		return nil, s.refusal(resp.StatusCode, b)
	}
	return b, nil
}

func (s *server) unreachable(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Timeout, "%s does not answer", s.url)
	}
	return fault.Wrap(err, fault.Unavailable, "%s cannot be reached", s.url)
}

// refusal is the error that a server answered.
func (s *server) refusal(status int, body []byte) error {
	var answer struct {
		Error struct {
			Code    fault.Code `json:"code"`
			Message string     `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Error.Code == "" {
		return fault.Wrap(errors.New(http.StatusText(status)), fault.Provider, "what answers at %s is not a Frontdesk server", s.url)
	}
	return fault.New(answer.Error.Code, "%s", answer.Error.Message)
}

const maxEvent = 4 << 20 // bytes of a message on the WebSocket

// dialSocket opens a line of text over a WebSocket.
func (s *server) dialSocket(ctx context.Context) (*line, error) {
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: requestTime, Subprotocols: []string{"realtime"}}
	header := http.Header{"Authorization": {"Bearer " + s.token}}
	conn, resp, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/realtime"+s.query(), header)
	if err != nil {
		if resp == nil {
			return nil, s.unreachable(err)
		}
		b, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // what there is of it
		return nil, s.refusal(resp.StatusCode, b)
	}
	conn.SetReadLimit(maxEvent)
	l := newLine()
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer l.ended()
		for {
			_, message, err := conn.ReadMessage()
			if err != nil {
				return
			}
			l.take(message)
		}
	}()
	l.send = func(b []byte) error {
		_ = conn.SetWriteDeadline(time.Now().Add(requestTime))
		return conn.WriteMessage(websocket.TextMessage, b)
	}
	l.hang = func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
		_ = conn.Close()
		<-read
	}
	return l, l.textOnly()
}

// textOnly asks for replies in writing, before the agent begins to speak.
func (l *line) textOnly() error {
	return l.tell(map[string]any{
		"type":    "session.update",
		"session": map[string]any{"type": "realtime", "output_modalities": []string{"text"}},
	})
}
