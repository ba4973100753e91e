package sip

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"golang.org/x/time/rate"
)

const (
	nonceLife = 5 * time.Minute
	// Limits for all unknown addresses together. What exceeds them gets no response. A
	// challenge costs us only a nonce. An attempt has to carry a nonce that we sent to its
	// address.
	challengesPerSecond = 200
	attemptsPerSecond   = 20
	realm               = "frontdesk"
)

// authenticator challenges requests from unknown addresses for credentials (RFC 3261, 22).
// It remembers nothing of a challenge: a nonce proves when and for whom it was made.
type authenticator struct {
	nonceKey       []byte
	challenges     *rate.Limiter // for unknown addresses
	attempts       *rate.Limiter // credentials from unknown addresses, and their connections
	inCallFailures *rate.Limiter // wrong credentials from addresses that may send because of a call
	isOpen         bool          // some trunk accepts credentials from any address
}

func newAuthenticator(trunks []Trunk) *authenticator {
	newLimiter := func(perSecond int) *rate.Limiter { return rate.NewLimiter(rate.Limit(perSecond), perSecond) }
	a := &authenticator{
		nonceKey: make([]byte, 32), challenges: newLimiter(challengesPerSecond),
		attempts: newLimiter(attemptsPerSecond), inCallFailures: newLimiter(attemptsPerSecond),
	}
	_, _ = rand.Read(a.nonceKey) // never fails
	for _, t := range trunks {
		a.isOpen = a.isOpen || t.isOpen()
	}
	return a
}

// allowsDatagram reports whether to parse a datagram from an unknown address. It does not
// allocate for a datagram without a nonce.
func (a *authenticator) allowsDatagram(datagram []byte, from netip.Addr) bool {
	switch {
	case !a.isOpen:
		return false
	case a.isFresh(findNonce(datagram), from, time.Now()):
		return a.attempts.Tokens() >= 1 // filterMessage takes the token if it has credentials
	}
	return a.challenges.Allow()
}

// findNonce returns the nonce in the credentials of a datagram, or "".
func findNonce(datagram []byte) string {
	const name = `nonce="`
	for {
		i := bytes.Index(datagram, []byte(name))
		if i < 0 {
			return ""
		}
		isClientNonce := i > 0 && datagram[i-1] == 'c' // cnonce
		datagram = datagram[i+len(name):]
		if end := bytes.IndexByte(datagram, '"'); i > 0 && !isClientNonce && end >= 0 {
			return string(datagram[:min(end, 100)])
		}
	}
}

// nonce returns a nonce that is valid for one address, for nonceLife.
func (a *authenticator) nonce(addr netip.Addr, now time.Time) string {
	stamp := strconv.FormatInt(now.Unix(), 16)
	mac := hmac.New(sha256.New, a.nonceKey)
	mac.Write([]byte(stamp + " " + addr.String()))
	return stamp + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// isFresh reports whether we made a nonce for an address, less than nonceLife ago.
func (a *authenticator) isFresh(nonce string, addr netip.Addr, now time.Time) bool {
	stamp, _, _ := strings.Cut(nonce, "-")
	unix, err := strconv.ParseInt(stamp, 16, 64)
	made := time.Unix(unix, 0)
	return err == nil && !made.After(now) && now.Sub(made) < nonceLife && hmac.Equal([]byte(nonce), []byte(a.nonce(addr, made)))
}

// authenticate returns the trunk whose credentials r carries (RFC 3261, 22.4), or nil.
// isStale says that the credentials are right, but their nonce is not valid any more.
func (s *Server) authenticate(r *sip.Request, from netip.Addr) (t *Trunk, isStale bool) {
	h := r.GetHeader("Authorization")
	if h == nil {
		return nil, false
	}
	given, err := digest.ParseCredentials(h.Value())
	if err != nil || given.Realm != realm {
		return nil, false
	}
	for i := range s.o.Trunks {
		t := &s.o.Trunks[i]
		if !t.isOpen() || t.User != given.Username {
			continue
		}
		challenge := newChallenge(given.Nonce, false)
		if given.QOP == "" { // as in RFC 2069
			challenge.QOP = nil
		}
		want, err := digest.Digest(challenge, digest.Options{
			Method: r.Method.String(), URI: given.URI, Username: t.User, Password: t.Password,
			Count: given.Nc, Cnonce: given.Cnonce,
		})
		if err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(given.Response)) == 1 {
			if s.auth.isFresh(given.Nonce, from, time.Now()) {
				return t, false
			}
			return nil, true
		}
	}
	return nil, false
}

func newChallenge(nonce string, isStale bool) *digest.Challenge {
	return &digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: "MD5", QOP: []string{"auth"}, Stale: isStale}
}

// unauthorized returns a 401 with a challenge.
func (s *Server) unauthorized(r *sip.Request, from netip.Addr, isStale bool) *sip.Response {
	res := sip.NewResponseFromRequest(r, 401, "Unauthorized", nil)
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", newChallenge(s.auth.nonce(from, time.Now()), isStale).String()))
	return res
}

// authenticateInCall authenticates a new request from an address that is known only because
// of a call. It responds and returns nil if that fails. Such an address may not try
// credentials more often than an unknown one.
func (s *Server) authenticateInCall(r *sip.Request, tx sip.ServerTransaction, from netip.Addr) *Trunk {
	if s.auth.inCallFailures.Tokens() < 1 {
		tx.Terminate()
		return nil
	}
	t, isStale := s.authenticate(r, from)
	if t == nil {
		s.auth.inCallFailures.Allow()
		_ = tx.Respond(s.unauthorized(r, from, isStale))
	}
	return t
}
