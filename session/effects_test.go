package session

import (
	"context"
	"strings"
	"testing"
	"time"

	"frontdesk/tools/gate"
)

type keyLog struct {
	gate.Counter
	keys []string
}

func (l *keyLog) Take(ctx context.Context, key string, limit int, window time.Duration) (bool, error) {
	l.keys = append(l.keys, key)
	return l.Counter.Take(ctx, key, limit, window)
}

func TestCallersAreCountedUnderKeysThatNobodyCanRead(t *testing.T) {
	stored := &keyLog{Counter: gate.NewCounter()}
	desk := NewDesk(Options{Effects: stored, Tokens: NewTokens([]byte("secret"))})
	r := gate.Request{
		Agent: "demo", Tool: "create_ticket", Arguments: []byte("{}"), Evidence: gate.Evidence{Caller: "+4915550100"},
		Rule: gate.Rule{Effect: gate.Write, Consent: gate.NoConsent, Limits: gate.Limits{Caller: 1}},
	}
	if d := desk.gate.Decide(t.Context(), r); d.Verdict != gate.Allowed {
		t.Fatalf("the first call: %v", d.Err)
	}
	if d := desk.gate.Decide(t.Context(), r); d.Verdict != gate.Refused {
		t.Error("the second call of the caller is not refused")
	}
	other := keyedCounter{counter: stored, tokens: NewTokens([]byte("another secret"))}
	if ok, _ := other.Take(t.Context(), "caller/demo/create_ticket/+4915550100", 1, time.Hour); !ok {
		t.Error("the keys do not depend on the secret")
	}
	for _, key := range stored.keys {
		if strings.Contains(key, "15550100") || strings.Contains(key, "ticket") {
			t.Errorf("the store has the key %q", key)
		}
	}
}
