package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"frontdesk/internal/fault"
)

const (
	breakAfter = 3               // failures in a row
	probeAfter = 5 * time.Second // that the breaker stays open
	linger     = 20 * time.Millisecond
	maxRefusal = 16 << 10
)

var errSlow = errors.New("no answer in time")

// client makes one part's requests. Safe for concurrent use.
type client struct {
	what    string // "the language model": the subject of every message
	url     *url.URL
	key     string
	waits   Timeouts
	http    *http.Client
	breaker circuitbreaker.CircuitBreaker[any]
}

func newClient(what string, config Config) (*client, error) {
	u, err := config.base()
	if err != nil {
		return nil, err
	}
	waits := config.Timeouts.withDefaults()
	return &client{
		what: what, url: u, key: config.Key, waits: waits,
		http: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         (&net.Dialer{Timeout: waits.Connect}).DialContext,
				TLSHandshakeTimeout: waits.Connect,
				ForceAttemptHTTP2:   true,
				MaxIdleConnsPerHost: 64, // as many callers may be answered at once
				IdleConnTimeout:     90 * time.Second,
				DisableCompression:  true, // would hold back what a stream has for us
			},
			// The key must not follow a redirect.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		breaker: circuitbreaker.NewBuilder[any]().WithFailureThreshold(breakAfter).WithSuccessThreshold(1).WithDelay(probeAfter).Build(),
	}, nil
}

// warm opens a connection, so that the next request finds one. Any answer will do.
func (c *client) warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.waits.Connect+c.waits.First)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, "models", "", nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fault.Wrap(plain(err), fault.Provider, "%s cannot be reached", c.what).Retryable(0)
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
		return nil, fault.Wrap(plain(err), fault.Internal, "%s could not be asked", c.what)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	// Lets net/http repeat a request that hit a connection the server was just
	// closing. Nil values are not sent.
	req.Header["Idempotency-Key"] = nil
	return req, nil
}

// post sends a request and returns its answer once the status is known to be good.
// Every error is a fault.Error, or the end of ctx.
func (c *client) post(ctx context.Context, path, contentType string, body []byte) (*exchange, error) {
	if !c.breaker.TryAcquirePermit() {
		return nil, fault.New(fault.Unavailable, "%s has failed repeatedly and rests for a moment", c.what).
			Retryable(max(c.breaker.RemainingDelay(), time.Second))
	}
	x := &exchange{client: c, parent: ctx}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	x.watch = time.AfterFunc(c.waits.First, func() { x.cancel(errSlow) })
	req, err := c.request(x.ctx, http.MethodPost, path, contentType, body)
	if err != nil {
		x.close()
		return nil, err
	}
	if x.resp, err = c.http.Do(req); err != nil {
		err = x.broken(err)
		x.close()
		return nil, err
	}
	if x.resp.StatusCode/100 != 2 {
		b, _ := io.ReadAll(io.LimitReader(x.resp.Body, maxRefusal)) // part of a refusal tells enough
		err = x.failed(c.refusal(x.resp.StatusCode, x.resp.Header, b))
		x.close()
		return nil, err
	}
	return x, nil
}

// exchange is a request that is being answered. One goroutine uses it, and closes it.
type exchange struct {
	client *client
	parent context.Context
	ctx    context.Context // ends with parent, or when the server is too slow
	cancel context.CancelCauseFunc
	watch  *time.Timer
	resp   *http.Response
	good   bool // something useful came
	judged bool // the breaker knows the outcome
}

// within starts a wait for the server's next sign of life. It ends with rest: the
// time the conversation takes to use what came is not the server's fault.
func (x *exchange) within(d time.Duration) { x.watch.Reset(d) }

func (x *exchange) rest() {
	x.watch.Stop()
	x.good = true
}

// contentType is the answer's media type and its parameters.
func (x *exchange) contentType() (string, map[string]string) {
	t, params, err := mime.ParseMediaType(x.resp.Header.Get("Content-Type"))
	if err != nil {
		return "", nil
	}
	return t, params
}

// broken says why an answer did not come or broke off, and tells the breaker.
func (x *exchange) broken(err error) error {
	switch {
	case x.parent.Err() != nil:
		return x.parent.Err()
	case context.Cause(x.ctx) == errSlow:
		return x.failed(fault.Wrap(errSlow, fault.Timeout, "%s took too long", x.client.what).Retryable(0))
	case x.resp == nil:
		return x.failed(fault.Wrap(plain(err), fault.Provider, "%s cannot be reached", x.client.what).Retryable(0))
	}
	return x.failed(fault.Wrap(plain(err), fault.Provider, "the answer of %s broke off", x.client.what).Retryable(0))
}

// failed tells the breaker about e, if it is the kind of failure that waiting may heal.
func (x *exchange) failed(e *fault.Error) error {
	if e.Retry && e.Code != fault.Limited {
		x.judge(false)
	} else {
		x.judge(true)
	}
	return e
}

func (x *exchange) judge(good bool) {
	switch {
	case x.judged:
		return
	case good:
		x.client.breaker.RecordSuccess()
	default:
		x.client.breaker.RecordFailure()
	}
	x.judged = true
}

// drain reads the last bytes of a finished answer, so that its connection is used again.
func (x *exchange) drain() {
	x.within(linger)
	_, _ = io.CopyN(io.Discard, x.resp.Body, 4<<10)
	x.watch.Stop()
}

// close ends the exchange, finished or not.
func (x *exchange) close() {
	if x.good {
		x.judge(true)
	} else if x.client.breaker.IsHalfOpen() {
		x.judge(false) // a probe that was given up must give its permit back
	}
	x.watch.Stop()
	x.cancel(nil)
	if x.resp != nil {
		x.resp.Body.Close()
	}
}

// plain takes the URL, which may hold credentials, off an error of net/http.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
