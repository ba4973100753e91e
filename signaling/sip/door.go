package sip

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
	"golang.org/x/time/rate"
)

const (
	nonceLife = 5 * time.Minute
	// What strangers may do a second, all of them together, while a trunk takes calls by
	// password from anywhere; what is above that gets no answer. Asking costs a nonce; trying
	// a password needs a nonce that came to the very address.
	asksPerSecond  = 200
	triesPerSecond = 20
	strangerTime   = 10 * time.Second // for a connection of somebody on no trunk, outside of calls
	acceptPause    = 50 * time.Millisecond
	realm          = "frontdesk"
)

// door is what strangers meet.
type door struct {
	key    []byte // of nonces
	asks   *rate.Limiter
	tries  *rate.Limiter
	guests *rate.Limiter // wrong tries of those who are in a call
	open   bool          // some trunk takes callers by password
}

func newDoor(trunks []Trunk) door {
	d := door{
		key: make([]byte, 32), asks: rate.NewLimiter(asksPerSecond, asksPerSecond),
		tries: rate.NewLimiter(triesPerSecond, triesPerSecond), guests: rate.NewLimiter(triesPerSecond, triesPerSecond),
	}
	_, _ = rand.Read(d.key) // never fails
	for _, t := range trunks {
		d.open = d.open || t.takesPasswords()
	}
	return d
}

// hears reports whether a stranger's datagram is worth looking at.
func (d door) hears(datagram []byte, from netip.Addr) bool {
	switch {
	case !d.open:
		return false
	case d.isFresh(nonceIn(datagram), from, time.Now()):
		return d.tries.Tokens() >= 1 // which is taken for what proves to be a try
	}
	return d.asks.Allow()
}

// nonceIn finds the nonce that somebody answers to, or "".
func nonceIn(datagram []byte) string {
	const name = `nonce="`
	for {
		i := bytes.Index(datagram, []byte(name))
		if i < 0 {
			return ""
		}
		isOurs := i > 0 && datagram[i-1] != 'c' // cnonce is theirs
		datagram = datagram[i+len(name):]
		if end := bytes.IndexByte(datagram, '"'); isOurs && end >= 0 {
			return string(datagram[:min(end, 100)])
		}
	}
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

// filter is asked for everything that comes before sipgo looks at it. It drops what strangers
// send: a scanner costs nothing and learns nothing. Where a trunk takes passwords from
// anywhere, strangers are asked for one here, and nothing of them is kept until they know it.
func (s *Server) filter(info sip.TransportReadProps, data []byte) ([]byte, error) {
	var from netip.AddrPort
	switch a := info.RemoteAddr.(type) {
	case *net.UDPAddr:
		from = a.AddrPort()
	case *net.TCPAddr:
		from = a.AddrPort()
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	known := s.isKnown(from.Addr())
	switch {
	case info.Transport != "UDP" && !known && !(s.door.open && s.door.tries.Allow()):
		return nil, errStranger // which ends the connection
	case info.Transport != "UDP":
		return s.stream(info, from, data)
	case !known && !s.door.hears(data, from.Addr()):
		return nil, nil
	}
	return s.judge(info, from, data), nil
}

var errStranger = errors.New("a stranger")

// judge returns a message as the parser takes it, where it is let in; else it is answered
// here, where it has to be.
func (s *Server) judge(info sip.TransportReadProps, from netip.AddrPort, message []byte) []byte {
	m, mended, answer := mend(message)
	if !s.isKnown(from.Addr()) {
		r, ok := m.(*sip.Request)
		if !ok || r.IsAck() || r.IsCancel() { // there is nothing that these could belong to
			return nil
		}
		r.SetTransport(info.Transport)
		r.SetSource(from.String())
		if r.GetHeader("Authorization") != nil && !s.door.tries.Allow() { // each, however many come at once
			return nil
		}
		t, stale := s.proven(r, from.Addr())
		if t == nil {
			s.complain(info, from, []byte(s.unauthorized(r, from.Addr(), stale).String()))
			return nil
		}
		time.AfterFunc(ackTime, s.invites(from.Addr())) // for what belongs to the request: ACK, CANCEL
	}
	if answer != nil {
		s.complain(info, from, answer)
	}
	return mended
}

// complain sends an answer the way its request came. Whatever is lost is asked for again.
func (s *Server) complain(info sip.TransportReadProps, from netip.AddrPort, answer []byte) {
	if info.Transport != "UDP" {
		c, err := s.ua.TransportLayer().GetConnection(info.Transport, info.RemoteAddr.String())
		if err != nil {
			return
		}
		if w, ok := c.(net.Conn); ok {
			_, _ = w.Write(answer)
		}
		_, _ = c.TryClose()
		return
	}
	for _, c := range s.sockets {
		if c, ok := c.(net.PacketConn); ok && c.LocalAddr().String() == info.LocalAddr.String() {
			_, _ = c.WriteTo(answer, net.UDPAddrFromAddrPort(replyTo(answer, from)))
		}
	}
}

// isKnown reports whether an address is on a trunk or part of a call.
func (s *Server) isKnown(a netip.Addr) bool { return s.at(a) != nil || s.isGuest(a) }

func (s *Server) isGuest(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.guests[a] > 0
}

// invites lets an address send until the function it returns is called.
func (s *Server) invites(a netip.Addr) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guests[a]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.guests[a]--; s.guests[a] == 0 {
			delete(s.guests, a)
		}
	})
}

