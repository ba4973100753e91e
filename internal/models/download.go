package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"frontdesk/internal/fault"
)

const (
	// stallTimeout ends an attempt that receives nothing. Mobile networks pause for up to half
	// a minute when they change cells.
	stallTimeout = time.Minute
	// maxAttempts is how often a download that makes no progress is tried.
	maxAttempts = 4
	// firstBackoff is the wait before the second attempt; it doubles from there.
	firstBackoff = time.Second
)

// newClient returns an HTTP client that uses the proxies of HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stallTimeout
	return &http.Client{Transport: t}
}

// permanent is an error that another attempt would repeat.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// download writes the file at u to path. If path holds the beginning already, only the rest
// is downloaded.
func (p *puller) download(ctx context.Context, entry string, u *url.URL, want Published, path string) error {
	p.report("%s: downloading %s", entry, u.Redacted())
	wait := p.backoff
	for attempt := 1; ; attempt++ {
		before := fileSize(path)
		err := p.attempt(ctx, entry, u, want, path)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var final permanent
		if errors.As(err, &final) {
			return final.error
		}
		if fileSize(path) > before {
			attempt, wait = 1, p.backoff
		}
		if attempt >= maxAttempts {
			return err
		}
		p.report("%s: %v; trying again", entry, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait *= 2
	}
}

func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// attempt asks once for the part of the file that is missing.
func (p *puller) attempt(ctx context.Context, entry string, u *url.URL, want Published, path string) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(stallTimeout, func() { cancel(errors.New("the server sent nothing for a minute")) })
	defer stalled.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return permanent{err}
	}
	req.Header.Set("User-Agent", "frontdesk")
	have := fileSize(path)
	if have >= want.Size { // the file is complete, but its sum was wrong, or it is too long
		have = 0
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return withCause(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		have = 0 // the server sends the file from its start
	case resp.StatusCode == http.StatusPartialContent && have > 0 && hasRange(resp, have, want.Size):
	case resp.StatusCode == http.StatusPartialContent, resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		_ = os.Remove(path)
		return fmt.Errorf("%s sent another range of bytes than the requested one", u.Host)
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return permanent{notThere{fmt.Errorf("%s: %s", u.Redacted(), resp.Status)}}
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("%s: %s", u.Redacted(), resp.Status)
	default:
		return permanent{fmt.Errorf("%s: %s", u.Redacted(), resp.Status)}
	}
	if resp.ContentLength >= 0 && have+resp.ContentLength != want.Size {
		return permanent{fmt.Errorf("%s has %d bytes, want %d", u.Redacted(), have+resp.ContentLength, want.Size)}
	}
	return p.receive(ctx, entry, want, path, have, &watched{resp.Body, stalled})
}

// hasRange reports whether a response holds the bytes from start on of a file of size bytes.
func hasRange(resp *http.Response, start, size int64) bool {
	return resp.Header.Get("Content-Range") == fmt.Sprintf("bytes %d-%d/%d", start, size-1, size)
}

// receive appends body to the first have bytes of the file at path.
func (p *puller) receive(ctx context.Context, entry string, want Published, path string, have int64, body io.Reader) (err error) {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return permanent{err}
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Truncate(have); err != nil {
		return permanent{err}
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return permanent{err}
	}
	progress := func(done int64) {
		if p.config.Progress != nil {
			p.config.Progress(key(entry, want.Name), have+done, want.Size)
		}
	}
	n, err := copyAll(ctx, &counted{out, progress, 0}, body, want.Size-have)
	if err != nil {
		return withCause(ctx, err)
	}
	if have+n != want.Size {
		return fmt.Errorf("the connection ended after %d of %d bytes", have+n, want.Size)
	}
	return nil
}

// withCause returns why ctx was canceled, or err if it was not.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watched restarts the timer that ends a stalled attempt whenever bytes arrive.
type watched struct {
	io.Reader
	stalled *time.Timer
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.Reader.Read(b)
	if n > 0 {
		w.stalled.Reset(stallTimeout)
	}
	return n, err
}

// counted reports how many bytes were written.
type counted struct {
	io.Writer
	progress func(int64)
	n        int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	c.progress(c.n)
	if err != nil {
		err = permanent{err} // the disk is full
	}
	return n, err
}

// copyAll copies at most limit bytes, and returns an error if there are more.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, limit int64) (int64, error) {
	n, err := io.Copy(w, io.LimitReader(&contextReader{ctx, r}, limit))
	if err != nil {
		return n, err
	}
	if more, _ := io.ReadFull(r, make([]byte, 1)); more > 0 {
		return n, permanent{fault.New(fault.TooLarge, "more than %d bytes", limit)}
	}
	return n, nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
