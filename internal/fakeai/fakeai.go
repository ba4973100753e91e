// Package fakeai is a server that speaks OpenAI's HTTP API with scripted answers: POST
// chat/completions (streamed or whole, with tools), audio/transcriptions and audio/speech, and
// GET models. Tests and benchmarks run it; no product code imports it, and it imports nothing
// of Frontdesk.
package fakeai

import (
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
)

const maxBody = 4 << 20

// Options is the server's script. All fields are optional.
type Options struct {
	Key string // bearer token that requests must carry

	Rules []Rule                   // the first rule that matches the user's last message answers it
	Chat  func(user string) string // answers other messages; nil echoes them
	// Tell tells the result of a tool; nil reads it aloud.
	Tell func(output string) string

	RejectsSchema bool // refuse requests with response_format, as servers do that do not know it

	Transcripts []string // of the utterances in order; the last one repeats

	Speak func(text string) []int16 // returns 24 kHz mono; nil returns a tone of 440 Hz, 60 ms for each character
	WAV   bool                      // send a streamed WAV file instead of raw PCM
}

// Rule answers a user's message.
type Rule struct {
	Match *regexp.Regexp
	Call  string // the tool to call, if the request offers it
	Args  string // its arguments as JSON; $1 and so on stand for what Match captured
	Say   string // the text otherwise; if empty, the next rules are tried
}

// Request is a request that the server received.
type Request struct {
	Body   []byte            // JSON for chat and speech, the audio file for transcriptions
	Fields map[string]string // the form fields of transcriptions
}

// Server is a running server.
type Server struct {
	URL string // including /v1

	o    Options
	http *httptest.Server

	mu         sync.Mutex
	requests   []Request
	utterances map[[sha256.Size]byte]int // numbers of the utterances, by the hash of their start
	failures   int                       // how many of the next requests fail
	status     int                       // the HTTP status they fail with
}

// New starts a server. The caller closes it.
func New(o Options) *Server {
	s := &Server{o: o, utterances: make(map[[sha256.Size]byte]int)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("POST /v1/chat/completions", s.chat)
	mux.HandleFunc("POST /v1/audio/transcriptions", s.transcribe)
	mux.HandleFunc("POST /v1/audio/speech", s.speak)
	s.http = httptest.NewServer(s.checkRequest(mux))
	s.URL = s.http.URL + "/v1"
	return s
}

// Close closes all connections and stops the server.
func (s *Server) Close() {
	s.http.CloseClientConnections()
	s.http.Close()
}

// Fail makes the next n POST requests fail with status.
func (s *Server) Fail(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures, s.status = n, status
}

// Requests returns the valid POST requests received so far, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// checkRequest checks the key, and fails the requests that Fail announced.
func (s *Server) checkRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.o.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.o.Key {
			writeError(w, http.StatusUnauthorized, "invalid_request_error", "Incorrect API key provided: "+r.Header.Get("Authorization"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if r.Method == http.MethodPost && s.mustFail() {
			_, _ = io.Copy(io.Discard, r.Body)
			writeError(w, s.status, "server_error", "The server had an error while processing your request")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) mustFail() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures == 0 {
		return false
	}
	s.failures--
	return true
}

func (s *Server) record(body []byte, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Body: body, Fields: fields})
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"object": "list", "data": []any{
		map[string]any{"id": "fake", "object": "model", "created": 1, "owned_by": "fakeai"},
	}})
}

func writeJSON(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

func writeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(2))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": kind, "param": nil, "code": nil,
	}})
}
