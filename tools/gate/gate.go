// Package gate decides whether an agent may run a tool. It is the only place where that is
// decided: package tools runs a call only with a Permit, and only Decide makes one.
//
// Decide applies a table of rules in order. The first rule that objects refuses the call or
// asks for the caller's consent; a call to which none objects runs. The rules see the policy
// of the tool (Rule), the arguments of the call, and what the session holds (Evidence). They
// never see what the model wants or says, so a model cannot talk its way through.
//
// The package imports internal/fault and internal/words.
package gate

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"frontdesk/internal/fault"
)

// Effect is what a tool changes.
type Effect int

const (
	Read          Effect = iota // nothing
	Write                       // records, such as a ticket
	Money                       // somebody's money, such as a refund
	Communication               // a person hears of it: a message, a call, a hand-over
)

// Changes reports whether a tool with this effect changes anything.
func (e Effect) Changes() bool { return e != Read }

// Assurance is how sure it is who the caller is. A higher one includes the lower ones.
type Assurance int

const (
	Anonymous        Assurance = iota
	VerifiedByFact             // the caller knew a fact of the record that the call names
	VerifiedByPIN              // the caller knew the PIN of their account
	VerifiedOperator           // the operator's own system vouches for the caller by a token
)

// Consent is when the caller must agree to a call.
type Consent int

const (
	// Ask asks the caller a question with the values of the call, and runs the call after
	// the caller's yes.
	Ask Consent = iota
	// AskUnlessRequested asks, unless the caller's own words request the tool.
	AskUnlessRequested
	// NoConsent lets the model decide: its request is enough.
	NoConsent
)

// Rule is the policy of one tool. The zero value is that of a tool that only reads and that
// anybody may use.
type Rule struct {
	Effect Effect
	Who    Assurance // the caller must be at least this well known
	// Consent applies to tools that change something.
	Consent Consent
	// Question is asked for the caller's consent. It holds the names of arguments in braces:
	// "Shall I refund {amount} for order {order}?" An empty one names the tool and its values.
	Question string
	// IsRequest reports whether words of the caller request the tool; nil: none do.
	IsRequest func(text string) bool
	// Identify names the arguments that identify a record, a person or an amount. The caller
	// must have said, typed or keyed their values, or they are the caller's line, or a tool
	// of this session returned them.
	Identify []string
	// Destinations names the arguments that say where a message, a call or money goes. Only
	// the caller's words, the caller's line and a trusted tool can give their values.
	Destinations []string
	// IsTrusted says that what the tool returns is the operator's own data, such as the row
	// of a table, so that Destinations may come from it.
	IsTrusted bool
	// Arguments is what the arguments must fit besides the tool's own schema; nil: nothing.
	Arguments *jsonschema.Resolved
	Limits    Limits
}

// Limits are how often a tool may run. 0 is the default for the tool's Effect.
type Limits struct {
	Turn    int // in one turn of the caller
	Session int // in one session
	Caller  int // for one caller in 24 hours
	Hour    int // for all callers of the agent in one hour
	Wrong   int // in one session with values that name nothing the caller may know
}

// unlimited is a limit that nobody reaches.
const unlimited = 1 << 30

// defaultLimits are the limits of a tool that sets none. A person on the telephone needs
// fewer effects than these.
var defaultLimits = map[Effect]Limits{
	Read:          {Turn: 8, Session: 200, Caller: unlimited, Hour: unlimited, Wrong: 6},
	Write:         {Turn: 2, Session: 8, Caller: 20, Hour: 500, Wrong: 3},
	Money:         {Turn: 1, Session: 3, Caller: 5, Hour: 50, Wrong: 3},
	Communication: {Turn: 1, Session: 3, Caller: 10, Hour: 200, Wrong: 3},
}

