package session

import (
	"context"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Limits bound what callers may use. A zero field is no limit.
type Limits struct {
	Calls           int           // calls at a time in this process
	CallsTotal      int           // calls at a time in all processes
	CallsPerAddress int           // calls at a time from one address
	StartsPerMinute int           // calls begun per minute from one address
	StartsPerSecond int           // calls begun per second from one address: how large a burst may be
	TokensPerHour   int           // of language models, by the calls of one agent
	Duration        time.Duration // longest call
}

// Gate counts what callers use against Limits. Errors are fault.Error: Limited with the
// time to come back, Unavailable when nobody can count.
type Gate interface {
	// Enter counts a session's line from an address in, or says why not; a session that
	// is in already and only changes its line takes no other's place. Leave must follow.
	// Those of a process that ended without it are forgotten after some seconds, so Stay
	// must be called every leaseRenewal while the line lasts.
	Enter(ctx context.Context, session, address string) error
	Stay(ctx context.Context, session, address string) error
	Leave(ctx context.Context, session, address string) error
	// Check says why Enter would refuse the address, and counts nothing.
	Check(ctx context.Context, address string) error
	// Spend counts tokens that an agent's calls have used, and says whether the agent
	// may go on. 0 tokens only ask.
	Spend(ctx context.Context, agent string, tokens int) error
}

const (
	busyRetry = 10 * time.Second // when a line may be free again
)

func errBusy() error {
	return fault.New(fault.Limited, "all lines are busy: please try again in a moment").Retryable(busyRetry)
}

func errAddressBusy(n int) error {
	return fault.New(fault.Limited, "there are already %d calls from your address", n).Retryable(busyRetry)
}

func errTooFast(wait time.Duration) error {
	return fault.New(fault.Limited, "too many calls from your address in a short time").Retryable(max(wait, time.Millisecond))
}

func errSpent(wait time.Duration) error {
	return fault.New(fault.Limited, "this agent has answered as much as it may for now").Retryable(max(wait, time.Millisecond))
}

// metered counts the tokens of a conversation's turns, beside the conversation.
type metered struct {
	dialog.Journal
	gate  Gate
	agent string
	log   *zap.Logger
	owed  int // used and not yet counted, because the count cannot be reached
}

// Append implements dialog.Journal.
func (m *metered) Append(ctx context.Context, r dialog.JournalEntry) error {
	if turn := r.Turn; turn != nil {
		m.owed += turn.Usage.Input + turn.Usage.Output + turn.Discarded.Input + turn.Discarded.Output
	}
	err := m.Journal.Append(ctx, r)
	if err == nil && m.owed > 0 {
		switch err := m.gate.Spend(ctx, m.agent, m.owed); {
		case err == nil, fault.From(err).Code == fault.Limited: // calls under way may go on
			m.owed = 0
		default:
			m.log.Warn("tokens not counted yet", zap.Int("tokens", m.owed), zap.Error(err))
		}
	}
	return err
}
