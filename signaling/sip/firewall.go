package sip

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

const (
	unknownConnTime = 10 * time.Second // for a connection from an unknown address, outside of calls
	acceptPause     = 50 * time.Millisecond
)

var errUnknownAddr = errors.New("the address belongs to no trunk and no call")

// requestHandler handles a request. The trunk is nil for an in-dialog request from an
// address that belongs to no trunk.
type requestHandler func(*Trunk, *sip.Request, sip.ServerTransaction)

// filter sees everything that is received before sipgo parses it, and returns what sipgo
// may parse. It drops what comes from unknown addresses: a scanner costs little and learns
// nothing. If a trunk accepts credentials from any address, filter challenges unknown
// addresses without keeping state, until they send right credentials.
func (s *Server) filter(info sip.TransportReadProps, data []byte) ([]byte, error) {
	var from netip.AddrPort
	switch a := info.RemoteAddr.(type) {
	case *net.UDPAddr:
		from = a.AddrPort()
	case *net.TCPAddr:
		from = a.AddrPort()
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	isKnown := s.isKnown(from.Addr())
	if info.Transport == "UDP" {
		if !isKnown && !s.auth.allowsDatagram(data, from.Addr()) {
			return nil, nil
		}
		return s.filterMessage(info, from, data), nil
	}
	if !isKnown && !(s.auth.isOpen && s.auth.attempts.Allow()) {
		return nil, errUnknownAddr // closes the connection
	}
	return s.filterStream(info, from, data)
}

// filterMessage returns a message in the form that sipgo's parser accepts, or nil if sipgo
// should not see it. It sends an error response itself where one is due.
func (s *Server) filterMessage(info sip.TransportReadProps, from netip.AddrPort, raw []byte) []byte {
	m, normalized, errorResponse := normalize(raw)
	if !s.isKnown(from.Addr()) {
		r, ok := m.(*sip.Request)
		if !ok || r.IsAck() || r.IsCancel() { // these belong to a request, and there is none
			return nil
		}
		r.SetTransport(info.Transport)
		r.SetSource(from.String())
		if r.GetHeader("Authorization") != nil && !s.auth.attempts.Allow() {
			return nil
		}
		t, isStale := s.authenticate(r, from.Addr())
		if t == nil {
			s.respondRaw(info, from, []byte(s.unauthorized(r, from.Addr(), isStale).String()))
			return nil
		}
		time.AfterFunc(ackTimeout, s.allowSender(from.Addr())) // for the ACK or CANCEL of the request
	}
	if errorResponse != nil {
		s.respondRaw(info, from, errorResponse)
	}
	return normalized
}

// respondRaw sends a response the way its request came, without a transaction. If it is
// lost, the request is retransmitted.
func (s *Server) respondRaw(info sip.TransportReadProps, from netip.AddrPort, response []byte) {
	if info.Transport != "UDP" {
		c, err := s.ua.TransportLayer().GetConnection(info.Transport, info.RemoteAddr.String())
		if err != nil {
			return
		}
		if w, ok := c.(net.Conn); ok {
			_, _ = w.Write(response)
		}
		_, _ = c.TryClose()
		return
	}
	for _, socket := range s.sockets {
		if c, ok := socket.Closer.(net.PacketConn); ok && c.LocalAddr().String() == info.LocalAddr.String() {
			_, _ = c.WriteTo(response, net.UDPAddrFromAddrPort(responseAddr(response, from)))
		}
	}
}

// isKnown reports whether an address belongs to a trunk or a call.
func (s *Server) isKnown(a netip.Addr) bool { return s.trunkAt(a) != nil || s.isSender(a) }

// isSender reports whether an address may send because of a call.
func (s *Server) isSender(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.senders[a] > 0
}

// allowSender lets an address send until revoke is called.
func (s *Server) allowSender(a netip.Addr) (revoke func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.senders[a]++
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.senders[a]--; s.senders[a] == 0 {
			delete(s.senders, a)
		}
	})
}

// requireKnown returns a handler that accepts a valid request only from a trunk, as part of
// a call, or with the credentials of a trunk.
func (s *Server) requireKnown(handle requestHandler) sipgo.RequestHandler {
	return func(r *sip.Request, tx sip.ServerTransaction) {
		from, err := sourceAddr(r)
		if err != nil {
			return
		}
		t := s.trunkAt(from)
		switch {
		case r.IsAck() || tx == nil: // gets no response; handle looks for its call
		case t == nil && !s.isSender(from):
			tx.Terminate()
			return
		default:
			if res := validate(r); res != nil {
				_ = tx.Respond(res)
				return
			}
			if t == nil && s.findCall(r) == nil && !r.IsCancel() {
				if t = s.authenticateInCall(r, tx, from); t == nil {
					return
				}
			}
		}
		handle(t, r, tx)
	}
}

// limitedListener accepts connections from known addresses. If a trunk accepts credentials
// from any address, it also accepts a limited number from unknown addresses, for a short
// time.
type limitedListener struct {
	net.Listener
	s *Server
}

// Accept implements net.Listener.
func (l limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil { // a temporary error, such as too many open files
			time.Sleep(acceptPause)
			continue
		}
		a, ok := c.RemoteAddr().(*net.TCPAddr)
		if !ok {
			return c, nil
		}
		addr := a.AddrPort().Addr().Unmap()
		if l.s.isKnown(addr) {
			return c, nil
		}
		if l.s.auth.isOpen && l.s.auth.attempts.Allow() {
			return &unknownConn{Conn: c, s: l.s, addr: addr, deadline: time.Now().Add(unknownConnTime)}, nil
		}
		_ = c.Close()
	}
}

// unknownConn is a connection from an unknown address. Its deadline does not move with what
// it sends, only with a call.
type unknownConn struct {
	net.Conn
	s        *Server
	addr     netip.Addr
	deadline time.Time
}

// Read implements net.Conn.
func (c *unknownConn) Read(b []byte) (int, error) {
	for {
		if c.s.isSender(c.addr) {
			c.deadline = time.Now().Add(unknownConnTime)
		}
		if err := c.SetReadDeadline(c.deadline); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(b)
		if errors.Is(err, os.ErrDeadlineExceeded) && n == 0 && c.s.isSender(c.addr) {
			continue
		}
		return n, err
	}
}
