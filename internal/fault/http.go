package fault

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

var status = map[Code]int{
	Invalid:      http.StatusBadRequest,
	Unauthorized: http.StatusUnauthorized,
	Forbidden:    http.StatusForbidden,
	ProofNeeded:  http.StatusForbidden,
	NotFound:     http.StatusNotFound,
	Method:       http.StatusMethodNotAllowed,
	Media:        http.StatusUnsupportedMediaType,
	TooLarge:     http.StatusRequestEntityTooLarge,
	Conflict:     http.StatusConflict,
	Limited:      http.StatusTooManyRequests,
	Unavailable:  http.StatusServiceUnavailable,
	Provider:     http.StatusBadGateway,
	Timeout:      http.StatusGatewayTimeout,
	Storage:      http.StatusInsufficientStorage,
	Damaged:      http.StatusInternalServerError,
	Busy:         http.StatusConflict,
	NoAnswer:     http.StatusGatewayTimeout,
	Declined:     http.StatusConflict,
	BadAnswer:    http.StatusBadGateway,
	Internal:     http.StatusInternalServerError,
}

type requestIDKey struct{}

// WithRequestID returns a context with the ID of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the ID of the request to which ctx belongs, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// Body returns the JSON form of e, the same over HTTP and in events. Its fields "message",
// "code" and "type" are those that OpenAI's clients read.
func (e *Error) Body() map[string]any {
	b := map[string]any{
		"type":               string(e.Code),
		"code":               string(e.Code),
		"message":            e.Message,
		"retryable":          e.Retry,
		"fallback_available": e.Fallback,
	}
	if e.Details != nil {
		b["details"] = e.Details
	}
	return b
}

// Write answers a request with err: its HTTP status, Retry-After if known, and its JSON form.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	e := From(err)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if e.After > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.After+time.Second-1)/time.Second)))
	}
	code := status[e.Code]
	if code == 0 {
		code = http.StatusInternalServerError
	}
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"error":      e.Body(),
		"request_id": RequestID(r.Context()),
		"timestamp":  time.Now().UTC().Format(time.RFC3339Nano),
	})
}
