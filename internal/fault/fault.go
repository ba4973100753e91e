// Package fault defines the errors that leave Frontdesk: each has a stable code, on which a
// program can act, and a message that is safe to show to a caller. Write sends an error
// over HTTP. It imports nothing of Frontdesk, so every package may import it.
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
	Unauthorized Code = "unauthorized"           // the credentials are missing, wrong or expired
	Forbidden    Code = "forbidden"              // the credentials do not allow this
	ProofNeeded  Code = "proof_needed"           // the caller must show that a record is theirs
	NotFound     Code = "not_found"              // the agent, session, call or page does not exist
	Method       Code = "method_not_allowed"     // the path exists, the method does not
	Media        Code = "unsupported_media_type" // the path does not accept the type of the body
	TooLarge     Code = "too_large"              // a body, message or text is over its limit
	Conflict     Code = "conflict"               // another writer was first, or the content differs
	Limited      Code = "rate_limited"           // a limit is reached; After says when to retry
	Unavailable  Code = "unavailable"            // Frontdesk cannot do this now
	Provider     Code = "provider_failed"        // a model, recognizer, synthesizer or tool failed
	Timeout      Code = "timeout"                // the deadline passed
	Storage      Code = "storage_failed"         // the store refused a write: full, read-only or gone
	Damaged      Code = "damaged"                // stored data was changed or truncated
	Busy         Code = "busy"                   // the called line is busy
	NoAnswer     Code = "no_answer"              // nobody answered the call
	Declined     Code = "declined"               // the called party or their network declined the call
	BadAnswer    Code = "bad_answer"             // a service answered something that cannot be used
	Internal     Code = "internal"               // a bug
)

// Error is a failure with a code. The zero value is not useful; use New or Wrap.
type Error struct {
	Code     Code
	Message  string         // for people; contains no secret and no path
	Details  map[string]any // optional, JSON-encodable
	Retry    bool           // the same request may succeed later
	After    time.Duration  // when to retry, if known
	Fallback bool           // the conversation can go on another way, such as text
	NoEffect bool           // what failed has certainly had no effect, as when no connection was made
	Err      error          // the cause, for the log only
}

// New returns an error without a cause.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error with a cause, which only the log shows.
func Wrap(err error, code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// Retryable marks e as retryable after d, or at an unknown time if d is 0. It returns e.
func (e *Error) Retryable(d time.Duration) *Error {
	e.Retry, e.After = true, d
	return e
}

// NotDone marks e: what failed has certainly had no effect. It returns e.
func (e *Error) NotDone() *Error {
	e.NoEffect = true
	return e
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// From returns the Error in err's chain. It converts the error of a context to Timeout or
// Unavailable, and any other error to Internal with a message that reveals nothing.
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

// IsRetryable reports whether err has an Error that is retryable.
func IsRetryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Retry
}
