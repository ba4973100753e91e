package session

import (
	"context"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Limits bound what callers may use. A field of zero means no limit.
type Limits struct {
	Calls           int           // simultaneous calls in this process
	CallsTotal      int           // simultaneous calls in all processes
	CallsPerAddress int           // simultaneous calls from one address
	StartsPerMinute int           // calls that one address may start per minute
	StartsPerSecond int           // calls that one address may start per second: the size of a burst
	TokensPerHour   int           // tokens of language models for the calls of one agent
	Duration        time.Duration // longest call
}

// Limiter counts what callers use and enforces Limits. Errors are fault.Error: Limited,
// with the time after which to retry, and Unavailable when the count cannot be reached.
type Limiter interface {
	// StartCall counts a call of a session from an address, or returns why it may not
	// start. A session that is counted already, because it only moves to another line,
	// is not counted again. Every StartCall needs an EndCall. While the call lasts, RefreshCall must
	// be called every few seconds: a call that was not refreshed for LeaseTTL is no longer
	// counted, as after a crash of its process.
	StartCall(ctx context.Context, session, address string) error
	RefreshCall(ctx context.Context, session, address string) error
	EndCall(ctx context.Context, session, address string) error
	// CheckStart returns why StartCall would refuse the address, and counts nothing.
	CheckStart(ctx context.Context, address string) error
	// SpendTokens counts tokens that an agent's calls have used, and returns an error when
	// the agent's budget is spent. With 0 tokens it only checks.
	SpendTokens(ctx context.Context, agent string, tokens int) error
}

// busyRetry is after what time a line may be free again.
const busyRetry = 10 * time.Second

// ErrAllBusy is the error of a Limiter when too many calls run.
func ErrAllBusy() error {
	return fault.New(fault.Limited, "all lines are busy: please try again in a moment").Retryable(busyRetry)
}

// ErrAddressBusy is the error of a Limiter when the address has n calls, as many as it may.
func ErrAddressBusy(n int) error {
	return fault.New(fault.Limited, "there are already %d calls from your address", n).Retryable(busyRetry)
}

// ErrTooManyStarts is the error of a Limiter when the address may start a call only after wait.
func ErrTooManyStarts(wait time.Duration) error {
	return fault.New(fault.Limited, "too many calls from your address in a short time").Retryable(max(wait, time.Millisecond))
}

// ErrTokensSpent is the error of a Limiter when the agent's token budget is spent until wait
// has passed.
func ErrTokensSpent(wait time.Duration) error {
	return fault.New(fault.Limited, "this agent has answered as much as it may for now").Retryable(max(wait, time.Millisecond))
}

// tokenMeter is a conversation's journal that also counts the tokens of its turns and of
// what reads them.
type tokenMeter struct {
	dialog.Journal
	limiter   Limiter
	agent     string
	log       *zap.Logger
	uncounted int // tokens that were used while the count could not be reached
}

// Append implements dialog.Journal.
func (m *tokenMeter) Append(ctx context.Context, r dialog.JournalEntry) error {
	if turn := r.Turn; turn != nil {
		m.uncounted += turn.Usage.Input + turn.Usage.Output + turn.Discarded.Input + turn.Discarded.Output
	}
	if r.Reading != nil {
		m.uncounted += r.Reading.Usage.Input + r.Reading.Usage.Output
	}
	err := m.Journal.Append(ctx, r)
	if err == nil && m.uncounted > 0 {
		switch err := m.limiter.SpendTokens(ctx, m.agent, m.uncounted); {
		case err == nil, fault.From(err).Code == fault.Limited: // a running call may go on
			m.uncounted = 0
		default:
			m.log.Warn("tokens not counted yet", zap.Int("tokens", m.uncounted), zap.Error(err))
		}
	}
	return err
}