// withDefaults returns l with the defaults of an effect.
func (l Limits) withDefaults(e Effect) Limits {
	d := defaultLimits[e]
	for _, f := range []struct {
		limit *int
		value int
	}{{&l.Turn, d.Turn}, {&l.Session, d.Session}, {&l.Caller, d.Caller}, {&l.Hour, d.Hour}, {&l.Wrong, d.Wrong}} {
		if *f.limit == 0 {
			*f.limit = f.value
		}
	}
	return l
}

// Request is a call to decide about.
type Request struct {
	Agent     string
	Tool      string
	Rule      Rule
	Arguments json.RawMessage // an object that fits the tool's schema
	Evidence  Evidence
	Approval  *Approval // the caller's consent, or nil
	Used      Used
}

// Used counts the earlier calls of the tool that were permitted.
type Used struct {
	Turn, Session int
	Wrong         int // calls of the session whose values named nothing that the caller may know
}

// Verdict is what is decided about a call.
type Verdict int

const (
	Refused Verdict = iota // the call must not run; Decision.Err says why
	MustAsk                // the call may run once the caller has agreed to it
	Allowed                // the call may run; Decision.Permit is for it
)

// Decision is the answer of Decide.
type Decision struct {
	Verdict Verdict
	Rule    string       // the name of the rule that objected, "" if none did
	Err     *fault.Error // why the call is refused, for the model
	Permit  Permit
}

// Permit lets package tools run one call. Only this package makes one that is valid.
type Permit struct {
	digest  [sha256.Size]byte
	isValid bool
}

// Allows reports whether the permit is for this call.
func (p Permit) Allows(tool string, arguments json.RawMessage) bool {
	return p.isValid && p.digest == digest(tool, arguments)
}

// digest identifies a call by its tool and arguments, however its JSON is written.
func digest(tool string, arguments json.RawMessage) [sha256.Size]byte {
	var value any
	text := []byte(arguments)
	if json.Unmarshal(arguments, &value) == nil {
		text, _ = json.Marshal(value)
	}
	return sha256.Sum256(slices.Concat([]byte(tool), []byte{0}, text))
}

// Counter counts effects across sessions. It is safe for concurrent use.
type Counter interface {
	// Take counts one more event of key, unless there were limit of them in the window that
	// runs now, and reports whether it did. A window begins with the first event that it
	// counts, and windows do not overlap: around the end of one, up to twice the limit may
	// happen within the length of a window. key may hold any bytes.
	Take(ctx context.Context, key string, limit int, window time.Duration) (bool, error)
}

// Gate decides about calls. The zero value counts in this process alone.
type Gate struct{ counter Counter }

// New returns a Gate that counts with c.
func New(c Counter) *Gate { return &Gate{counter: c} }

// Decide decides whether a call may run. A permitted call is counted, whether it then
// succeeds or not.
func (g *Gate) Decide(ctx context.Context, r Request) Decision {
	for _, rule := range rules {
		if d := rule.apply(ctx, g, &r); d != nil {
			d.Rule = rule.name
			return *d
		}
	}
	return Decision{Verdict: Allowed, Permit: Permit{digest: digest(r.Tool, r.Arguments), isValid: true}}
}

// PermitStep permits a call that a step of a permitted tool chain makes. Who the caller is,
// where the values come from, the caller's consent and how often it may happen was decided for
// the chain, whose rule is at least as strict as those of its tools. What is left are the
// operator's constraints of the arguments of the step.
func PermitStep(rule Rule, tool string, arguments json.RawMessage) (Permit, *fault.Error) {
	r := Request{Tool: tool, Rule: rule, Arguments: arguments}
	if d := fitsConstraints(context.Background(), nil, &r); d != nil {
		return Permit{}, d.Err
	}
	return Permit{digest: digest(tool, arguments), isValid: true}, nil
}

// PermitOperator permits a call that the operator's own program makes, not a model: a command
// of the operator, or what Frontdesk itself does at the end of a hand-over.
func PermitOperator(tool string, arguments json.RawMessage) Permit {
	return Permit{digest: digest(tool, arguments), isValid: true}
}
