package valkey

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
	"github.com/valkey-io/valkey-go/valkeylimiter"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

//go:embed limiter.lua
var limiterSource string

var limiterScript = newScript(limiterSource)

// limiter is a session.Limiter whose counts are in the store. The limits of the single
// process are counted in local.
type limiter struct {
	store  *Store
	limits session.Limits
	local  *session.LocalLimiter
	minute valkeylimiter.RateLimiterClient // calls started per minute; nil: no limit
	second valkeylimiter.RateLimiterClient // calls started per second
	tokens valkeylimiter.RateLimiterClient // tokens per hour
}

// Limiter returns a Limiter whose limits hold for all processes that share the store. The
// caller must not close the store before its last use.
func (s *Store) Limiter(l session.Limits) (session.Limiter, error) {
	m := &limiter{store: s, limits: l, local: session.NewLimiter(session.Limits{Calls: l.Calls})}
	for _, rate := range []struct {
		client *valkeylimiter.RateLimiterClient
		prefix string
		limit  int
		window time.Duration
	}{
		{&m.minute, "fd:starts:minute", l.StartsPerMinute, time.Minute},
		{&m.second, "fd:starts:second", l.StartsPerSecond, time.Second},
		{&m.tokens, "fd:tokens:hour", l.TokensPerHour, time.Hour},
	} {
		if rate.limit == 0 {
			continue
		}
		var err error
		*rate.client, err = valkeylimiter.NewRateLimiter(valkeylimiter.RateLimiterOption{
			ClientBuilder: func(valkey.ClientOption) (valkey.Client, error) { return s.client, nil },
			KeyPrefix:     rate.prefix, Limit: rate.limit, Window: rate.window,
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the rate limiter cannot be created")
		}
	}
	return m, nil
}

// StartCall implements session.Limiter. A call that one limit refuses may count as started
// for another limit.
func (m *limiter) StartCall(ctx context.Context, id, address string) error {
	if err := m.local.StartCall(ctx, id, address); err != nil {
		return err
	}
	err := m.run(ctx, address, "start", m.callsTotal(), m.callsPerAddress(), id, decimal(session.LeaseTTL))
	if err != nil {
		m.local.EndLine(id)
		return err
	}
	if err := m.countStarts(ctx, address, 1); err != nil {
		_ = m.EndCall(ctx, id, address) // if this fails, the count expires
		return err
	}
	return nil
}

// RefreshCall implements session.Limiter.
func (m *limiter) RefreshCall(ctx context.Context, id, address string) error {
	return m.run(ctx, address, "refresh", id, decimal(session.LeaseTTL))
}

// EndCall implements session.Limiter. A session that moved to another process is not
// counted until that process calls RefreshCall.
func (m *limiter) EndCall(ctx context.Context, id, address string) error {
	if !m.local.EndLine(id) {
		return nil
	}
	return m.run(ctx, address, "end", id)
}

// CheckStart implements session.Limiter.
func (m *limiter) CheckStart(ctx context.Context, address string) error {
	if err := m.local.CheckStart(ctx, address); err != nil {
		return err
	}
	if err := m.run(ctx, address, "check", m.callsTotal(), m.callsPerAddress()); err != nil {
		return err
	}
	return m.countStarts(ctx, address, 0)
}

// SpendTokens implements session.Limiter.
func (m *limiter) SpendTokens(ctx context.Context, agent string, tokens int) error {
	return m.count(ctx, m.tokens, agent, tokens, session.ErrTokensSpent)
}

// countStarts counts n calls started from an address.
func (m *limiter) countStarts(ctx context.Context, address string, n int) error {
	if err := m.count(ctx, m.second, address, n, session.ErrTooManyStarts); err != nil {
		return err
	}
	return m.count(ctx, m.minute, address, n, session.ErrTooManyStarts)
}

// count adds n to what r counts under key. It returns the error that overLimit makes of
// the time to wait when the limit is exceeded. r may be nil.
func (m *limiter) count(ctx context.Context, r valkeylimiter.RateLimiterClient, key string, n int, overLimit func(time.Duration) error) error {
	if r == nil {
		return nil
	}
	var result valkeylimiter.Result
	err := retry(ctx, func() (err error) { // a retry may count twice, which does little harm
		result, err = r.AllowN(ctx, key, int64(n))
		return err
	})
	if err != nil {
		return err
	}
	if !result.Allowed {
		return overLimit(time.Until(time.UnixMilli(result.ResetAtMs)))
	}
	return nil
}

func (m *limiter) callsTotal() string      { return strconv.Itoa(m.limits.CallsTotal) }
func (m *limiter) callsPerAddress() string { return strconv.Itoa(m.limits.CallsPerAddress) }

// run runs an operation of limiter.lua.
func (m *limiter) run(ctx context.Context, address string, args ...string) error {
	keys := []string{"fd:{calls}:all", "fd:{calls}:from:" + address}
	var refused error
	err := retry(ctx, func() error {
		values, err := limiterScript.run(ctx, m.store.client, keys, args).ToArray()
		if err != nil {
			return err
		}
		refused, err = parseLimiterReply(values)
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

// parseLimiterReply reads {status, number of calls}.
func parseLimiterReply(values []valkey.ValkeyMessage) (refused, err error) {
	if len(values) < 2 {
		return nil, errShortReply
	}
	status, err := values[0].ToString()
	if err != nil {
		return nil, err
	}
	n, err := values[1].AsInt64()
	switch status {
	case "busy":
		refused = session.ErrAllBusy()
	case "address":
		refused = session.ErrAddressBusy(int(n))
	}
	return refused, err
}
