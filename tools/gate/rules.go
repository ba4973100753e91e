package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"frontdesk/internal/fault"
)

// The codes of refused calls, beside fault.Invalid, fault.Forbidden and fault.Limited.
const (
	NotVerified fault.Code = "not_verified" // the caller must prove first who they are
	NotSaid     fault.Code = "not_said"     // nobody gave a value of the call
)

// rule is a row of the table. apply returns nil if the rule does not object.
type rule struct {
	name  string
	apply func(context.Context, *Gate, *Request) *Decision
}

// rules are applied in this order. The last one counts the call, so nothing may follow it.
var rules = []rule{
	{"arguments", fitsConstraints},
	{"who", isKnownWellEnough},
	{"origin", valuesHaveOrigin},
	{"destination", destinationsHaveOrigin},
	{"wrong values", isNotGuessing},
	{"limit of the turn", isWithinTurn},
	{"limit of the session", isWithinSession},
	{"consent", hasConsent},
	{"limits of the caller and the hour", isWithinCounts},
}

func refuse(code fault.Code, format string, args ...any) *Decision {
	return &Decision{Verdict: Refused, Err: fault.New(code, format, args...)}
}

// fitsConstraints: the arguments fit what the operator allows.
func fitsConstraints(_ context.Context, _ *Gate, r *Request) *Decision {
	var value map[string]any
	if err := json.Unmarshal(r.Arguments, &value); err != nil {
		return refuse(fault.Invalid, "the arguments must be a JSON object")
	}
	if r.Rule.Arguments == nil {
		return nil
	}
	if err := r.Rule.Arguments.Validate(value); err != nil {
		return refuse(fault.Forbidden, "the policy of this tool does not allow these arguments")
	}
	return nil
}

// isKnownWellEnough: it is sure enough who the caller is.
func isKnownWellEnough(_ context.Context, _ *Gate, r *Request) *Decision {
	switch {
	case r.Evidence.Assurance >= r.Rule.Who:
		return nil
	case r.Rule.Who == VerifiedByFact && r.Evidence.hasProved(arguments(r.Arguments), r.Rule.Identify):
		return nil
	case r.Rule.Who == VerifiedOperator:
		return refuse(fault.Forbidden, "this is not available to this caller; offer a person")
	case r.Rule.Who == VerifiedByPIN:
		return refuse(NotVerified, "the caller must first prove who they are with their PIN: ask for it and use the tool for it")
	}
	return refuse(NotVerified, "the caller must first prove that the record is theirs: ask for the fact that its look-up wants")
}

// valuesHaveOrigin: each identifying value comes from the caller or from a tool.
func valuesHaveOrigin(_ context.Context, _ *Gate, r *Request) *Decision {
	values := arguments(r.Arguments)
	for _, name := range r.Rule.Identify {
		if v, ok := values[name]; ok && r.Evidence.OriginOf(v) == Nowhere {
			return refuse(NotSaid, "the caller has not said the value of %q, and no tool gave it: ask the caller for it", name)
		}
	}
	return nil
}

// destinationsHaveOrigin: no page, table or message chooses where something goes.
func destinationsHaveOrigin(_ context.Context, _ *Gate, r *Request) *Decision {
	values := arguments(r.Arguments)
	for _, name := range r.Rule.Destinations {
		v, ok := values[name]
		if !ok {
			continue
		}
		switch r.Evidence.OriginOf(v) {
		case FromCaller, FromLine, FromTrustedTool:
		default:
			return refuse(NotSaid, "the caller has not said the value of %q: ask the caller for it", name)
		}
	}
	return nil
}

// isNotGuessing: a caller cannot try one number after the other.
func isNotGuessing(_ context.Context, _ *Gate, r *Request) *Decision {
	if r.Used.Wrong >= r.Rule.Limits.withDefaults(r.Rule.Effect).Wrong {
		return refuse(fault.Limited, "too many numbers were wrong in this conversation; offer a person")
	}
	return nil
}

func isWithinTurn(_ context.Context, _ *Gate, r *Request) *Decision {
	if limit := r.Rule.Limits.withDefaults(r.Rule.Effect).Turn; r.Used.Turn >= limit {
		return refuse(fault.Limited, "this was done %s in this turn already, which is the limit", times(limit))
	}
	return nil
}

func isWithinSession(_ context.Context, _ *Gate, r *Request) *Decision {
	if limit := r.Rule.Limits.withDefaults(r.Rule.Effect).Session; r.Used.Session >= limit {
		return refuse(fault.Limited, "this was done %s in this conversation already, which is the limit; offer a person", times(limit))
	}
	return nil
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// hasConsent: the caller agreed to exactly these values, or their words request the tool.
func hasConsent(_ context.Context, _ *Gate, r *Request) *Decision {
	switch {
	case !r.Rule.Effect.Changes(), r.Rule.Consent == NoConsent:
		return nil
	case r.Approval.covers(r.Tool, r.Arguments):
		return nil
	case r.Rule.Consent == AskUnlessRequested && r.Rule.IsRequest != nil && r.Evidence.requests(r.Rule.IsRequest):
		return nil
	}
	return &Decision{Verdict: MustAsk}
}

// isWithinCounts counts the effect for its caller and for the agent.
func isWithinCounts(ctx context.Context, g *Gate, r *Request) *Decision {
	if !r.Rule.Effect.Changes() {
		return nil
	}
	limits := r.Rule.Limits.withDefaults(r.Rule.Effect)
	for _, c := range []struct {
		key    string
		limit  int
		window time.Duration
	}{
		{"caller/" + r.Agent + "/" + r.Tool + "/" + r.Evidence.Caller, limits.Caller, 24 * time.Hour},
		{"agent/" + r.Agent + "/" + r.Tool, limits.Hour, time.Hour},
	} {
		if g == nil || g.counter == nil || c.limit >= unlimited {
			continue
		}
		ok, err := g.counter.Take(ctx, c.key, c.limit, c.window)
		if err != nil {
			return &Decision{Verdict: Refused, Err: fault.Wrap(err, fault.Storage, "this cannot be done now, because it cannot be counted")}
		}
		if !ok {
			return refuse(fault.Limited, "this was done too often lately; offer a person")
		}
	}
	return nil
}

// arguments decodes an object; a field that is not a string or a number stays as JSON.
func arguments(object json.RawMessage) map[string]string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(object, &fields)
	out := make(map[string]string, len(fields))
	for name, value := range fields {
		if s := text(value); s != "" {
			out[name] = s
		}
	}
	return out
}

// text returns a JSON string or number as text, and any other value as JSON.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}
