package sip

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
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
	called := plain(r.Recipient.User)
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

// proves adds to a request the proof that we know our password there, where res is an answer
// that asks for it. It reports whether it is worth sending then.
func (t *Trunk) proves(r *sip.Request, res *sip.Response) bool {
	asks, proof := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		asks, proof = "Proxy-Authenticate", "Proxy-Authorization"
	}
	h := res.GetHeader(asks)
	if res.StatusCode != 401 && res.StatusCode != 407 || h == nil || t.Password == "" {
		return false
	}
	asked, err := digest.ParseChallenge(h.Value())
	if err != nil {
		return false
	}
	c, err := digest.Digest(asked, digest.Options{Method: r.Method.String(), URI: r.Recipient.Addr(), Username: t.User, Password: t.Password})
	if err != nil {
		return false
	}
	r.AppendHeader(sip.NewHeader(proof, c.String()))
	return true
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

// escape writes a user as URIs have it (RFC 3261, 19.1.2).
func escape(user string) string {
	return strings.NewReplacer(":", "%3A", "@", "%40").Replace(url.PathEscape(user))
}

// plain is the user of a URI as people write it.
func plain(user string) string {
	if text, err := url.PathUnescape(user); err == nil && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return user
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
