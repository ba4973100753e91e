package mcp

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// newHTTPClient returns a client that adds headers to each request and follows no redirects,
// because they would take the credentials in the headers to another server.
func newHTTPClient(base http.RoundTripper, headers map[string]string) *http.Client {
	return &http.Client{
		Transport: &boundedTransport{base: base, headers: headers},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the server redirects to another address: set url to that address")
		},
	}
}

// boundedTransport adds headers to requests and bounds the bodies of responses. The SDK
// bounds each event of a stream.
type boundedTransport struct {
	base    http.RoundTripper
	headers map[string]string
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, value := range t.headers {
		r.Header.Set(name, value)
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxMessage}
	}
	return resp, nil
}

// boundedBody fails when more than left bytes are read.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the response is larger than %d MB", maxMessage>>20)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// withoutURL returns the cause of an HTTP error without its URL, which may hold a credential.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
