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
	maxReason     = 500 // bytes of a server's explanation that are kept for the log
)

// refusal is a server's answer with a status that is not 2xx. What the server says
// goes to the log only.
func (c *client) refusal(status int, h http.Header, body []byte) *fault.Error {
	p := parseProblem(body)
	if p.text() == "" {
		p.Message = lenient(body)
	}
	e := c.problem(status, p)
	if d := retryAfter(h, time.Now()); d > 0 && e.Retry {
		e.After = d
	}
	return e
}

// problem is the error a server tells, with its HTTP status or, in the midst of a
// stream, 0.
func (c *client) problem(status int, p problem) *fault.Error {
	cause := errors.New(c.scrub(p.text()))
	if status == 0 {
		status = p.status()
	}
	kind := string(p.Type) + " " + string(p.Code)
	var e *fault.Error
	switch {
	case strings.Contains(kind, "insufficient_quota"):
		e = fault.Wrap(cause, fault.Limited, "the account of %s has no credit left", c.what)
	case status == http.StatusTooManyRequests:
		e = fault.Wrap(cause, fault.Limited, "%s is asked too often", c.what).Retryable(0)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e = fault.Wrap(cause, fault.Unauthorized, "%s refuses our credentials", c.what)
	case status == http.StatusRequestEntityTooLarge:
		e = fault.Wrap(cause, fault.TooLarge, "%s finds this too long", c.what)
	case status == http.StatusRequestTimeout || status == http.StatusGatewayTimeout:
		e = fault.Wrap(cause, fault.Timeout, "%s took too long", c.what).Retryable(0)
	case status == http.StatusNotFound:
		e = fault.Wrap(cause, fault.Provider, "%s has no such model or path", c.what)
	case status/100 == 3:
		e = fault.Wrap(cause, fault.Provider, "%s is at another URL", c.what)
	case status/100 == 4 || status == http.StatusNotImplemented:
		e = fault.Wrap(cause, fault.Provider, "%s does not accept the request", c.what)
	default:
		e = fault.Wrap(cause, fault.Provider, "%s failed", c.what).Retryable(0)
	}
	if status != 0 {
		e.Details = map[string]any{"status": status}
	}
	return e
}

// scrub makes a server's text fit for the log: some servers repeat the key.
func (c *client) scrub(s string) string {
	if c.key != "" {
		s = strings.ReplaceAll(s, c.key, "***")
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason], "") + "…"
	}
	if s == "" {
		return "no explanation"
	}
	return s
}

// problem is the error object of OpenAI's API and of its imitations: an object under
// "error" or at the top, or a mere string under "error", "message" or "detail".
type problem struct {
	Message lenient `json:"message"`
	Detail  lenient `json:"detail"`
	Type    lenient `json:"type"`
	Code    lenient `json:"code"` // a word, or an HTTP status
}

func parseProblem(body []byte) problem {
	var outer struct {
		Error json.RawMessage `json:"error"`
		problem
	}
	if json.Unmarshal(body, &outer) != nil {
		return problem{}
	}
	if len(outer.Error) == 0 || bytes.Equal(outer.Error, []byte("null")) {
		return outer.problem
	}
	return problemObject(outer.Error)
}

// problemObject reads what stands under "error".
func problemObject(raw json.RawMessage) problem {
	var p problem
	if json.Unmarshal(raw, &p) == nil {
		return p
	}
	var text lenient
	_ = json.Unmarshal(raw, &text) // a lenient string never fails on valid JSON
	return problem{Message: text}
}

func (p problem) text() string {
	for _, s := range []lenient{p.Message, p.Detail, p.Code, p.Type} {
		if s != "" {
			return string(s)
		}
	}
	return ""
}

// status is the HTTP status the error stands for, 0 when it does not tell.
func (p problem) status() int {
	if n, err := strconv.Atoi(string(p.Code)); err == nil && n >= 400 && n < 600 {
		return n
	}
	kind := string(p.Type) + " " + string(p.Code)
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

// lenient is a JSON string, or the text of any other JSON value; null is "".
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

// retryAfter is how long a server asks to wait (RFC 9110, 10.2.3, and OpenAI's
// retry-after-ms), 0 when it does not.
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
