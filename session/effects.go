package session

import (
	"context"
	"encoding/base64"
	"time"

	"frontdesk/tools/gate"
)

// HashKeys returns a Counter that counts with c under keys that are hashed with the secret of
// tokens.
func HashKeys(c gate.Counter, tokens *Tokens) gate.Counter {
	return keyedCounter{counter: c, tokens: tokens}
}

// keyedCounter counts under keys that hold no readable name or number: whoever reads the
// store cannot tell which callers it counts, even by trying all telephone numbers.
type keyedCounter struct {
	counter gate.Counter
	tokens  *Tokens // its secret is the key of the hash, the same for all nodes and restarts
}

// Take implements gate.Counter.
func (k keyedCounter) Take(ctx context.Context, key string, limit int, window time.Duration) (bool, error) {
	return k.counter.Take(ctx, k.tokens.digest("effect", key), limit, window)
}

// digest returns a hash of value for a purpose, keyed with the secret. It signs no token,
// because the payload of a token begins with a brace.
func (t *Tokens) digest(purpose, value string) string {
	return base64.RawURLEncoding.EncodeToString(t.sign([]byte(purpose + "\x00" + value)))
}
