package session

import (
	"context"
	"time"

	"frontdesk/dialog"
	"frontdesk/fault"
)

// Desk admits callers and runs their calls.
type Desk struct{}

// Call is an admitted call. Run or Close must be called, once.
type Call struct{}

// Admit checks limits, finds the agent, takes the session's lease (from another
// line of this process too) and loads its history. The error is a fault.Error.
func (d *Desk) Admit(ctx context.Context, c Caller) (*Call, error) {
	return nil, fault.New(fault.Unavailable, "not yet")
}

// Run holds the conversation over line and returns when the call is over. ctx is
// the line's life: when it ends the call ends as Lost.
func (c *Call) Run(ctx context.Context, line dialog.Line) Ending { return Ending{} }

// Hangup ends the call from this side; Run then returns HungUp.
func (c *Call) Hangup() {}

// Close gives an admitted call up before Run, as when its offer could not be answered.
func (c *Call) Close() {}

// ID is the call's id, "rtc_…", new for every line.
func (c *Call) ID() string { return "" }

// Session is the id of the session the call belongs to, "sess_…".
func (c *Call) Session() string { return "" }

// Agent is who answers.
func (c *Call) Agent() *dialog.Agent { return nil }

// ResumeToken lets the caller's client go on with this session over a new line.
func (c *Call) ResumeToken() string { return "" }

// History is what was said before this line, oldest first.
func (c *Call) History() []dialog.Message { return nil }

// Find returns the running call of that id.
func (d *Desk) Find(id string) (*Call, bool) { return nil, false }

// Tokens makes and checks the tokens that browsers and returning callers carry.
// They are signed, not stored: any node with the same secret accepts them.
type Tokens struct{}

// Claims is what a token says.
type Claims struct {
	Caller  Caller // Agent, Resume, Trusted, Instructions and Tools are carried
	Expires time.Time
}

// Mint makes a client token, "ek_…", or a resume token, "rt_…" when c.Caller.Resume is set.
func (t *Tokens) Mint(c Claims) (string, error) { return "", nil }

// Verify checks a token of either kind. The error is fault.Unauthorized.
func (t *Tokens) Verify(token string) (Claims, error) { return Claims{}, nil }
