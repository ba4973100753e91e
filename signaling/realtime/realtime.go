// Package realtime serves the OpenAI Realtime API (GA form): tokens, calls over WebRTC
// with events on a data channel, and calls over WebSocket with audio in events. It turns
// client events into a conversation's inputs and the conversation's events into server
// events; Frontdesk's own events are named frontdesk.*. It imports session, dialog, media,
// tools, internal/fault and signaling/webrtc.
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

	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/webrtc"
)

// Options is what a Server needs.
type Options struct {
	Desk      *session.Desk
	Tokens    *session.Tokens
	Transport *webrtc.Transport
	Keys      session.Keys // server keys: a request that carries one is trusted
	Origins   []string     // of other sites' pages that may call, "https://shop.example"; "*" allows all
	Log       *zap.Logger
}

// Server serves the API's endpoints. Safe for concurrent use.
type Server struct {
	o     Options
	mux   *http.ServeMux
	life  context.Context // parent of every call's context
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
		{"POST", "/v1/realtime/client_secrets", s.createClientSecret},
		{"POST", "/v1/realtime/calls", s.createCall},
		{"POST", "/v1/realtime/calls/{id}/hangup", s.hangUp},
		{"POST", "/v1/realtime/calls/{id}/refer", s.refer},
		{"POST", "/v1/realtime/calls/{id}/accept", s.refuseAcceptance},
		{"POST", "/v1/realtime/calls/{id}/reject", s.refuseAcceptance},
		{"GET", "/v1/realtime", s.serveWebSocket},
	}
	for _, r := range routes {
		s.mux.HandleFunc(r.path, s.endpoint(r.method, r.serve))
	}
	s.mux.HandleFunc("/", s.endpoint("", func(_ http.ResponseWriter, r *http.Request) error {
		return fault.New(fault.NotFound, "unknown endpoint %s %s", r.Method, r.URL.Path)
	}))
	return s
}

// ServeHTTP implements http.Handler for everything under /v1/realtime.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Shutdown waits until all calls are over. If ctx ends first, it closes their lines and
// waits for the calls to notice.
func (s *Server) Shutdown(ctx context.Context) {
	unhook := context.AfterFunc(ctx, func() { s.end(errStopping) })
	defer unhook()
	s.calls.Wait()
	s.end(errStopping)
}

// endpoint checks the method and the origin, writes the CORS headers, calls serve and
// writes its error.
func (s *Server) endpoint(method string, serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.handleCORS(w, r, method) {
			return
		}
		if method != "" && r.Method != method {
			w.Header().Set("Allow", method)
			fault.Write(w, r, fault.New(fault.Method, "%s accepts only %s", r.URL.Path, method))
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

// remoteIP returns the address a request comes from, without its port.
func remoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
