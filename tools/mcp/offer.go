package mcp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/zap"

	"frontdesk/tools"
)

const (
	maxRequest  = 1 << 20 // bytes of an HTTP request
	maxKey      = 200     // bytes of an idempotency key that a client sends
	ownSession  = "mcp"   // the session of calls that MCP clients make
	ownProvider = "frontdesk"
)

// Offer is an agent's tools as an MCP server. Its clients are programs of the operator: their
// calls do not pass the gate.
type Offer struct {
	Title   string // of the agent
	Version string // of this program
	Tools   *tools.Registry
	Log     *zap.Logger
}

// server returns the server of the SDK.
func (o Offer) server() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: ownProvider, Title: o.Title, Version: o.Version}, &sdk.ServerOptions{
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}},
	})
	for _, spec := range o.Tools.Specs() {
		isAdditive := false
		s.AddTool(&sdk.Tool{
			Name: spec.Name, Description: spec.Description, InputSchema: spec.Parameters,
			Annotations: &sdk.ToolAnnotations{ReadOnlyHint: !spec.Rule.Effect.Changes(), DestructiveHint: &isAdditive, OpenWorldHint: &isAdditive},
		}, o.call)
	}
	return s
}

// call runs a tool and logs that it ran, with the number of its ticket but no other value.
func (o Offer) call(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	began := time.Now()
	key, _ := r.Params.Meta[IdempotencyKey].(string)
	if len(key) > maxKey {
		return nil, errors.New("the idempotency key is longer than 200 bytes")
	}
	ctx = tools.WithCaller(ctx, tools.Caller{Session: ownSession})
	result := o.Tools.DoAsOperator(ctx, tools.Call{ID: key, Name: r.Params.Name, Arguments: r.Params.Arguments})
	fields := []zap.Field{zap.String("tool", r.Params.Name), zap.Bool("failed", result.Failed), zap.Duration("took", time.Since(began))}
	for _, n := range result.Notes {
		if n.Kind == "ticket" {
			fields = append(fields, zap.String("ticket", n.ID))
		}
	}
	o.Log.Info("an MCP client called a tool", fields...)
	out := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(result.Output)}}, IsError: result.Failed}
	if bytes.HasPrefix(bytes.TrimSpace(result.Output), []byte("{")) && !result.Failed {
		out.StructuredContent = result.Output
	}
	return out, nil
}

// NewHandler serves an offer over streamable HTTP. Each request stands alone, so any node can
// answer it. The caller must check who sends a request.
func NewHandler(o Offer) http.Handler {
	s := o.server()
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return s }, &sdk.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxRequest, PropagateRequestCancellation: true,
		DisableLocalhostProtection: true, // requests need a key, so a page that rebinds a name gains nothing
	})
}

// ServeStdio serves an offer over in and out until in ends or ctx ends.
func ServeStdio(ctx context.Context, o Offer, in io.ReadCloser, out io.WriteCloser) error {
	err := o.server().Run(ctx, &sdk.IOTransport{Reader: in, Writer: out, MaxLineLength: maxRequest})
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
