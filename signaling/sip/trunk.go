package sip

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"frontdesk/internal/phone"
	"frontdesk/signaling/sip/dialplan"
	"frontdesk/signaling/sip/rtp"
)

// Trunk is a telephone system or provider: whose calls we answer, which agent answers them,
// and how we make calls.
type Trunk struct {
	Name     string
	Allow    []netip.Prefix // networks that need no credentials
	User     string         // of digest authentication, of callers and of us; "" accepts no credentials
	Password string
	Agent    string            // that answers; "": the agent whose name is called
	Numbers  map[string]string // called number -> agent
	Header   string            // of an INVITE, names the agent
	Server   string            // for calls we make: host, host:port or sip:host:port;transport=tls; "": none
	Register bool              // as User at Server, to get its calls
	From     string            // caller ID of calls we make
	SRTP     bool              // calls we make must be encrypted
	Plan     dialplan.Plan
	Codecs   []string // names in order of preference; empty: all

	codecs []rtp.Codec
}

// agentFor returns the name of the agent that answers an INVITE.
func (t *Trunk) agentFor(r *sip.Request) string {
	if t.Header != "" {
		if h := r.GetHeader(t.Header); h != nil && strings.TrimSpace(h.Value()) != "" {
			return strings.TrimSpace(h.Value())
		}
	}
	called := unescapeUser(r.Recipient.User)
	if agent := t.Numbers[called]; agent != "" {
		return agent
	}
	for number, agent := range t.Numbers {
		if phone.IsSame(number, called) {
			return agent
		}
	}
	if t.Agent != "" {
		return t.Agent
	}
	return strings.ToLower(called)
}

// isOpen reports whether the trunk accepts callers with credentials from any address. A
// trunk with networks or a server is known by its addresses.
func (t *Trunk) isOpen() bool {
	return t.User != "" && t.Password != "" && len(t.Allow) == 0 && t.Server == ""
}

// addCredentials adds the trunk's credentials to a request if res is a challenge (401 or
// 407) of an earlier attempt. It reports whether the request should be sent.
func (t *Trunk) addCredentials(r *sip.Request, res *sip.Response) bool {
	challengeHeader, credentialsHeader := "WWW-Authenticate", "Authorization"
	if res.StatusCode == 407 {
		challengeHeader, credentialsHeader = "Proxy-Authenticate", "Proxy-Authorization"
	}
	h := res.GetHeader(challengeHeader)
	if res.StatusCode != 401 && res.StatusCode != 407 || h == nil || t.Password == "" {
		return false
	}
	challenge, err := digest.ParseChallenge(h.Value())
	if err != nil {
		return false
	}
	c, err := digest.Digest(challenge, digest.Options{Method: r.Method.String(), URI: r.Recipient.Addr(), Username: t.User, Password: t.Password})
	if err != nil {
		return false
	}
	r.AppendHeader(sip.NewHeader(credentialsHeader, c.String()))
	return true
}

// escapeUser escapes the user part of a URI (RFC 3261, 19.1.2).
func escapeUser(user string) string {
	return strings.NewReplacer(":", "%3A", "@", "%40").Replace(url.PathEscape(user))
}

// unescapeUser is the inverse of escapeUser. It returns invalid text as it is.
func unescapeUser(user string) string {
	if text, err := url.PathUnescape(user); err == nil && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return user
}

// sourceAddr returns the address that a request came from.
func sourceAddr(r *sip.Request) (netip.Addr, error) {
	a, err := netip.ParseAddrPort(r.Source())
	return a.Addr().Unmap(), err
}

// trunkAt returns the trunk that an address belongs to by its networks or its server, or
// nil.
func (s *Server) trunkAt(from netip.Addr) *Trunk {
	for i := range s.o.Trunks {
		for _, p := range s.o.Trunks[i].Allow {
			if p.Contains(from) {
				return &s.o.Trunks[i]
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trunkAddrs[from]
}
