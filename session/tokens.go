package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools"
)

// maxToken is the maximum size of a token in bytes. Tokens are sent in a header or a
// WebSocket subprotocol, where servers and proxies allow little more.
const maxToken = 12 << 10

const (
	clientPrefix = "ek_"
	resumePrefix = "rt_"
)

// Tokens makes and verifies the tokens of browsers and of callers who resume a session. They
// are signed with HMAC-SHA256 and not stored, so any node with the same secret accepts
// them. Safe for concurrent use.
type Tokens struct{ secret []byte }

// NewTokens returns Tokens that sign with secret, which should be 32 random bytes.
func NewTokens(secret []byte) *Tokens { return &Tokens{secret: secret} }

// LoadSecret reads the signing secret from the file at path, and creates it if it is missing.
func LoadSecret(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err == nil && len(b) >= 32 {
		return b, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read signing secret: %w", err)
	}
	if err == nil {
		return nil, fmt.Errorf("signing secret %s has %d bytes, not 32: remove it to make a new one", filepath.Base(path), len(b))
	}
	b = make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("write signing secret: %w", err)
	}
	return b, nil
}

// Claims are the content of a token.
type Claims struct {
	Caller  Caller // a token has its Agent, Resume, Trusted, KnownAs, Instructions and Tools; Verify also sets TokenID
	Expires time.Time
}

// tokenPayload is the JSON that a token signs.
type tokenPayload struct {
	Kind         string       `json:"k"`
	ID           string       `json:"i"`
	Agent        string       `json:"a,omitempty"`
	Resume       string       `json:"r,omitempty"`
	Trusted      bool         `json:"t,omitempty"`
	KnownAs      string       `json:"w,omitempty"`
	Instructions string       `json:"n,omitempty"`
	Tools        []tools.Spec `json:"f,omitempty"`
	Expires      int64        `json:"e"` // Unix seconds
}

// Mint returns a client token, "ek_…", or a resume token, "rt_…", if c.Caller.Resume is
// set. The error is fault.TooLarge.
func (t *Tokens) Mint(c Claims) (string, error) {
	prefix := clientPrefix
	if c.Caller.Resume != "" {
		prefix = resumePrefix
	}
	payload, err := json.Marshal(tokenPayload{
		Kind:         prefix,
		ID:           rand.Text(),
		Agent:        c.Caller.Agent,
		Resume:       c.Caller.Resume,
		Trusted:      c.Caller.Trusted,
		KnownAs:      c.Caller.KnownAs,
		Instructions: c.Caller.Instructions,
		Tools:        c.Caller.Tools,
		Expires:      c.Expires.Unix(),
	})
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, "these session settings cannot be put into a token")
	}
	enc := base64.RawURLEncoding
	token := prefix + enc.EncodeToString(payload) + "." + enc.EncodeToString(t.sign(payload))
	if len(token) > maxToken {
		return "", fault.New(fault.TooLarge, "instructions and tools together are too large for a client token: put them into an agent's folder")
	}
	return token, nil
}

// IsToken reports whether bearer has the form of a token and not of a server key.
func IsToken(bearer string) bool {
	return strings.HasPrefix(bearer, clientPrefix) || strings.HasPrefix(bearer, resumePrefix)
}

// Verify returns the claims of a valid token of either kind. The error is fault.Unauthorized.
func (t *Tokens) Verify(token string) (Claims, error) {
	bad := fault.New(fault.Unauthorized, "this token is not valid")
	if len(token) > maxToken || len(token) < len(clientPrefix) {
		return Claims{}, bad
	}
	prefix := token[:len(clientPrefix)]
	body, mac, ok := strings.Cut(token[len(prefix):], ".")
	if !ok {
		return Claims{}, bad
	}
	enc := base64.RawURLEncoding.Strict()
	payload, err1 := enc.DecodeString(body)
	sum, err2 := enc.DecodeString(mac)
	if err1 != nil || err2 != nil || !hmac.Equal(sum, t.sign(payload)) {
		return Claims{}, bad
	}
	var p tokenPayload
	if json.Unmarshal(payload, &p) != nil || p.Kind != prefix {
		return Claims{}, bad
	}
	c := Claims{
		Caller: Caller{
			Agent: p.Agent, Resume: p.Resume, Trusted: p.Trusted, KnownAs: p.KnownAs, TokenID: p.ID,
			Instructions: p.Instructions, Tools: p.Tools,
		},
		Expires: time.Unix(p.Expires, 0),
	}
	if !time.Now().Before(c.Expires) {
		return Claims{}, fault.New(fault.Unauthorized, "this token has expired: ask for a new one")
	}
	return c, nil
}

func (t *Tokens) sign(payload []byte) []byte {
	m := hmac.New(sha256.New, t.secret)
	m.Write(payload)
	return m.Sum(nil)
}
