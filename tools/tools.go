// Package tools is what an agent can do besides talk: a registry of tools with
// JSON Schema parameters and a policy, a knowledge base, tickets and look-ups in
// tables. It imports nothing of Frontdesk but fault. A model asks for a Call by
// name with JSON arguments; a Result comes back as JSON for the model to read.
package tools

import (
	"context"
	"encoding/json"
)

// Effect says what calling a tool does to the world.
type Effect int

const (
	// Reads changes nothing: it may run early, twice, or for nothing.
	Reads Effect = iota
	// Writes changes something: it runs once, after its record is durable, and an
	// interruption does not stop it.
	Writes
)

// Spec describes a tool to a model.
type Spec struct {
	Name        string          `json:"name"`        // [a-z0-9_]{1,64}
	Description string          `json:"description"` // what it does and when to use it
	Parameters  json.RawMessage `json:"parameters"`  // JSON Schema of an object
	Effect      Effect          `json:"-"`
}

// Call is a model's wish to use a tool.
type Call struct {
	ID        string          `json:"id"` // unique within the session; the idempotency key of a Writes tool
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Result is what a tool answered.
type Result struct {
	CallID string          `json:"call_id"`
	Output json.RawMessage `json:"output"`           // what the model reads; an object with "error" when Failed
	Failed bool            `json:"failed,omitempty"` // the tool could not do it
	Notes  []Note          `json:"notes,omitempty"`  // things the caller's client may show
	Err    error           `json:"-"`                // why it failed, for the log; nil after a round trip through JSON
}

// Note is something worth showing beside the conversation: a ticket that was
// created, the page an answer came from, a hand-over that was asked for.
type Note struct {
	Kind  string `json:"kind"` // "ticket", "source", "handover"
	ID    string `json:"id,omitempty"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
}

// Tool is one thing an agent can do.
type Tool interface {
	Spec() Spec
	// Call does it. Arguments have been checked against the Spec's schema. ctx ends
	// when the tool's deadline passes or, for a tool that Reads, when its turn is
	// interrupted. The error's fault.Error message is told to the model.
	Call(ctx context.Context, call Call) (Result, error)
}
