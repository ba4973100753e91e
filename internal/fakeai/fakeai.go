// Package fakeai is a provider that speaks OpenAI's HTTP API with scripted answers and
// chosen latency: POST chat/completions (streamed or whole, with tools),
// audio/transcriptions and audio/speech, and GET models. Tests and benchmarks run it
// as a real server; nothing of the product imports it, and of Frontdesk it imports
// nothing.
package fakeai

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"time"
)

const maxBody = 4 << 20

// Options is what the server answers, and when. Everything may stay zero.
type Options struct {
	Key string // bearer token to demand

	Rules      []Rule                   // the first that matches the user's last message answers it; else it is echoed
	Chat       func(user string) string // in place of the echo
	FirstToken time.Duration            // before the first token
	PerToken   time.Duration            // before each further token

	Transcripts []string      // of the utterances in order; the last one is repeated
	Hear        time.Duration // before the transcript

	Speak    func(text string) []int16 // 24 kHz mono; nil speaks a tone of 440 Hz, 60 ms for each character
	FirstPCM time.Duration             // before the first piece of sound
	PerPCM   time.Duration             // before each further piece of 100 ms
	WAV      bool                      // a streamed WAV file instead of bare PCM
}

// Rule answers a user's message.
type Rule struct {
	Match *regexp.Regexp
	Call  string // name of a tool to call, if the request offers it
	Args  string // its arguments, JSON; $1 and so on are what Match captured
	Say   string // the text otherwise; empty echoes
}

// Request is one the server got.
type Request struct {
	Path   string
	Header http.Header
	Body   []byte            // of chat and speech: JSON; of transcriptions: the sound file
	Fields map[string]string // of transcriptions: the form
}

// Server is a running provider.
type Server struct {
	URL string // with /v1

	o    Options
	http *httptest.Server

	mu       sync.Mutex
	requests []Request
	heard    int // transcriptions answered
	failures int // requests still to refuse
	status   int // to refuse them with
}

// New starts a provider. Close it.
func New(o Options) *Server {
	s := &Server{o: o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("POST /v1/chat/completions", s.chat)
	mux.HandleFunc("POST /v1/audio/transcriptions", s.transcribe)
	mux.HandleFunc("POST /v1/audio/speech", s.speak)
	s.http = httptest.NewServer(s.admit(mux))
	s.URL = s.http.URL + "/v1"
	return s
}

// Close ends all connections and stops.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Fail makes the next n requests that ask for an answer fail with status.
func (s *Server) Fail(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures, s.status = n, status
}

// Requests returns those that asked for an answer, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// admit checks the key and fails what Fail asked to fail.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.o.Key {
			refuse(w, http.StatusUnauthorized, "invalid_request_error", "Incorrect API key provided: "+r.Header.Get("Authorization"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if r.Method == http.MethodPost && s.failing() {
			_, _ = io.Copy(io.Discard, r.Body)
			refuse(w, s.status, "server_error", "The server had an error while processing your request")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == 0 {
		return false
	}
	s.failures--
	return true
}

func (s *Server) note(r *http.Request, body []byte, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Path: r.URL.Path, Header: r.Header.Clone(), Body: body, Fields: fields})
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"object": "list", "data": []any{
		map[string]any{"id": "fake", "object": "model", "created": 1, "owned_by": "fakeai"},
	}})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a client that is gone sees nothing
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(2))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": kind, "param": nil, "code": nil,
	}})
}

// pause waits, and reports false when the client has gone meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
