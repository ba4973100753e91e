package tools

import "context"

// Caller is what tools may know of the caller. Fields that are not known are empty.
type Caller struct {
	Session     string // the session; calls with the same id in different sessions are different calls
	Known       string // the account that the operator's token vouches for
	Number      string // telephone number of the caller's line
	Address     string // network address, for the limits of callers who are otherwise unknown
	CanTransfer bool   // the call can be transferred to a person now
	Agent       string // that the caller speaks with
	Language    string // of the agent
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
