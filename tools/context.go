package tools

import (
	"context"
	"strings"
	"time"
)

// Caller is what tools may know of the caller. Fields that are not known are empty.
type Caller struct {
	Session     string // the session; calls with the same id in different sessions are different calls
	Known       string // the account that the operator's token vouches for
	Number      string // telephone number of the caller's line
	Address     string // network address, for the limits of callers who are otherwise unknown
	CanTransfer bool   // the call can be transferred to a person now
	Agent       string // that the caller speaks with
	Language    string // of the agent
	Said        string // what the caller said in the last turns
	CallBack    CallBack
}

// CallBack is when a person can call back. The zero CallBack is as soon as somebody can.
type CallBack struct {
	From     time.Time // the next opening; zero while people answer
	Said     string    // From in the agent's language, such as "tomorrow at 8 am"
	Soon     string    // what stands for NextOpening while people answer
	Closed   string    // tells the caller that nobody answers now and when somebody calls back
	IsClosed bool      // nobody answers now
}

// NextOpening stands in an agent's message for the time at which a person can call back.
const NextOpening = "{next_opening}"

// message returns what to tell a caller who wants a person: the agent's message, unless nobody
// answers now and the message does not say when somebody does.
func (c CallBack) message(text string) string {
	switch {
	case !c.IsClosed:
		return strings.ReplaceAll(text, NextOpening, c.Soon)
	case c.Said != "" && strings.Contains(text, NextOpening):
		return strings.ReplaceAll(text, NextOpening, c.Said)
	}
	return c.Closed
}

type callerKey struct{}

// WithCaller returns a context that tells tools who the caller is.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns who the caller is, as WithCaller has told it.
func CallerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

type speculationKey struct{}

// WithSpeculation returns a context for calls that guess what the caller will have said. A
// result may be used when the guess was right, but a call that fails must be made again
// without this context: the failures of guesses are not held against the caller.
func WithSpeculation(ctx context.Context) context.Context {
	return context.WithValue(ctx, speculationKey{}, true)
}

// IsSpeculative reports whether ctx is one of WithSpeculation.
func IsSpeculative(ctx context.Context) bool { return ctx.Value(speculationKey{}) != nil }
