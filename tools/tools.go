// Package tools is what an agent can do besides talk: a registry of tools with JSON
// Schema parameters and a policy, tickets and look-ups in tables. A model makes a Call by
// name with JSON arguments; a Result comes back as JSON for the model to read. Of Frontdesk
// the package imports only tools/gate, internal/db, internal/fault, internal/hours, internal/phone and
// internal/words.
package tools

import (
	"context"
	"encoding/json"
	"time"

	"frontdesk/tools/gate"
)

// Spec describes a tool to a model.
type Spec struct {
	Name        string          `json:"name"`        // [a-z0-9_]{1,64}
	Description string          `json:"description"` // what it does and when to use it
	Parameters  json.RawMessage `json:"parameters"`  // JSON Schema of an object
	Rule        gate.Rule       `json:"-"`
	// IsIdempotent says that a call that is repeated with the same id has its effect once.
	IsIdempotent bool `json:"-"`
	// IsDurable says that a call goes on when nobody waits for it, and that its tool is an
	// Awaiter.
	IsDurable bool          `json:"-"`
	Timeout   time.Duration `json:"-"` // 0 means the policy's
	// Say tells the result in a sentence, which is the field "say" of the output if it could
	// be made. "" if the tool has none.
	Say string `json:"-"`
}

// Call is a model's request to run a tool.
type Call struct {
	ID        string          `json:"id"` // unique within the session; the idempotency key of a tool with an effect
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Result is the answer of a tool.
type Result struct {
	CallID string          `json:"call_id"`
	Output json.RawMessage `json:"output"`           // what the model reads; an object with "error" when Failed
	Failed bool            `json:"failed,omitempty"` // the call did not succeed
	Notes  []Note          `json:"notes,omitempty"`  // what the caller's client may show
	// Held says that the call has not run: the caller is asked for consent.
	Held bool `json:"held,omitempty"`
	// Refused says that the call has not run: the gate refused it.
	Refused bool `json:"refused,omitempty"`
	// Pending says that the call still runs. Its result comes with another call, whose Result
	// has the id of this one as Late.
	Pending bool   `json:"pending,omitempty"`
	Late    string `json:"late,omitempty"`
	// IsWrong says that the values of the call name nothing that the caller may know.
	IsWrong bool `json:"wrong,omitempty"`
	// Proved is a record of which the caller has just proved a fact, as its key, and
	// Identity an account of which they have just proved the PIN.
	Proved   string `json:"proved,omitempty"`
	Identity string `json:"identity,omitempty"`
	// Done lists effects of other tools that the call reports to have happened, also if it
	// failed, and UnderWay those that go on.
	Done     []Done `json:"done,omitempty"`
	UnderWay []Done `json:"under_way,omitempty"`
	// Err is why the call failed, for the log; JSON does not keep it.
	Err error `json:"-"`
}

// Done is the effect of a call of a tool.
type Done struct {
	Tool   string      `json:"tool"`
	Effect gate.Effect `json:"effect"`
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
	// ends at the tool's deadline or, for a tool without an effect, when its turn is interrupted.
	// The model reads the message of a fault.Error; it does not learn other errors.
	Call(ctx context.Context, call Call) (Result, error)
}

// Awaiter is a tool whose calls go on when nobody waits for them.
type Awaiter interface {
	// Await waits for the end of a call that was made before, of the same session, and returns
	// its result. It starts nothing. The error is NotFound if the call did not begin.
	Await(ctx context.Context, call Call) (Result, error)
}
