package tools

import "context"

type sessionKey struct{}

// WithSession returns a context that tells tools their session. Calls with the same id in
// different sessions are different calls.
func WithSession(ctx context.Context, session string) context.Context {
	return context.WithValue(ctx, sessionKey{}, session)
}

func sessionOf(ctx context.Context) string {
	session, _ := ctx.Value(sessionKey{}).(string)
	return session
}

// Caller is what tools may know of the caller.
type Caller struct {
	Known       string // the account that the operator's token vouches for, "" if there is none
	Number      string // telephone number, "" if there is none or it is withheld
	Address     string // network address, for the limits of callers who are otherwise unknown
	CanTransfer bool   // the call can be transferred to a person now
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
