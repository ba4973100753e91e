// Package realtime lets callers in by the OpenAI Realtime API (GA form): tokens,
// calls over WebRTC with events on a data channel, and calls over WebSocket. A
// client's events become what dialog hears, and what dialog tells becomes the
// server's events; own additions are named frontdesk.*. It imports session, dialog,
// media, tools, fault and signaling/webrtc.
//
// The schema is that of https://platform.openai.com/docs/api-reference/realtime.
package realtime

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/webrtc"
)

// Desk admits callers.
type Desk interface {
	// Admit returns a call that Run or Hangup must be called of. The error is a fault.Error.
	Admit(ctx context.Context, who session.Caller) (Call, error)
	// Check says why Admit would refuse who, and changes nothing.
	Check(ctx context.Context, who session.Caller) error
	// Find returns a call that is admitted and not over.
	Find(id string) (Call, bool)
}

// Call is an admitted call, as session.Call.
type Call interface {
	ID() string
	Session() string
	ResumeToken() string
	Agent() *dialog.Agent
	History() []dialog.Message
	Run(ctx context.Context, line dialog.Line) session.Ending
	// Owner reports whether who may hang up.
	Owner(who session.Caller) bool
	Hangup()
	// Refer has the caller's own network connect them with another number or SIP address,
	// which ends the call.
	Refer(ctx context.Context, to string) error
}

// AtDesk is d as a Desk.
func AtDesk(d *session.Desk) Desk { return desk{d} }

type desk struct{ *session.Desk }

func (d desk) Admit(ctx context.Context, who session.Caller) (Call, error) {
	c, err := d.Desk.Admit(ctx, who)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d desk) Find(id string) (Call, bool) {
	c, ok := d.Desk.Find(id)
	return c, ok
}

// Options is what a Server needs.
type Options struct {
	Desk      Desk
	Tokens    *session.Tokens
	Transport *webrtc.Transport
	Keys      session.Keys // who brings one is trusted
	Origins   []string     // of pages that may call beside our own, "https://shop.example"; "*" is any
	Log       *zap.Logger
}

// Server is the API's endpoints. Safe for concurrent use.
type Server struct {
	o     Options
	mux   *http.ServeMux
	life  context.Context // of the calls
	end   context.CancelCauseFunc
	calls sync.WaitGroup
}

// New makes a server. Shutdown must be called.
func New(o Options) *Server {
	s := &Server{o: o, mux: http.NewServeMux()}
	s.life, s.end = context.WithCancelCause(context.Background())
	s.o.Keys = slices.DeleteFunc(slices.Clone(o.Keys), func(k string) bool { return k == "" })
	routes := []struct {
		method, path string
		serve        func(http.ResponseWriter, *http.Request) error
	}{
		{"POST", "/v1/realtime/client_secrets", s.clientSecret},
		{"POST", "/v1/realtime/calls", s.call},
		{"POST", "/v1/realtime/calls/{id}/hangup", s.hangup},
		{"POST", "/v1/realtime/calls/{id}/refer", s.refer},
		{"POST", "/v1/realtime/calls/{id}/accept", s.notForThisCall},
		{"POST", "/v1/realtime/calls/{id}/reject", s.notForThisCall},
		{"GET", "/v1/realtime", s.socket},
	}
	for _, r := range routes {
		s.mux.HandleFunc(r.path, s.endpoint(r.method, r.serve))
	}
	s.mux.HandleFunc("/", s.endpoint("", func(_ http.ResponseWriter, r *http.Request) error {
		return fault.New(fault.NotFound, "there is nothing at %s %s", r.Method, r.URL.Path)
	}))
	return s
}

// ServeHTTP implements http.Handler for everything under /v1/realtime.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Shutdown waits until all calls are over. When ctx ends first, it breaks their
// lines and waits for that.
func (s *Server) Shutdown(ctx context.Context) {
	unhook := context.AfterFunc(ctx, func() { s.end(errStopping) })
	defer unhook()
	s.calls.Wait()
	s.end(errStopping)
}

// endpoint gives serve its method, its CORS headers and its error's answer.
func (s *Server) endpoint(method string, serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.cors(w, r, method) {
			return
		}
		if method != "" && r.Method != method {
			w.Header().Set("Allow", method)
			fault.Write(w, r, fault.New(fault.Method, "%s takes %s only", r.URL.Path, method))
			return
		}
		err := s.checkOrigin(r)
		if err == nil {
			err = serve(w, r)
		}
		if err != nil {
			f := fault.From(err)
			if f.Code == fault.Internal {
				s.o.Log.Error("request failed", zap.String("request", fault.RequestID(r.Context())),
					zap.String("path", r.URL.Path), zap.Error(err))
			}
			fault.Write(w, r, f)
		}
	}
}

// address is where a request comes from.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
