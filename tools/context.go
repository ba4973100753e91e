package tools

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/hours"
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
	Issues      string // what is open in the session, a line each, for a person who takes over
	CallBack    CallBack
}

// CallBack is when a person can call back, and what the caller and the team are told of that.
// The zero CallBack is as soon as somebody can.
type CallBack struct {
	From     time.Time // the next opening; zero while people answer
	Said     string    // From in the agent's language, such as "tomorrow at 8 am"
	Soon     string    // what stands for NextOpening while people answer
	Closed   string    // tells the caller that nobody answers now and when somebody calls back
	Named    string    // tells the caller that they are called back at the time that they named, %s
	Subject  string    // of the ticket, before the reason; "" is "Call back:"
	Promise  string    // tells the team from when the caller was promised a call-back, %s
	IsClosed bool      // nobody answers now
	Hours    *hours.Hours
}

// NextOpening stands in an agent's message for the time at which a person can call back.
const NextOpening = "{next_opening}"

// message returns what to tell a caller who wants a person: the agent's message, unless nobody
// answers now or the caller named a time, and the message does not say when somebody calls.
// named is that time in the agent's language, or "".
func (c CallBack) message(text, named string) string {
	said, other := c.Said, c.Closed
	if named != "" {
		said, other = named, fmt.Sprintf(cmp.Or(c.Named, "A colleague will call you back %s."), named)
	}
	switch {
	case !c.IsClosed && named == "":
		return strings.ReplaceAll(text, NextOpening, c.Soon)
	case said != "" && strings.Contains(text, NextOpening):
		return strings.ReplaceAll(text, NextOpening, said)
	}
	return other
}

const (
	maxAhead = 30 * 24 * time.Hour // of a call-back at a time that the caller named
	maxLate  = 5 * time.Minute     // by which that time may be over already
)

// callBackTimes are how a model may write when the caller wants to be called back.
var callBackTimes = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"}

// timeOf reads the time at which a caller wants to be called back. The error tells the model
// what to ask.
func (c CallBack) timeOf(text, language string, now time.Time) (at time.Time, said string, err error) {
	for _, layout := range callBackTimes {
		if at, err = time.ParseInLocation(layout, strings.TrimSpace(text), c.Hours.In(now).Location()); err == nil {
			break
		}
	}
	switch {
	case err != nil:
		return at, "", fault.New(fault.Invalid, "when is not a local date and time such as 2026-12-01T15:00")
	case at.Before(now.Add(-maxLate)):
		return at, "", fault.New(fault.Invalid, "that time is over: ask the caller for a later one")
	case at.After(now.Add(maxAhead)):
		return at, "", fault.New(fault.Invalid, "that time is more than %d days away: ask the caller for an earlier one", int(maxAhead.Hours()/24))
	case !c.Hours.IsOpen(at):
		opening, ok := c.Hours.NextOpening(at)
		if !ok {
			return at, "", fault.New(fault.Invalid, "nobody calls at that time: ask the caller for another one")
		}
		return at, "", fault.New(fault.Invalid, "nobody calls at that time, because it is outside the opening hours. The next time is %s (%s): offer it",
			c.Hours.SayWhen(language, opening, now), c.Hours.In(opening).Format(callBackTimes[2]))
	}
	return c.Hours.In(at), c.Hours.SayWhen(language, at, now), nil
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
