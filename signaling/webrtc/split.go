package webrtc

import (
	"context"
	"net"
	"sync"
	"time"
)

const (
	firstByteTime = 5 * time.Second // for a client to send its first byte
	maxUndecided  = 1024            // connections without a first byte; further ones are closed
)

// Split shares one TCP port between HTTP and ICE-TCP by the first byte a client
// sends. ICE frames a STUN request, under 4096 bytes, with a two-byte length (RFC
// 4571), so its first byte is below 0x10; HTTP begins with a letter and TLS with
// 0x16 (compare RFC 7983). Closing either listener closes l and both.
func Split(l net.Listener) (http, iceTCP net.Listener) {
	s := &split{listener: l, undecided: make(chan struct{}, maxUndecided)}
	s.over, s.end = context.WithCancelCause(context.Background())
	h := &branch{split: s, conns: make(chan net.Conn)}
	i := &branch{split: s, conns: make(chan net.Conn)}
	s.work.Go(func() { s.accept(h, i) })
	return h, i
}

type split struct {
	listener  net.Listener
	work      sync.WaitGroup
	undecided chan struct{} // one element per connection without a first byte

	over context.Context // ends with the listener
	end  context.CancelCauseFunc
}

// branch is one side of a split.
type branch struct {
	split *split
	conns chan net.Conn
}

func (s *split) accept(http, iceTCP *branch) {
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

func (s *split) route(c net.Conn, http, iceTCP *branch) {
	// A server that stops does not wait for those who say nothing.
	unhook := context.AfterFunc(s.over, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	var first [1]byte
	_ = c.SetReadDeadline(time.Now().Add(firstByteTime))
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
	case to.conns <- &peeked{Conn: c, first: first[:]}:
	case <-s.over.Done():
		_ = c.Close()
	}
}

func isICE(first byte) bool { return first < 0x10 }

func (s *split) finish(err error) {
	s.end(err)
	_ = s.listener.Close()
}

// Accept implements net.Listener.
func (b *branch) Accept() (net.Conn, error) {
	select {
	case c := <-b.conns:
		return c, nil
	case <-b.split.over.Done():
		return nil, context.Cause(b.split.over)
	}
}

// Close implements net.Listener. It waits for the split's goroutines.
func (b *branch) Close() error {
	b.split.finish(net.ErrClosed)
	b.split.work.Wait()
	return nil
}

// Addr implements net.Listener.
func (b *branch) Addr() net.Addr { return b.split.listener.Addr() }

// peeked is a connection whose first byte has been read.
type peeked struct {
	net.Conn
	first []byte
}

// Read implements net.Conn.
func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
