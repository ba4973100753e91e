package sip

import (
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
	// What strangers may ask for a second, all of them together, while a trunk takes calls
	// by password from anywhere; what is above that gets no answer.
	strangersPerSecond = 20
	realm              = "frontdesk"
)

// Trunk is a telephone system or provider: whose calls are taken, who answers them, and
// how calls go out by it.
type Trunk struct {
	Name     string
	Allow    []netip.Prefix // networks whose calls are taken without a password
	User     string         // of digest authentication, both ways; "" takes nobody by password
	Password string
	Agent    string            // who answers; "": the agent whose name is called
	Numbers  map[string]string // number called -> who answers
	Header   string            // of INVITE, that names who answers where it is there
	Server   string            // where calls go out: host, host:port or sip:host:port;transport=tls; "": none do
	Register bool              // as User at Server, so that its calls come here
	From     string            // the number shown when we call
	SRTP     bool              // calls that go out are encrypted
	Plan     Plan              // what may be dialled
	Codecs   []string          // names, in the order they are liked; none: all of them

	codecs []codec
}

// agent is who answers r.
func (t *Trunk) agent(r *sip.Request) string {
	if t.Header != "" {
		if h := r.GetHeader(t.Header); h != nil && strings.TrimSpace(h.Value()) != "" {
			return strings.TrimSpace(h.Value())
		}
	}
	called := r.Recipient.User
	if agent := t.Numbers[called]; agent != "" {
		return agent
	}
	for number, agent := range t.Numbers {
		if digits(number) != "" && digits(number) == digits(called) {
			return agent
		}
	}
	if t.Agent != "" {
		return t.Agent
	}
	return strings.ToLower(called)
}

// digits are those of a number, without what people write between them, and without the
// plus or the zeros that say that it is international.
func digits(number string) string {
	number = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
	return strings.TrimPrefix(number, "00")
}

// source is where a request came from.
func source(r *sip.Request) (netip.Addr, error) {
	a, err := netip.ParseAddrPort(r.Source())
	return a.Addr().Unmap(), err
}

// at finds the trunk whose network an address is in, or whose server it is.
func (s *Server) at(from netip.Addr) *Trunk {
	for i := range s.o.Trunks {
		for _, p := range s.o.Trunks[i].Allow {
			if p.Contains(from) {
				return &s.o.Trunks[i]
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.servers[from]
}

// door is what strangers meet.
type door struct {
	key  []byte // of nonces
	pace *rate.Limiter
	open bool // some trunk takes callers by password
}

func newDoor(trunks []Trunk) door {
	d := door{key: make([]byte, 32), pace: rate.NewLimiter(strangersPerSecond, strangersPerSecond)}
	_, _ = rand.Read(d.key) // never fails
	for _, t := range trunks {
		d.open = d.open || t.takesPasswords()
	}
	return d
}

// takesPasswords: a trunk that has networks, or that we register at, is known by those.
func (t *Trunk) takesPasswords() bool {
	return t.User != "" && t.Password != "" && len(t.Allow) == 0 && t.Server == ""
}

// nonce is good for a caller at an address, for a while, and needs no memory here.
func (d door) nonce(at netip.Addr, now time.Time) string {
	stamp := strconv.FormatInt(now.Unix(), 16)
	mac := hmac.New(sha256.New, d.key)
	mac.Write([]byte(stamp + " " + at.String()))
	return stamp + "-" + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (d door) isFresh(nonce string, at netip.Addr, now time.Time) bool {
	stamp, _, _ := strings.Cut(nonce, "-")
	unix, err := strconv.ParseInt(stamp, 16, 64)
	made := time.Unix(unix, 0)
	return err == nil && !made.After(now) && now.Sub(made) < nonceLife && hmac.Equal([]byte(nonce), []byte(d.nonce(at, made)))
}

// proven finds the trunk whose password a request proves to know (RFC 3261, 22.4). stale
// says that the proof was good, but of a nonce that is not.
func (s *Server) proven(r *sip.Request, from netip.Addr) (t *Trunk, stale bool) {
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
		if !t.takesPasswords() || t.User != given.Username {
			continue
		}
		asked := challenge(given.Nonce, false)
		if given.QOP == "" { // as RFC 2069 had it
			asked.QOP = nil
		}
		want, err := digest.Digest(asked, digest.Options{
			Method: r.Method.String(), URI: given.URI, Username: t.User, Password: t.Password,
			Count: given.Nc, Cnonce: given.Cnonce,
		})
		if err == nil && subtle.ConstantTimeCompare([]byte(want.Response), []byte(given.Response)) == 1 {
			if s.door.isFresh(given.Nonce, from, time.Now()) {
				return t, false
			}
			return nil, true
		}
	}
	return nil, false
}

func challenge(nonce string, stale bool) *digest.Challenge {
	return &digest.Challenge{Realm: realm, Nonce: nonce, Algorithm: "MD5", QOP: []string{"auth"}, Stale: stale}
}

// challenge asks a stranger for a password.
func (s *Server) challenge(r *sip.Request, tx sip.ServerTransaction, from netip.Addr, stale bool) {
	res := sip.NewResponseFromRequest(r, 401, "Unauthorized", nil)
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge(s.door.nonce(from, time.Now()), stale).String()))
	_ = tx.Respond(res)
}
