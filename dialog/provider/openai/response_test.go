package openai

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

// fixedResponse returns a response whose body is b.
func fixedResponse(t *testing.T, c *client, contentType string, b []byte) *response {
	r := &response{client: c, parent: t.Context()}
	r.ctx, r.cancel = context.WithCancelCause(t.Context())
	r.timer = time.AfterFunc(time.Minute, func() {})
	r.http = &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(b))}
	return r
}
