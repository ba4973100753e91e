// Package web serves Frontdesk's HTTP: the call page, the list of agents, health checks
// and metrics. It gives every request an id, a log line and a JSON error, and takes the
// endpoints of signaling as handlers. It imports session (for Metrics), dialog and
// internal/fault.
package web

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Options is what the handler serves.
type Options struct {
	Realtime http.Handler           // for everything under /v1/realtime
	Calls    http.Handler           // for everything under /v1/calls
	Twilio   http.Handler           // for everything under /v1/twilio; nil disables it
	MCP      http.Handler           // for /mcp and everything under it; nil disables it
	Metrics  http.Handler           // for /metrics
	Agents   func() []*dialog.Agent // agents that callers may call, the default one first
	Ready    func() error           // returns nil while new calls are accepted
	ICE      []ICEServer            // for the page and other clients
	Proxies  Proxies
	Log      *zap.Logger
}

// ICEServer is a STUN or TURN server, in the form of the browser's RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Handler returns the handler of all requests.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/realtime", o.Realtime)
	mux.Handle("/v1/realtime/", o.Realtime)
	mux.Handle("/v1/calls", o.Calls)
	mux.Handle("/v1/calls/", o.Calls)
	if o.Twilio != nil {
		mux.Handle("/v1/twilio/", o.Twilio)
	}
	if o.MCP != nil {
		mux.Handle("/mcp", o.MCP)
		mux.Handle("/mcp/", o.MCP)
	}
	handleGet(mux, "/v1/agents", o.listAgents)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		fault.Write(w, r, fault.New(fault.NotFound, "unknown endpoint %s %s", r.Method, r.URL.Path))
	})
	handleGet(mux, "/metrics", o.Metrics.ServeHTTP)
	handleGet(mux, "/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	handleGet(mux, "/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.Ready(); err != nil {
			fault.Write(w, r, err)
			return
		}
		writeJSON(w, map[string]string{"status": "ready"})
	})
	mux.Handle("/", Page())
	return o.wrap(mux)
}

// handleGet serves a path that accepts only GET and HEAD.
func handleGet(mux *http.ServeMux, path string, serve http.HandlerFunc) {
	mux.HandleFunc("GET "+path, serve)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		fault.Write(w, r, fault.New(fault.Method, "%s accepts only GET and HEAD", path))
	})
}

func (o Options) listAgents(w http.ResponseWriter, _ *http.Request) {
	type agent struct {
		Name     string   `json:"name"`
		Title    string   `json:"title"`
		Language string   `json:"language"` // BCP 47
		Try      []string `json:"try"`
		Voice    bool     `json:"voice"`
		Default  bool     `json:"default,omitempty"`
	}
	list := []agent{}
	for i, a := range o.Agents() {
		list = append(list, agent{
			Name: a.Name, Title: a.Title, Language: cmp.Or(a.Language, "en-US"), Try: append([]string{}, a.Suggestions...),
			Voice: a.Recognizer != nil && a.Synthesizer != nil, Default: i == 0,
		})
	}
	writeJSON(w, map[string]any{"agents": list, "ice_servers": append([]ICEServer{}, o.ICE...)})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

// requestID matches the ids of clients that are used as they are.
var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// wrap sets the id and the caller's address of each request, logs it, and turns a panic
// into an error.
func (o Options) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !requestID.MatchString(id) {
			id = "req_" + rand.Text()
		}
		r = o.Proxies.setRemoteAddr(r.WithContext(fault.WithRequestID(r.Context(), id)))
		w.Header().Set("X-Request-Id", id)
		began := time.Now()
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				o.Log.Error("panic while serving a request", zap.String("request", id), zap.String("path", r.URL.Path),
					zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
				fault.Write(w, r, fault.New(fault.Internal, "internal error"))
			}
			o.Log.Debug("request", zap.String("request", id), zap.String("method", r.Method),
				zap.String("path", r.URL.Path), zap.Duration("took", time.Since(began)))
		}()
		next.ServeHTTP(w, r)
	})
}
