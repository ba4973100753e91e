package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"frontdesk/internal/fault"
	"frontdesk/internal/words"
	"frontdesk/tools"
)

const (
	// IdempotencyKey is the field of a call's _meta that is the same when a call is
	// repeated, and different for all others.
	IdempotencyKey = "frontdesk/idempotencyKey"

	// rejectedByTransport is the code of the SDK's error for a message that it could not send.
	rejectedByTransport = -32005

	maxText  = 64 << 10 // bytes of a result's text; the registry shortens it further
	maxError = 500      // bytes of a failed result's text
)

// tool is a tool of a server.
type tool struct {
	server *Server
	remote string // its name at the server
	spec   tools.Spec
}

// Spec implements tools.Tool.
func (t *tool) Spec() tools.Spec { return t.spec }

// Call implements tools.Tool.
func (t *tool) Call(ctx context.Context, call tools.Call) (tools.Result, error) {
	c := t.server.connection.Load()
	if c == nil {
		return tools.Result{}, fault.New(fault.Unavailable, "the service behind this tool does not answer now").Retryable(0).NotDone()
	}
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	result, err := c.session.CallTool(calling, &sdk.CallToolParams{
		Meta: sdk.Meta{IdempotencyKey: idempotencyKey(tools.CallerOf(ctx).Session, call.ID)},
		Name: t.remote, Arguments: call.Arguments,
	})
	if err == nil {
		return convert(call, result)
	}
	if ctx.Err() == nil {
		if refused, ok := errors.AsType[*jsonrpc.Error](err); ok && refused.Code != rejectedByTransport {
			return failed(call, refused.Message), nil
		}
	}
	if ctx.Err() != context.Canceled {
		t.server.requestCheck() // it may be away
	}
	if ctx.Err() != nil {
		return tools.Result{}, ctx.Err()
	}
	if t.spec.Rule.Effect.Changes() {
		return tools.Result{}, fault.Wrap(withoutURL(err), fault.Unavailable, "the connection broke; it may still have been done, so do not say that it was not")
	}
	return tools.Result{}, fault.Wrap(withoutURL(err), fault.Unavailable, "the service behind this tool does not answer now").Retryable(0)
}

// idempotencyKey returns a key for a call of a session that does not reveal the session.
func idempotencyKey(session, call string) string {
	sum := sha256.Sum256([]byte(session + "\x00" + call))
	return hex.EncodeToString(sum[:16])
}

// convert makes the result that a model reads: structured content as it is, else the texts
// and a note about everything else.
func convert(call tools.Call, r *sdk.CallToolResult) (tools.Result, error) {
	text, notes := flatten(r.Content)
	switch {
	case r.IsError:
		return failed(call, text), nil
	case r.NeedsInput():
		return tools.Result{}, fault.New(fault.Provider, "the tool asks for input that it cannot get here")
	case r.StructuredContent != nil:
		out, err := json.Marshal(r.StructuredContent)
		if err != nil {
			return tools.Result{}, fault.Wrap(err, fault.Provider, "the tool returned something that is not JSON")
		}
		return tools.Result{CallID: call.ID, Output: out}, nil
	}
	out, err := json.Marshal(struct {
		Text  string   `json:"text"`
		Notes []string `json:"notes,omitempty"`
	}{text, notes})
	if err != nil {
		return tools.Result{}, fmt.Errorf("encode a result of %s: %w", call.Name, err)
	}
	return tools.Result{CallID: call.ID, Output: out}, nil
}

// failed returns a failed result with the tool's own text. The text is for the model only:
// it may hold values of callers, so the error for the log does not have it.
func failed(call tools.Call, text string) tools.Result {
	if text = printable(text, maxError); text == "" {
		text = "the tool failed and did not say why"
	}
	out, _ := json.Marshal(map[string]any{"error": map[string]any{"code": fault.Provider, "message": text}})
	return tools.Result{CallID: call.ID, Output: out, Failed: true, Err: fault.New(fault.Provider, "the MCP server's tool %s reported an error", call.Name)}
}

// flatten returns the texts of a result, and a note for each part that is not text.
func flatten(content []sdk.Content) (text string, notes []string) {
	const maxNotes = 20
	var texts []string
	size := 0
	for _, part := range content {
		note := ""
		switch p := part.(type) {
		case *sdk.TextContent:
			texts = append(texts, p.Text)
			size += len(p.Text)
		case *sdk.EmbeddedResource:
			if p.Resource != nil && p.Resource.Text != "" {
				texts = append(texts, p.Resource.Text)
				size += len(p.Resource.Text)
			} else {
				note = "a file that is not text was left out"
			}
		case *sdk.ResourceLink:
			note = "a link to a file was left out: " + printable(p.Name, maxName)
		case *sdk.ImageContent:
			note = "an image was left out"
		case *sdk.AudioContent:
			note = "an audio recording was left out"
		default:
			note = "a part of an unknown kind was left out"
		}
		if note != "" && len(notes) < maxNotes {
			notes = append(notes, note)
		}
		if size > maxText {
			break
		}
	}
	return printable(words.Clip(strings.Join(texts, "\n"), maxText), maxText), notes
}
