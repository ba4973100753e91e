// Package tools is what an agent can do besides talk: a registry of tools with JSON
// Schema parameters and a policy, a knowledge base, tickets and look-ups in tables. A
// model makes a Call by name with JSON arguments; a Result comes back as JSON for the
// model to read. Of Frontdesk the package imports only internal/fault and internal/words.
package tools

import (
	"context"
	"encoding/json"
)

// Effect says whether a tool changes anything.
type Effect int

const (
	// Reads marks a tool that changes nothing. It may run early, twice, or without its
	// result being used.
	Reads Effect = iota
	// Writes marks a tool that changes something. It runs once, after the call has been
	// recorded durably, and a barge-in does not stop it.
	Writes
)

// Spec describes a tool to a model.
type Spec struct {
	Name        string          `json:"name"`        // [a-z0-9_]{1,64}
	Description string          `json:"description"` // what it does and when to use it
	Parameters  json.RawMessage `json:"parameters"`  // JSON Schema of an object
	Effect      Effect          `json:"-"`
}

// Call is a model's request to run a tool.
type Call struct {
	ID        string          `json:"id"` // unique within the session; the idempotency key of a Writes tool
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Result is the answer of a tool.
type Result struct {
	CallID string          `json:"call_id"`
	Output json.RawMessage `json:"output"`           // what the model reads; an object with "error" when Failed
	Failed bool            `json:"failed,omitempty"` // the call did not succeed
	Notes  []Note          `json:"notes,omitempty"`  // what the caller's client may show
	Err    error           `json:"-"`                // why the call failed, for the log; JSON does not keep it
}

// Note is something to show next to the conversation: a new ticket, the page an answer
// came from, a requested hand-over.
type Note struct {
	Kind  string `json:"kind"` // "ticket", "source", "handover"
	ID    string `json:"id,omitempty"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Tool is one thing an agent can do. It is safe for concurrent use.
type Tool interface {
	Spec() Spec
	// Call runs the tool. The arguments have been checked against the Spec's schema. ctx
	// ends at the tool's deadline or, for a tool that Reads, when its turn is interrupted.
	// The model reads the message of a fault.Error; it does not learn other errors.
	Call(ctx context.Context, call Call) (Result, error)
}
