package session

import (
	"context"
	_ "embed"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
	"github.com/valkey-io/valkey-go/valkeylimiter"

	"frontdesk/internal/fault"
)

//go:embed valkeygate.lua
var gateSource string

var gateScript = newScript(gateSource)

// valkeyGate is the Gate of all processes that share a Valkey. What bounds one process
// is counted in it.
type valkeyGate struct {
	store  *Valkey
	limits Limits
	own    *turnstile
	minute valkeylimiter.RateLimiterClient // nil: no limit
	second valkeylimiter.RateLimiterClient
	tokens valkeylimiter.RateLimiterClient
}

// Gate makes a Gate whose limits hold for all processes that share v. v must not be
// closed before its last use.
func (v *Valkey) Gate(l Limits) (Gate, error) {
	g := &valkeyGate{store: v, limits: l, own: newTurnstile(Limits{Calls: l.Calls})}
	for _, rate := range []struct {
		limiter *valkeylimiter.RateLimiterClient
		prefix  string
		limit   int
		window  time.Duration
	}{
		{&g.minute, "fd:starts:minute", l.StartsPerMinute, time.Minute},
		{&g.second, "fd:starts:second", l.StartsPerSecond, time.Second},
		{&g.tokens, "fd:tokens:hour", l.TokensPerHour, time.Hour},
	} {
		if rate.limit == 0 {
			continue
		}
		var err error
		*rate.limiter, err = valkeylimiter.NewRateLimiter(valkeylimiter.RateLimiterOption{
			ClientBuilder: func(valkey.ClientOption) (valkey.Client, error) { return v.client, nil },
			KeyPrefix:     rate.prefix, Limit: rate.limit, Window: rate.window,
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the limits cannot be kept")
		}
	}
	return g, nil
}

// Enter implements Gate. A call that one limit refuses may count as begun for another.
func (g *valkeyGate) Enter(ctx context.Context, session, addr string) error {
	if err := g.own.Enter(ctx, session, addr); err != nil {
		return err
	}
	err := g.run(ctx, addr, "enter", g.total(), g.perAddress(), session, decimal(leaseTTL))
	if err != nil {
		g.own.leave(session)
		return err
	}
	if err := g.starts(ctx, addr, 1); err != nil {
		_ = g.Leave(ctx, session, addr) // else it is forgotten
		return err
	}
	return nil
}

// Stay implements Gate.
func (g *valkeyGate) Stay(ctx context.Context, session, addr string) error {
	return g.run(ctx, addr, "stay", session, decimal(leaseTTL))
}

// Leave implements Gate. A session whose caller has changed to another process is
// uncounted until that one's next Stay.
func (g *valkeyGate) Leave(ctx context.Context, session, addr string) error {
	if !g.own.leave(session) {
		return nil
	}
	return g.run(ctx, addr, "leave", session)
}

// Check implements Gate.
func (g *valkeyGate) Check(ctx context.Context, addr string) error {
	if err := g.own.Check(ctx, addr); err != nil {
		return err
	}
	if err := g.run(ctx, addr, "check", g.total(), g.perAddress()); err != nil {
		return err
	}
	return g.starts(ctx, addr, 0)
}

// Spend implements Gate.
func (g *valkeyGate) Spend(ctx context.Context, agent string, tokens int) error {
	return g.use(ctx, g.tokens, agent, tokens, errSpent)
}

func (g *valkeyGate) starts(ctx context.Context, addr string, n int) error {
	if err := g.use(ctx, g.second, addr, n, errTooFast); err != nil {
		return err
	}
	return g.use(ctx, g.minute, addr, n, errTooFast)
}

// use takes n of what l counts for who; over makes the error when too many are taken.
func (g *valkeyGate) use(ctx context.Context, l valkeylimiter.RateLimiterClient, who string, n int, over func(time.Duration) error) error {
	if l == nil {
		return nil
	}
	var r valkeylimiter.Result
	err := repeat(ctx, func() (err error) { // what is then counted twice does little harm
		r, err = l.AllowN(ctx, who, int64(n))
		return err
	})
	if err != nil {
		return err
	}
	if !r.Allowed {
		return over(time.Until(time.UnixMilli(r.ResetAtMs)))
	}
	return nil
}

func (g *valkeyGate) total() string      { return strconv.Itoa(g.limits.CallsTotal) }
func (g *valkeyGate) perAddress() string { return strconv.Itoa(g.limits.CallsPerAddress) }

// run counts calls at a time.
func (g *valkeyGate) run(ctx context.Context, addr string, args ...string) error {
	keys := []string{"fd:{calls}:all", "fd:{calls}:from:" + addr}
	var refused error
	err := repeat(ctx, func() error {
		answer, err := gateScript.run(ctx, g.store.client, keys, args).ToArray()
		if err != nil {
			return err
		}
		refused, err = parseCount(answer)
		return err
	})
	if err != nil {
		return err
	}
	return refused
}

// parseCount reads {status, calls}.
func parseCount(answer []valkey.ValkeyMessage) (refused, err error) {
	if len(answer) < 2 {
		return nil, errShort
	}
	status, err := answer[0].ToString()
	if err != nil {
		return nil, err
	}
	n, err := answer[1].AsInt64()
	switch status {
	case "busy":
		refused = errBusy()
	case "address":
		refused = errAddressBusy(int(n))
	}
	return refused, err
}
