// Package twilio serves telephone calls over Twilio's Media Streams: a webhook that answers
// a call with TwiML, and the WebSocket that carries its audio (mu-law, 8 kHz) in both
// directions. The TwiML holds a permit, which the WebSocket must present. It imports
// session, dialog, media and internal/fault.
//
// The protocol is described in "Media Streams - WebSocket Messages" and "Validating
// Signatures from Twilio" of Twilio's documentation.
package twilio

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

const (
	voicePath  = "/v1/twilio/voice"
	streamPath = "/v1/twilio/stream"
	maxForm    = 64 << 10         // bytes of a webhook
	permitLife = 60 * time.Second // from the webhook to the start of its stream
)

// Options is what a Server needs.
type Options struct {
	AuthToken string            // of the Twilio account, which signs requests with it
	URL       string            // of this server as Twilio knows it, https://desk.example; "" takes the requests' Host
	Agent     string            // name of the agent that answers; "" for the default one
	Numbers   map[string]string // called number to the name of its agent
	Admit     func(context.Context, session.Caller) (*session.Call, error)
	Check     func(context.Context, session.Caller) error
	Log       *zap.Logger
}

// Server serves the webhook and the streams. Safe for concurrent use.
type Server struct {
	o        Options
	key      []byte // signs permits
	upgrader websocket.Upgrader
	life     context.Context // parent of every call's context
	end      context.CancelFunc
	calls    sync.WaitGroup
}

// New makes a server. Close must be called.
func New(o Options) *Server {
	s := &Server{o: o, key: make([]byte, 32), upgrader: websocket.Upgrader{
		HandshakeTimeout: messageTimeout,
		CheckOrigin:      func(*http.Request) bool { return true }, // permits are checked instead
	}}
	_, _ = rand.Read(s.key) // never fails
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the calls and waits for them.
func (s *Server) Close() {
	s.end()
	s.calls.Wait()
}

// ServeHTTP implements http.Handler for everything under /v1/twilio.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, serve := http.MethodPost, s.serveWebhook
	switch r.URL.Path {
	case voicePath:
	case streamPath:
		method, serve = http.MethodGet, s.serveStream
	default:
		fault.Write(w, r, fault.New(fault.NotFound, "unknown endpoint %s", r.URL.Path))
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		fault.Write(w, r, fault.New(fault.Method, "%s accepts only %s", r.URL.Path, method))
		return
	}
	if err := serve(w, r); err != nil {
		fault.Write(w, r, fault.From(err))
	}
}

// serveWebhook answers the webhook of a call: with a stream, or with a rejection.
func (s *Server) serveWebhook(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return fault.Wrap(err, fault.Invalid, "the body is not a valid form")
	}
	if !s.isSigned(r) {
		return fault.New(fault.Forbidden, "the request has no valid X-Twilio-Signature: check auth_token and url in the configuration")
	}
	who := session.Caller{Agent: s.agent(r), Transport: "twilio", Address: "tel:" + r.PostForm.Get("From"), RequestID: fault.RequestID(r.Context())}
	answer := response{Connect: &connect{Stream: stream{
		URL: "wss" + strings.TrimPrefix(s.baseURL(r), "https") + streamPath,
		Parameters: []parameter{
			{"permit", s.permit(r.PostForm.Get("CallSid"), time.Now().Add(permitLife))},
			{"agent", who.Agent}, {"from", r.PostForm.Get("From")},
		},
	}}}
	if err := s.o.Check(r.Context(), who); err != nil {
		s.o.Log.Info("telephone call refused", zap.String("code", string(fault.From(err).Code)), zap.Error(err))
		answer = response{Reject: &reject{Reason: "busy"}}
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write([]byte(xml.Header))
	return xml.NewEncoder(w).Encode(answer)
}

// agent returns the name of the agent that answers a webhook's call.
func (s *Server) agent(r *http.Request) string {
	if agent := s.o.Numbers[r.PostForm.Get("To")]; agent != "" {
		return agent
	}
	if agent := r.URL.Query().Get("agent"); agent != "" {
		return agent
	}
	return s.o.Agent
}

// The TwiML of the answer.
type (
	response struct {
		XMLName xml.Name `xml:"Response"`
		Connect *connect `xml:"Connect,omitempty"`
		Reject  *reject  `xml:"Reject,omitempty"`
	}
	connect struct {
		Stream stream `xml:"Stream"`
	}
	stream struct {
		URL        string      `xml:"url,attr"`
		Parameters []parameter `xml:"Parameter"`
	}
	parameter struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	reject struct {
		Reason string `xml:"reason,attr"`
	}
)

// baseURL returns the URL of this server as Twilio knows it.
func (s *Server) baseURL(r *http.Request) string {
	if s.o.URL != "" {
		return strings.TrimSuffix(s.o.URL, "/")
	}
	return "https://" + r.Host
}

// isSigned reports whether the request has Twilio's signature.
func (s *Server) isSigned(r *http.Request) bool {
	want := signature(s.o.AuthToken, s.baseURL(r)+r.URL.RequestURI(), r.PostForm)
	return hmac.Equal([]byte(want), []byte(r.Header.Get("X-Twilio-Signature")))
}

// signature returns Twilio's signature: HMAC-SHA1 over the URL and the sorted parameters.
func signature(token, url string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(url))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		values := slices.Clone(form[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// permit returns a signed permit for the stream of one call, valid until the given time.
func (s *Server) permit(call string, until time.Time) string {
	stamp := strconv.FormatInt(until.Unix(), 36)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(stamp + " " + call))
	return stamp + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (s *Server) isPermitted(permit, call string, now time.Time) bool {
	stamp, _, _ := strings.Cut(permit, "-")
	unix, err := strconv.ParseInt(stamp, 36, 64)
	until := time.Unix(unix, 0)
	return err == nil && call != "" && now.Before(until) && hmac.Equal([]byte(permit), []byte(s.permit(call, until)))
}
