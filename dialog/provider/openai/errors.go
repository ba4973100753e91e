package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"frontdesk/internal/fault"
)

const (
	maxRetryAfter = time.Hour
	maxReasonLen  = 500 // bytes of the server's explanation that are logged
)

// statusError returns the error for a response whose status is not 2xx. The server's own
// explanation is only logged.
func (c *client) statusError(status int, h http.Header, body []byte) *fault.Error {
	failure := parseError(body)
	if failure.text() == "" {
		failure.Message = lenient(body)
	}
	e := c.faultOf(status, failure)
	if d := retryAfter(h, time.Now()); d > 0 && e.Retry {
		e.After = d
	}
	return e
}

// faultOf returns the fault.Error for an error that the server reported. status is the HTTP
// status, or 0 within a stream.
func (c *client) faultOf(status int, failure apiError) *fault.Error {
	cause := errors.New(c.redact(failure.text()))
	if status == 0 {
		status = failure.status()
	}
	kind := string(failure.Type) + " " + string(failure.Code)
	var e *fault.Error
	switch {
	case strings.Contains(kind, "insufficient_quota"):
		e = fault.Wrap(cause, fault.Limited, "the account for %s has no credit left", c.subject)
	case status == http.StatusTooManyRequests:
		e = fault.Wrap(cause, fault.Limited, "%s gets too many requests", c.subject).Retryable(0)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e = fault.Wrap(cause, fault.Unauthorized, "%s rejects the credentials", c.subject)
	case status == http.StatusRequestEntityTooLarge:
		e = fault.Wrap(cause, fault.TooLarge, "%s rejects the request as too large", c.subject)
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		e = fault.Wrap(cause, fault.Timeout, "%s took too long", c.subject).Retryable(0)
	case status == http.StatusNotFound:
		e = fault.Wrap(cause, fault.Provider, "%s does not have this model or path", c.subject)
	case status/100 == 3:
		e = fault.Wrap(cause, fault.Provider, "%s redirects to another URL", c.subject)
	case status/100 == 4 || status == http.StatusNotImplemented:
		e = fault.Wrap(cause, fault.Provider, "%s rejects the request", c.subject)
	default:
		e = fault.Wrap(cause, fault.Provider, "%s failed", c.subject).Retryable(0)
	}
	if status != 0 {
		e.Details = map[string]any{"status": status}
	}
	return e
}

// redact prepares a server's text for the log: some servers repeat the key.
func (c *client) redact(s string) string {
	if c.key != "" {
		s = strings.ReplaceAll(s, c.key, "***")
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > maxReasonLen {
		s = strings.ToValidUTF8(s[:maxReasonLen], "") + "…"
	}
	if s == "" {
		return "no explanation"
	}
	return s
}

// apiError is the error object of OpenAI's API and compatible servers: an object under
// "error" or at the top level, or a string under "error", "message" or "detail".
type apiError struct {
	Message lenient `json:"message"`
	Detail  lenient `json:"detail"`
	Type    lenient `json:"type"`
	Code    lenient `json:"code"` // an error name or an HTTP status
}

func parseError(body []byte) apiError {
	var outer struct {
		Error json.RawMessage `json:"error"`
		apiError
	}
	if json.Unmarshal(body, &outer) != nil {
		return apiError{}
	}
	if len(outer.Error) == 0 || bytes.Equal(outer.Error, []byte("null")) {
		return outer.apiError
	}
	return parseErrorObject(outer.Error)
}

// parseErrorObject parses the value of "error".
func parseErrorObject(raw json.RawMessage) apiError {
	var e apiError
	if json.Unmarshal(raw, &e) == nil {
		return e
	}
	var text lenient
	_ = json.Unmarshal(raw, &text) // never fails on valid JSON
	return apiError{Message: text}
}

func (e apiError) text() string {
	for _, s := range []lenient{e.Message, e.Detail, e.Code, e.Type} {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// status returns the HTTP status that the error stands for, or 0 if that is unknown.
func (e apiError) status() int {
	if n, err := strconv.Atoi(string(e.Code)); err == nil && n >= 400 && n < 600 {
		return n
	}
	kind := string(e.Type) + " " + string(e.Code)
	for _, k := range []struct {
		word   string
		status int
	}{
		{"rate_limit", http.StatusTooManyRequests},
		{"invalid_request", http.StatusBadRequest},
		{"BadRequest", http.StatusBadRequest}, // vLLM
		{"context_length", http.StatusBadRequest},
		{"authentication", http.StatusUnauthorized},
		{"permission", http.StatusForbidden},
	} {
		if strings.Contains(kind, k.word) {
			return k.status
		}
	}
	return 0
}

// lenient is a JSON string, or the JSON text of any other value; null is "".
type lenient string

func (l *lenient) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case bytes.Equal(b, []byte("null")):
	case json.Unmarshal(b, &s) == nil:
		*l = lenient(s)
	default:
		*l = lenient(b)
	}
	return nil
}

// retryAfter returns how long the server asks to wait (RFC 9110, 10.2.3, and OpenAI's
// retry-after-ms), or 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	var d time.Duration
	if ms, err := strconv.Atoi(h.Get("Retry-After-Ms")); err == nil {
		d = time.Duration(min(ms, int(maxRetryAfter/time.Millisecond))) * time.Millisecond
	} else if s, err := strconv.ParseFloat(h.Get("Retry-After"), 64); err == nil {
		d = time.Duration(min(s, maxRetryAfter.Seconds()) * float64(time.Second))
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
