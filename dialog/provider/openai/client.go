package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"frontdesk/internal/fault"
)

const (
	breakerFailures = 3               // consecutive failures that open the circuit breaker
	breakerDelay    = 5 * time.Second // how long it stays open before one request tests the server
	maxErrorBody    = 16 << 10
)

// client makes the requests of one Model, Transcriber or Speech. It is safe for concurrent use.
type client struct {
	subject  string // of error messages, such as "the language model"
	url      *url.URL
	key      string
	timeouts Timeouts
	http     *http.Client
	breaker  circuitbreaker.CircuitBreaker[any]
}

func newClient(subject string, config Config) (*client, error) {
	u, err := config.baseURL()
	if err != nil {
		return nil, err
	}
	timeouts := config.Timeouts.withDefaults()
	return &client{
		subject: subject, url: u, key: config.Key, timeouts: timeouts,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         (&net.Dialer{Timeout: timeouts.Connect}).DialContext,
				TLSHandshakeTimeout: timeouts.Connect,
				ForceAttemptHTTP2:   true,
				MaxIdleConnsPerHost: 64, // one for each of many simultaneous calls
				IdleConnTimeout:     90 * time.Second,
				DisableCompression:  true, // decompression would delay streamed events
			},
			// A redirect could send the key to another server.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThreshold(breakerFailures).WithSuccessThreshold(1).WithDelay(breakerDelay).Build(),
	}, nil
}

// connect opens a connection for the next request. The server's answer does not matter.
func (c *client) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeouts.Connect+c.timeouts.First)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, "models", "", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fault.Wrap(withoutURL(err), fault.Provider, "%s cannot be reached", c.subject).Retryable(0)
	}
	defer resp.Body.Close()
	_, err = io.CopyN(io.Discard, resp.Body, 1<<20)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

func (c *client) close() { c.http.CloseIdleConnections() }

func (c *client) request(ctx context.Context, method, path, contentType string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, fault.Wrap(withoutURL(err), fault.Internal, "the request to %s could not be built", c.subject)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	// The header makes net/http repeat a request whose connection the server closed at the
	// same moment. A nil value is not sent.
	req.Header["Idempotency-Key"] = nil
	return req, nil
}

// post sends a request and returns the response once its status is known to be 2xx. Every
// error is a fault.Error or the end of ctx.
func (c *client) post(ctx context.Context, path, contentType string, body []byte) (*response, error) {
	if !c.breaker.TryAcquirePermit() {
		return nil, fault.New(fault.Unavailable, "%s has failed repeatedly and is not used for a few seconds", c.subject).
			Retryable(max(c.breaker.RemainingDelay(), time.Second))
	}
	r := &response{client: c, parent: ctx}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	r.timer = time.AfterFunc(c.timeouts.First, func() { r.cancel(errTimeout) })
	req, err := c.request(r.ctx, http.MethodPost, path, contentType, body)
	if err != nil {
		r.close()
		return nil, err
	}
	if r.http, err = c.http.Do(req); err != nil {
		err = r.transportError(err)
		r.close()
		return nil, err
	}
	if r.http.StatusCode/100 != 2 {
		b, _ := io.ReadAll(io.LimitReader(r.http.Body, maxErrorBody)) // a part of it is enough
		err = r.fail(c.statusError(r.http.StatusCode, r.http.Header, b))
		r.close()
		return nil, err
	}
	return r, nil
}

// withoutURL removes the URL, which may contain credentials, from an error of net/http.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
