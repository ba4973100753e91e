// Package twilio takes telephone calls from Twilio's Media Streams: a webhook that answers
// a call with TwiML, and the WebSocket over which its sound comes (mu-law, 8 kHz). It
// imports session, dialog, media and fault; what is said over the line is dialog's.
//
// The protocol is the one of "Media Streams - WebSocket Messages" and "Validating
// Signatures from Twilio" in Twilio's documentation.
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
	permitLife = 60 * time.Second // between the webhook and its stream
)

// Options is what a Server needs.
type Options struct {
	AuthToken string            // of the Twilio account: signs its requests
	URL       string            // where Twilio reaches this server, https://desk.example; "": as its requests say
	Agent     string            // who answers; "": the default one
	Numbers   map[string]string // number called -> who answers
	Admit     func(context.Context, session.Caller) (*session.Call, error)
	Check     func(context.Context, session.Caller) error
	Log       *zap.Logger
}

// Server is the two endpoints. Safe for concurrent use.
type Server struct {
	o        Options
	key      []byte // of permits
	upgrader websocket.Upgrader
	life     context.Context
	end      context.CancelFunc
	calls    sync.WaitGroup
}

// New makes a server. Close must be called.
func New(o Options) *Server {
	s := &Server{o: o, key: make([]byte, 32), upgrader: websocket.Upgrader{
		HandshakeTimeout: messageTime,
		CheckOrigin:      func(*http.Request) bool { return true }, // the permit decides
	}}
	_, _ = rand.Read(s.key) // never fails
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the calls.
func (s *Server) Close() {
	s.end()
	s.calls.Wait()
}

// ServeHTTP implements http.Handler for everything under /v1/twilio.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, serve := http.MethodPost, s.voice
	switch r.URL.Path {
	case voicePath:
	case streamPath:
		method, serve = http.MethodGet, s.stream
	default:
		fault.Write(w, r, fault.New(fault.NotFound, "there is nothing at %s", r.URL.Path))
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		fault.Write(w, r, fault.New(fault.Method, "%s takes %s only", r.URL.Path, method))
		return
	}
	if err := serve(w, r); err != nil {
		fault.Write(w, r, fault.From(err))
	}
}

// voice answers the webhook of a call: it is connected with a stream, or refused.
func (s *Server) voice(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return fault.Wrap(err, fault.Invalid, "the request is no form")
	}
	if !s.isSigned(r) {
		return fault.New(fault.Forbidden, "this request is not signed with the account's auth token for the address it was sent to")
	}
	who := session.Caller{Agent: s.agent(r), Transport: "twilio", Address: "tel:" + r.PostForm.Get("From"), RequestID: fault.RequestID(r.Context())}
	answer := response{Connect: &connect{Stream: stream{
		URL: "wss" + strings.TrimPrefix(s.base(r), "https") + streamPath,
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

// agent is who answers a webhook's call.
func (s *Server) agent(r *http.Request) string {
	if agent := s.o.Numbers[r.PostForm.Get("To")]; agent != "" {
		return agent
	}
	if agent := r.URL.Query().Get("agent"); agent != "" {
		return agent
	}
	return s.o.Agent
}

// The TwiML that is answered.
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

// base is where Twilio reaches us.
func (s *Server) base(r *http.Request) string {
	if s.o.URL != "" {
		return strings.TrimSuffix(s.o.URL, "/")
	}
	return "https://" + r.Host
}

// isSigned compares the request's signature with the one it should have.
func (s *Server) isSigned(r *http.Request) bool {
	want := signature(s.o.AuthToken, s.base(r)+r.URL.RequestURI(), r.PostForm)
	return hmac.Equal([]byte(want), []byte(r.Header.Get("X-Twilio-Signature")))
}

// signature is HMAC-SHA1 over the URL and every parameter with its values, in order.
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

// permit lets the stream of one call in until a time.
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
