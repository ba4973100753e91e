package httptool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/internal/fault"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

const (
	maxAnswer    = 1 << 20 // bytes
	maxHeader    = 64 << 10
	maxRedirects = 3
	maxURL       = 8 << 10
	retryPause   = 100 * time.Millisecond
)

// answer is what an endpoint has answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// build returns the URL and the body for arguments.
func (t *Tool) build(arguments json.RawMessage) (string, []byte, error) {
	values := make(map[string]any)
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber() // large numbers keep their digits
	if err := d.Decode(&values); err != nil {
		return "", nil, fault.New(fault.Invalid, "the arguments are not an object")
	}
	target, err := t.expand(values)
	if err != nil || !t.hasBody() {
		return target, nil, err
	}
	for _, name := range t.inURL {
		delete(values, name)
	}
	if t.config.Body == JSON {
		body, err := json.Marshal(values)
		return target, body, err
	}
	form := make(url.Values)
	for name, value := range values {
		form.Set(name, text(value))
	}
	return target, []byte(form.Encode()), nil
}

// text returns a value as it stands in a URL or a form.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	case nil:
		return ""
	}
	out, _ := json.Marshal(value)
	return string(out)
}

// expand puts arguments into the URL. They never change its scheme, host and port, and never
// add or remove a part of its path.
func (t *Tool) expand(arguments map[string]any) (string, error) {
	path := t.template.pathNames()
	values := make(map[string]string)
	for _, name := range t.inURL {
		value, ok := arguments[name]
		s := text(value)
		isInPath := slices.Contains(path, name)
		// Servers and proxies resolve . and .. in a path, even when they are encoded.
		if isInPath && (s == "" || strings.Trim(s, ".") == "" || strings.ContainsAny(s, "/\\\x00")) {
			return "", fault.New(fault.Invalid, "the value of %s cannot be a part of the address", name)
		}
		if ok {
			values[name] = s
		}
	}
	target := t.template.expand(values)
	u, err := url.Parse(target)
	if err != nil || u.Scheme != t.base.Scheme || u.Host != t.base.Host || u.User != nil || len(target) > maxURL {
		return "", fault.New(fault.Invalid, "the arguments cannot be a part of the address")
	}
	return target, nil
}

// idempotencyKey returns the same key for the same call of the same session.
func idempotencyKey(session, call string) string {
	sum := sha256.Sum256([]byte(session + "/" + call))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// send sends a request, at most twice.
func (t *Tool) send(ctx context.Context, target string, body []byte, key string) (answer, error) {
	if !t.breaker.TryAcquirePermit() {
		return answer{}, fault.New(fault.Unavailable, "the service behind %s is away; try again later", t.config.Name).
			Retryable(max(t.breaker.RemainingDelay(), time.Second)).NotDone()
	}
	a, isRetryable, err := t.attempt(ctx, target, body, key)
	if isRetryable && pause(ctx, retryPause) {
		a, _, err = t.attempt(ctx, target, body, key)
	}
	t.record(ctx, a, err)
	return a, err
}

// pause waits and reports whether there is time for another attempt.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// record tells the circuit breaker how a call ended, and the operator when that changes
// whether the endpoint is away.
func (t *Tool) record(ctx context.Context, a answer, err error) {
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the caller went on, which says nothing of the endpoint
		if t.breaker.State() == circuitbreaker.HalfOpenState {
			t.breaker.RecordFailure()
		}
		return
	case err == nil && a.status < http.StatusInternalServerError || errors.As(err, new(*badAnswer)):
		t.breaker.RecordSuccess()
		if t.isAway.CompareAndSwap(true, false) && t.config.OnChange != nil {
			t.config.OnChange(nil)
		}
		return
	case err == nil:
		err = fmt.Errorf("status %d", a.status)
	}
	t.breaker.RecordFailure()
	if t.breaker.State() == circuitbreaker.OpenState && t.isAway.CompareAndSwap(false, true) && t.config.OnChange != nil {
		t.config.OnChange(err)
	}
}

// attempt sends a request once. It reports whether the request may be sent again.
func (t *Tool) attempt(ctx context.Context, target string, body []byte, key string) (_ answer, isRetryable bool, err error) {
	changes := t.spec.Rule.Effect.Changes()
	var isConnected, hasAnswer atomic.Bool
	trace := &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { isConnected.Store(true) },
		GotFirstResponseByte: func() { hasAnswer.Store(true) },
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), t.config.Method, target, bytes.NewReader(body))
	if err != nil {
		return answer{}, false, fault.New(fault.Invalid, "the arguments cannot be a part of the address")
	}
	t.setHeaders(req, changes, key)
	resp, err := t.client.Do(req)
	if err != nil {
		isSafe := !changes || !isConnected.Load() || t.config.Idempotent && !hasAnswer.Load()
		return answer{}, isSafe && isTemporary(err), t.transportError(ctx, err, changes && isConnected.Load())
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return answer{}, false, t.transportError(ctx, err, changes)
	case len(a.body) > maxAnswer:
		return answer{}, false, t.bad("it is larger than %d bytes", maxAnswer)
	}
	isBusy := a.status == http.StatusBadGateway || a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout
	return a, isBusy && !changes && a.header.Get("Retry-After") == "", nil
}

func (t *Tool) setHeaders(req *http.Request, changes bool, key string) {
	req.Header.Set("Accept", "application/json, text/plain;q=0.5")
	req.Header.Set("User-Agent", "frontdesk")
	for name, value := range t.config.Headers {
		req.Header.Set(name, value)
	}
	if t.hasBody() {
		req.Header.Set("Content-Type", map[Body]string{JSON: "application/json", Form: "application/x-www-form-urlencoded"}[t.config.Body])
	}
	if changes {
		req.Header.Set("Idempotency-Key", key)
		// net/http repeats a request with this header when the server has closed a connection
		// that was used before. An endpoint that does not know the header would do it twice.
		req.Close = !t.config.Idempotent
	}
}

// isTemporary reports whether another attempt may succeed at once.
func isTemporary(err error) bool {
	var refused *refusedAddress
	var certificate *tls.CertificateVerificationError
	var dns *net.DNSError
	return !errors.As(err, &refused) && !errors.As(err, &certificate) && !errors.Is(err, errRedirect) &&
		!errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) &&
		!(errors.As(err, &dns) && dns.IsNotFound)
}

// transportError returns a fault for an error of net/http. Its cause has no URL, which may
// hold the caller's values, and no header.
func (t *Tool) transportError(ctx context.Context, err error, mayBeDone bool) error {
	var refused *refusedAddress
	cause := safeCause(err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case errors.As(err, &refused):
		return fault.Wrap(refused, fault.Forbidden, "the address of the service behind %s may not be used", t.config.Name)
	case errors.Is(err, errRedirect):
		return t.bad("it is a redirect that may not be followed")
	case mayBeDone:
		return fault.Wrap(cause, fault.Timeout, "the service did not answer; it may still have been done, so do not say that it was not")
	case ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(cause, fault.Timeout, "the service did not answer in time").Retryable(0)
	}
	return fault.Wrap(cause, fault.Unavailable, "the service behind %s cannot be reached", t.config.Name).Retryable(0).NotDone()
}

// safeCause returns the part of an error that may be logged.
func safeCause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return host
	}
	for _, known := range []error{context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("the answer is not HTTP, or the connection failed")
}
