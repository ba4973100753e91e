package session

import (
	"context"
	"encoding/base64"
	"time"

	"frontdesk/internal/phone"
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

// CallerKeys returns by what a session is found when its caller must be erased: hashes of
// the account that the operator's token vouches for and of the number of the line, as far as
// they are known. They hold no readable name or number.
func (t *Tokens) CallerKeys(known, number string) (keys []string) {
	if known != "" {
		keys = append(keys, t.digest("caller", known))
	}
	if key := phone.Key(number); phone.IsCallback(key) {
		keys = append(keys, t.digest("caller", "line:"+key))
	}
	return keys
}

// digest returns a hash of value for a purpose, keyed with the secret. It signs no token,
// because the payload of a token begins with a brace.
func (t *Tokens) digest(purpose, value string) string {
	return base64.RawURLEncoding.EncodeToString(t.sign([]byte(purpose + "\x00" + value)))
}
