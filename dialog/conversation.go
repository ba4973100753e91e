package dialog

import (
	"context"

	"frontdesk/tools"
)

// Options is what a conversation needs beside its agent.
type Options struct {
	Instructions string                     // in place of the agent's, unless ""
	Tools        []tools.Spec               // the client's own tools, answered by ToolOutput
	Journal      Journal                    // nil keeps nothing
	History      []Message                  // what was said before, oldest first; no greeting is said then
	Turn         int                        // number of the last turn of History
	NewID        func(prefix string) string // makes "item_…", "resp_…", "call_…"; unique in the session
}

// Outcome is how a conversation came to its end.
type Outcome string

const (
	CallerGone Outcome = "caller_gone" // the line closed
	Goodbye    Outcome = "goodbye"     // the caller said goodbye and was answered
	NoAnswer   Outcome = "no_answer"   // the caller fell silent
)

// Conversation is one session's talk over one line.
type Conversation struct{}

// New prepares a conversation of agent.
func New(agent *Agent, o Options) *Conversation { return &Conversation{} }

// Run talks until the conversation ends, the caller is gone or ctx ends. It joins
// every goroutine it started.
func (c *Conversation) Run(ctx context.Context, line Line) (Outcome, error) {
	return CallerGone, nil
}
