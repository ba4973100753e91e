package openai

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

// canned is an exchange whose answer is b.
func canned(t *testing.T, c *client, kind string, b []byte) *exchange {
	x := &exchange{client: c, parent: t.Context()}
	x.ctx, x.cancel = context.WithCancelCause(t.Context())
	x.watch = time.AfterFunc(time.Minute, func() {})
	x.resp = &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(b))}
	return x
}
