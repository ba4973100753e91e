// Package web is Frontdesk's HTTP face: the call page, the list of agents, health
// and metrics, and what every request gets: an id, a log line, a clear error, a
// bound on its size. It imports session and fault. Signaling's endpoints are given
// to it as a handler; it does not know them.
package web

import (
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
	Realtime http.Handler           // everything under /v1/realtime
	Calls    http.Handler           // everything under /v1/calls
	Twilio   http.Handler           // everything under /v1/twilio; nil: nothing is there
	Metrics  http.Handler           // /metrics
	Agents   func() []*dialog.Agent // the agents callers may reach, the default one first
	Ready    func() error           // nil while new calls are taken
	ICE      []ICEServer            // told to pages
	Proxies  Proxies
	Log      *zap.Logger
}

// ICEServer is a STUN or TURN server, in the form of the browser's RTCIceServer.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Handler is all of Frontdesk's HTTP.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v1/realtime", o.Realtime)
	mux.Handle("/v1/realtime/", o.Realtime)
	mux.Handle("/v1/calls", o.Calls)
	mux.Handle("/v1/calls/", o.Calls)
	if o.Twilio != nil {
		mux.Handle("/v1/twilio/", o.Twilio)
	}
	get(mux, "/v1/agents", o.agents)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		fault.Write(w, r, fault.New(fault.NotFound, "there is nothing at %s %s", r.Method, r.URL.Path))
	})
	get(mux, "/metrics", o.Metrics.ServeHTTP)
	get(mux, "/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]string{"status": "ok"})
	})
	get(mux, "/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.Ready(); err != nil {
			fault.Write(w, r, err)
			return
		}
		writeJSON(w, map[string]string{"status": "ready"})
	})
	mux.Handle("/", Page())
	return o.everyRequest(mux)
}

// get serves a path that can only be read.
func get(mux *http.ServeMux, path string, serve http.HandlerFunc) {
	mux.HandleFunc("GET "+path, serve)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		fault.Write(w, r, fault.New(fault.Method, "%s can only be read", path))
	})
}

func (o Options) agents(w http.ResponseWriter, _ *http.Request) {
	type agent struct {
		Name    string   `json:"name"`
		Title   string   `json:"title"`
		Try     []string `json:"try"`
		Voice   bool     `json:"voice"`
		Default bool     `json:"default,omitempty"`
	}
	list := []agent{}
	for i, a := range o.Agents() {
		list = append(list, agent{
			Name: a.Name, Title: a.Title, Try: append([]string{}, a.Suggestions...),
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

var saneID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// everyRequest gives a request its id, logs it, and turns a panic into an error.
func (o Options) everyRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !saneID.MatchString(id) {
			id = "req_" + rand.Text()
		}
		r = o.Proxies.behind(r.WithContext(fault.WithRequestID(r.Context(), id)))
		w.Header().Set("X-Request-Id", id)
		began := time.Now()
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				o.Log.Error("panic in a request", zap.String("request", id), zap.String("path", r.URL.Path),
					zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
				fault.Write(w, r, fault.New(fault.Internal, "something went wrong on our side"))
			}
			o.Log.Debug("request", zap.String("request", id), zap.String("method", r.Method),
				zap.String("path", r.URL.Path), zap.Duration("took", time.Since(began)))
		}()
		next.ServeHTTP(w, r)
	})
}
