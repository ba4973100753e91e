// Package fault is the one shape of an error that leaves Frontdesk: a stable
// code a program can act on and a message that is safe to show a caller. It
// imports nothing of Frontdesk, so every package may use it.
package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code names a kind of failure. Codes are part of the public API and never change meaning.
type Code string

const (
	Invalid      Code = "invalid_request"        // the request cannot be understood
	Unauthorized Code = "unauthorized"           // no credentials, or they are wrong or too old
	Forbidden    Code = "forbidden"              // the credentials do not allow this
	NotFound     Code = "not_found"              // no such agent, session, call or page
	Method       Code = "method_not_allowed"     // the path exists, the method does not
	Media        Code = "unsupported_media_type" // the body is of a type this path does not take
	TooLarge     Code = "too_large"              // a body, message or text over its limit
	Conflict     Code = "conflict"               // another writer or another content got there first
	Limited      Code = "rate_limited"           // over a limit; RetryAfter says when to come back
	Unavailable  Code = "unavailable"            // Frontdesk cannot take this now
	Provider     Code = "provider_failed"        // a model, ear, voice or tool behind Frontdesk failed
	Timeout      Code = "timeout"                // it took longer than its deadline
	Storage      Code = "storage_failed"         // the store refused a write: full, read-only or gone
	Damaged      Code = "damaged"                // what was stored has been changed or cut
	Busy         Code = "busy"                   // the telephone that was called is in use
	NoAnswer     Code = "no_answer"              // nobody took the call
	Declined     Code = "declined"               // who was called, or their network, did not want it
	Internal     Code = "internal"               // a bug
)

// Error is a failure with a code. The zero value is not useful; use New or Wrap.
type Error struct {
	Code     Code
	Message  string         // for people; holds no secret and no path
	Details  map[string]any // optional, JSON-encodable
	Retry    bool           // the same request may succeed later
	After    time.Duration  // when to retry, if known
	Fallback bool           // the conversation can go on another way, such as text
	Err      error          // the cause, for the log only
}

// New makes an error without a cause.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes an error that keeps its cause for the log.
func Wrap(err error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// Retryable marks e as worth another try, after d if d is known.
func (e *Error) Retryable(d time.Duration) *Error {
	e.Retry, e.After = true, d
	return e
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// From finds the Error in err's chain. A context's end becomes Timeout or
// Unavailable; anything else becomes Internal with a message that tells nothing.
func From(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return Wrap(err, Timeout, "it took too long").Retryable(0)
	case errors.Is(err, context.Canceled):
		return Wrap(err, Unavailable, "it was cancelled").Retryable(0)
	default:
		return Wrap(err, Internal, "something went wrong on our side")
	}
}

// IsRetryable reports whether err says that another try may succeed.
func IsRetryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retry
}
