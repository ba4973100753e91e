package dialog

import "context"

// Handoff is a caller who is to be connected with a person.
type HandoverRequest struct {
	Summary string // what the person should know, in a sentence or two
	Ticket  string // opened for it, or ""
	// Waits ends when the caller would rather be called back than wait any longer.
	Waiting context.Context
}
