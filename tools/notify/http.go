// Package notify has the destinations of events: signed webhooks, e-mail by SMTP, and the help
// desks Zendesk and Jira Service Management. Each New function checks its configuration, and
// each destination sends one event at a time to where the configuration says, over
// connections whose addresses are checked when they are dialed (httptool.Private).
//
// Events enter by Deliver; nothing but an error comes back. Of Frontdesk the package imports
// tools/outbox, tools/httptool, internal/fault and internal/words.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools/httptool"
	"frontdesk/tools/outbox"
)

const (
	dialTimeout = 10 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// Network says which addresses a destination may reach, and how.
type Network struct {
	Private httptool.Private
	// Dial replaces the network in tests.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (n Network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.Dial != nil {
		return n.Dial(ctx, network, address)
	}
	d := net.Dialer{Timeout: dialTimeout, ControlContext: n.Private.Control}
	return d.DialContext(ctx, network, address)
}

// client returns a client that follows no redirect, which would take the credentials or the
// event elsewhere, and uses no proxy, which would choose the address.
func (n Network) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: n.dial, TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURL returns what is wrong with the URL of a destination. Only a destination with
// private networks may use http.
func CheckURL(text string, p httptool.Private) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must be a URL such as https://example.com/frontdesk")
	case u.User != nil:
		return errors.New("holds a user or password: use user and secret")
	case u.Fragment != "":
		return errors.New("has a fragment, which is never sent: remove # and what follows")
	case u.Scheme == "http" && !p.All && len(p.Networks) == 0:
		return errors.New("http is not encrypted: use https, or name the private networks that it leads to in private")
	}
	return nil
}

// send sends a request and returns the body of a successful answer. The errors do not show
// what a URL or an answer holds.
func send(client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		if ctx := req.Context(); ctx.Err() != nil {
			return nil, fault.From(ctx.Err())
		}
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, fault.Wrap(err, fault.Unavailable, "cannot be reached").Retryable(0)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode/100 != 2:
		return nil, statusError(resp)
	case err != nil || len(body) > maxAnswer:
		return body[:0], fault.New(fault.BadAnswer, "the answer broke off or is too long").Retryable(0)
	}
	return body, nil
}

// statusError returns the error for an answer that is not a success.
func statusError(resp *http.Response) *fault.Error {
	message := fmt.Sprintf("answered %d", resp.StatusCode)
	after := retryAfter(resp.Header.Get("Retry-After"))
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return fault.New(fault.Limited, "%s", message).Retryable(after)
	case http.StatusServiceUnavailable:
		return fault.New(fault.Unavailable, "%s", message).Retryable(after)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.New(fault.Unauthorized, "%s: correct the user or the secret", message).Retryable(0)
	case http.StatusNotFound:
		return fault.New(fault.NotFound, "%s: correct the url", message).Retryable(0)
	}
	return fault.New(fault.Provider, "%s", message).Retryable(0)
}

// isRefused reports whether a server understood a request and will never accept it.
func isRefused(err error) bool {
	f := fault.From(err)
	return f != nil && f.Code == fault.Provider && slices.Contains([]string{"answered 400", "answered 413", "answered 422"}, f.Message)
}

// retryAfter reads the header Retry-After: seconds or a date.
func retryAfter(header string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 7*24*3600)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}

// api is a JSON API with a user and a token.
type api struct {
	client      *http.Client
	base        string // without a slash at its end
	user, token string
}

// do sends in, unless it is nil, and reads the answer into out, unless that is nil.
func (a *api) do(ctx context.Context, method, path string, header http.Header, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return fault.New(fault.Internal, "the request cannot be made")
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.SetBasicAuth(a.user, a.token)
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := send(a.client, req)
	if isRefused(err) {
		return fault.Wrap(err, fault.Invalid, "refused the ticket (%s)", fault.From(err).Message)
	}
	if err != nil {
		return err
	}
	if out != nil && json.Unmarshal(answer, out) != nil {
		return fault.New(fault.BadAnswer, "the answer is not the expected JSON").Retryable(0)
	}
	return nil
}

// Refs remembers how a help desk names a ticket. outbox.Store is one.
type Refs interface {
	Ref(ctx context.Context, destination, topic string) (string, error)
	SetRef(ctx context.Context, destination, topic, ref string) error
}

var _ Refs = (*outbox.Store)(nil)