// known lets only those in who are on a trunk, are part of a call, or prove to know a
// trunk's password.
func (s *Server) known(handle func(*Trunk, *sip.Request, sip.ServerTransaction)) sipgo.RequestHandler {
	return func(r *sip.Request, tx sip.ServerTransaction) {
		from, err := source(r)
		if err != nil {
			return
		}
		t := s.at(from)
		switch {
		case r.IsAck() || tx == nil: // what it belongs to is found, or not
		case t == nil && !s.isGuest(from):
			tx.Terminate()
			return
		default:
			if no := objection(r); no != nil {
				_ = tx.Respond(no)
				return
			}
			if t == nil && s.find(r) == nil && !r.IsCancel() {
				if t = s.admitted(r, tx, from); t == nil {
					return
				}
			}
		}
		handle(t, r, tx)
	}
}

// admitted is the trunk whose password somebody proves to know who is let in for something
// else: what they asked before, or a call. They may try no more often than others.
func (s *Server) admitted(r *sip.Request, tx sip.ServerTransaction, from netip.Addr) *Trunk {
	if s.door.guests.Tokens() < 1 {
		tx.Terminate()
		return nil
	}
	t, stale := s.proven(r, from)
	if t == nil {
		s.door.guests.Allow()
		_ = tx.Respond(s.unauthorized(r, from, stale))
	}
	return t
}

// takesPasswords: a trunk that has networks, or that we register at, is known by those.
func (t *Trunk) takesPasswords() bool {
	return t.User != "" && t.Password != "" && len(t.Allow) == 0 && t.Server == ""
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

// unauthorized asks somebody for a password.
func (s *Server) unauthorized(r *sip.Request, from netip.Addr, stale bool) *sip.Response {
	res := sip.NewResponseFromRequest(r, 401, "Unauthorized", nil)
	res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge(s.door.nonce(from, time.Now()), stale).String()))
	return res
}

// doorman lets only those connect who are known, or may prove to be.
type doorman struct {
	net.Listener
	s *Server
}

// Accept implements net.Listener.
func (d doorman) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil { // too many files are open, say: that passes
			time.Sleep(acceptPause)
			continue
		}
		a, ok := c.RemoteAddr().(*net.TCPAddr)
		if !ok {
			return c, nil
		}
		at := a.AddrPort().Addr().Unmap()
		if d.s.isKnown(at) {
			return c, nil
		}
		if d.s.door.open && d.s.door.tries.Allow() {
			return &visitor{Conn: c, s: d.s, at: at, until: time.Now().Add(strangerTime)}, nil
		}
		_ = c.Close()
	}
}

// visitor is a connection of somebody who is on no trunk: its time is short, whatever comes
// over it, but for calls.
type visitor struct {
	net.Conn
	s     *Server
	at    netip.Addr
	until time.Time
}

// Read implements net.Conn.
func (v *visitor) Read(b []byte) (int, error) {
	for {
		if v.s.isGuest(v.at) {
			v.until = time.Now().Add(strangerTime)
		}
		if err := v.SetReadDeadline(v.until); err != nil {
			return 0, err
		}
		n, err := v.Conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && v.s.isGuest(v.at) {
			continue
		}
		return n, err
	}
}
