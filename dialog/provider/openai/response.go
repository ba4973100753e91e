package openai

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"frontdesk/internal/fault"
)

// drainTimeout limits the wait for the end of a body whose content is complete.
const drainTimeout = 20 * time.Millisecond

var errTimeout = errors.New("no answer in time")

// response is the server's answer to one request while it arrives. One goroutine uses and
// closes it.
type response struct {
	client    *client
	parent    context.Context
	ctx       context.Context // ends with parent, or when the server is too slow
	cancel    context.CancelCauseFunc
	timer     *time.Timer
	http      *http.Response
	hasData   bool // the server sent something useful
	isCounted bool // the circuit breaker knows the outcome
}

// await gives the server d to send more. The time that the conversation needs to process
// what came does not count: received stops the timer.
func (r *response) await(d time.Duration) { r.timer.Reset(d) }

func (r *response) received() {
	r.timer.Stop()
	r.hasData = true
}

// contentType returns the media type of the body and its parameters.
func (r *response) contentType() (string, map[string]string) {
	t, params, err := mime.ParseMediaType(r.http.Header.Get("Content-Type"))
	if err != nil {
		return "", nil
	}
	return t, params
}

// transportError explains why no response came or why it broke off, and counts the failure.
func (r *response) transportError(err error) error {
	switch {
	case r.parent.Err() != nil:
		return r.parent.Err()
	case context.Cause(r.ctx) == errTimeout:
		return r.fail(fault.Wrap(errTimeout, fault.Timeout, "%s took too long", r.client.subject).Retryable(0))
	case r.http == nil:
		return r.fail(fault.Wrap(withoutURL(err), fault.Provider, "%s cannot be reached", r.client.subject).Retryable(0))
	}
	return r.fail(fault.Wrap(withoutURL(err), fault.Provider, "the connection to %s broke in the middle of an answer", r.client.subject).Retryable(0))
}

// fail returns e. The circuit breaker counts it as a failure only if e may go away with
// time.
func (r *response) fail(e *fault.Error) error {
	r.count(!e.Retry || e.Code == fault.Limited)
	return e
}

// count tells the circuit breaker the outcome, once.
func (r *response) count(success bool) {
	switch {
	case r.isCounted:
		return
	case success:
		r.client.breaker.RecordSuccess()
	default:
		r.client.breaker.RecordFailure()
	}
	r.isCounted = true
}

// drain reads the last bytes of a complete answer, so that its connection can be reused.
func (r *response) drain() {
	r.await(drainTimeout)
	_, _ = io.CopyN(io.Discard, r.http.Body, 4<<10)
	r.timer.Stop()
}

// close ends the request, whether its answer is complete or not.
func (r *response) close() {
	if r.hasData {
		r.count(true)
	} else if r.client.breaker.IsHalfOpen() {
		r.count(false) // a cancelled test request must return its permit
	}
	r.timer.Stop()
	r.cancel(nil)
	if r.http != nil {
		r.http.Body.Close()
	}
}
