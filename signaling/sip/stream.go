package sip

import (
	"bytes"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

const (
	maxHead        = 16 << 10 // bytes of a message's start line and headers
	maxMessage     = 64 << 10 // bytes of a message
	maxPartial     = 1000     // connections in the middle of a message
	partialTimeout = time.Minute
)

var errFraming = errors.New("cannot tell where the message ends")

// partialMessages holds the beginnings of messages whose rest has not come yet. The zero
// value is empty.
type partialMessages struct {
	mu     sync.Mutex
	byConn map[string]partialMessage // key: both addresses of the connection
}

type partialMessage struct {
	data []byte
	at   time.Time
}

// join returns data, preceded by what store kept for the connection.
func (p *partialMessages) join(conn string, data []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, ok := p.byConn[conn]
	if !ok {
		return data
	}
	delete(p.byConn, conn)
	if time.Since(before.at) > partialTimeout { // from an earlier connection with the same addresses
		return data
	}
	return append(before.data, data...)
}

// store keeps the beginning of a message. It returns false if there is no room.
func (p *partialMessages) store(conn string, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if len(p.byConn) >= maxPartial { // remove those of closed connections
		for conn, old := range p.byConn {
			if now.Sub(old.at) > partialTimeout {
				delete(p.byConn, conn)
			}
		}
	}
	if len(p.byConn) >= maxPartial {
		return false
	}
	if p.byConn == nil {
		p.byConn = make(map[string]partialMessage)
	}
	p.byConn[conn] = partialMessage{bytes.Clone(data), now}
	return true
}

// filterStream splits what came over a connection into messages, and returns those that
// sipgo may parse. A bad message does not affect the others on its connection, as long as
// its end is known (RFC 3261, 18.3). An error closes the connection.
func (s *Server) filterStream(info sip.TransportReadProps, from netip.AddrPort, data []byte) ([]byte, error) {
	conn := info.LocalAddr.String() + " " + info.RemoteAddr.String()
	data = s.partial.join(conn, data)
	var accepted []byte
	for len(data) > 0 {
		size, err := messageSize(data)
		if err != nil && len(accepted) > 0 { // handle what came before; the error comes again
			s.partial.store(conn, data)
			break
		}
		if err != nil {
			if s.isKnown(from.Addr()) {
				head, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\r\n\r\n"))
				s.respondRaw(info, from, badRequest(unfold(head[:min(len(head), maxHead)])))
			}
			return nil, err
		}
		if size == 0 {
			if !s.partial.store(conn, data) {
				return nil, errFraming
			}
			break
		}
		accepted = append(accepted, s.filterMessage(info, from, data[:size])...)
		data = data[size:]
	}
	return accepted, nil
}

// messageSize returns the size of the first message of a stream, or 0 while it is
// incomplete. Empty lines before a message belong to it. Empty lines alone count as a
// message: they are keep-alives (RFC 5626, 3.5.1).
func messageSize(stream []byte) (size int, err error) {
	text := bytes.TrimLeft(stream, "\r\n")
	if len(text) == 0 {
		return len(stream), nil
	}
	head, _, isComplete := bytes.Cut(text, []byte("\r\n\r\n"))
	if len(head) > maxHead {
		return 0, errFraming
	}
	if !isComplete {
		return 0, nil
	}
	body, err := contentLength(head)
	if err != nil {
		return 0, err
	}
	if size = len(stream) - len(text) + len(head) + 4 + body; size > len(stream) {
		return 0, nil
	}
	return size, nil
}

// contentLength returns the value of the Content-Length header, which is mandatory on
// streams.
func contentLength(head []byte) (length int, err error) {
	if needsUnfolding(head) {
		head = unfold(head)
	}
	isFound := false
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "l") {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil || n > maxMessage || isFound && int(n) != length {
			return 0, errFraming
		}
		length, isFound = int(n), true
	}
	if !isFound {
		return 0, errFraming
	}
	return length, nil
}
