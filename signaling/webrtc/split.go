package webrtc

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	firstByteTimeout = 5 * time.Second
	maxUndecided     = 1024 // connections without a first byte; further ones are closed
)

// Split shares one TCP port between HTTP and ICE over TCP by the first byte a client sends.
// ICE frames a STUN request, shorter than 4096 bytes, with a two-byte length (RFC 4571), so
// its first byte is below 0x10; HTTP begins with a letter and TLS with 0x16 (compare RFC
// 7983). Closing either listener closes both and l.
func Split(l net.Listener) (http, iceTCP net.Listener) {
	s := &splitter{listener: l, undecided: make(chan struct{}, maxUndecided)}
	s.over, s.end = context.WithCancelCause(context.Background())
	h := &branch{splitter: s, conns: make(chan net.Conn)}
	i := &branch{splitter: s, conns: make(chan net.Conn)}
	s.work.Go(func() { s.accept(h, i) })
	return h, i
}

type splitter struct {
	listener  net.Listener
	work      sync.WaitGroup
	undecided chan struct{} // holds one element per connection without a first byte

	over context.Context // ends with the listener
	end  context.CancelCauseFunc
}

// branch is the listener of one protocol.
type branch struct {
	splitter *splitter
	conns    chan net.Conn
}

func (s *splitter) accept(http, iceTCP *branch) {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if n, ok := err.(net.Error); ok && n.Timeout() {
				continue
			}
			s.finish(err)
			return
		}
		select {
		case s.undecided <- struct{}{}:
			s.work.Go(func() { s.route(c, http, iceTCP) })
		default:
			_ = c.Close()
		}
	}
}

func (s *splitter) route(c net.Conn, http, iceTCP *branch) {
	// Closing the listener interrupts connections that wait for their first byte.
	unhook := context.AfterFunc(s.over, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	var first [1]byte
	_ = c.SetReadDeadline(time.Now().Add(firstByteTimeout))
	n, err := c.Read(first[:])
	<-s.undecided
	unhook()
	if n == 0 || err != nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	to := http
	if isICE(first[0]) {
		to = iceTCP
	}
	select {
	case to.conns <- &peekedConn{Conn: c, first: first[:]}:
	case <-s.over.Done():
		_ = c.Close()
	}
}

func isICE(first byte) bool { return first < 0x10 }

func (s *splitter) finish(err error) {
	s.end(err)
	_ = s.listener.Close()
}

// Accept implements net.Listener.
func (b *branch) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.splitter.over.Done():
		return nil, context.Cause(b.splitter.over)
	}
}

// Close implements net.Listener. It waits for the splitter's goroutines.
func (b *branch) Close() error {
	b.splitter.finish(net.ErrClosed)
	b.splitter.work.Wait()
	return nil
}

// Addr implements net.Listener.
func (b *branch) Addr() net.Addr { return b.splitter.listener.Addr() }

// peekedConn is a connection whose first byte has been read.
type peekedConn struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (p *peekedConn) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
