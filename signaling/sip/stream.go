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
	maxHead    = 16 << 10 // bytes of a message's first line and header fields
	maxMessage = 64 << 10 // bytes of all of it
	maxPieces  = 1000     // connections that may be in the middle of a message
	pieceTime  = time.Minute
)

var errFraming = errors.New("nobody can tell where the message ends")

// pieces are beginnings of messages whose rest has yet to come. The zero pieces are none.
type pieces struct {
	mu   sync.Mutex
	from map[string]piece // by both ends of the connection
}

type piece struct {
	data  []byte
	since time.Time
}

// join returns what has come over a connection since the last whole message.
func (p *pieces) join(link string, data []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, ok := p.from[link]
	if !ok {
		return data
	}
	delete(p.from, link)
	if time.Since(before.since) > pieceTime { // of another connection from the same port
		return data
	}
	return append(before.data, data...)
}

// keep keeps the beginning of a message. It reports whether there is room.
func (p *pieces) keep(link string, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if len(p.from) >= maxPieces { // some of connections that are no more
		for link, old := range p.from {
			if now.Sub(old.since) > pieceTime {
				delete(p.from, link)
			}
		}
	}
	if len(p.from) >= maxPieces {
		return false
	}
	if p.from == nil {
		p.from = make(map[string]piece)
	}
	p.from[link] = piece{bytes.Clone(data), now}
	return true
}

// stream takes what has come over a connection, and returns those whole messages of it that
// are let in. A message that is none costs the others on its connection nothing, as long as
// its end can be told (RFC 3261, 18.3); the error says that it cannot.
func (s *Server) stream(info sip.TransportReadProps, from netip.AddrPort, data []byte) ([]byte, error) {
	link := info.LocalAddr.String() + " " + info.RemoteAddr.String()
	data = s.pieces.join(link, data)
	var in []byte
	for len(data) > 0 {
		size, err := cut(data)
		if err != nil && len(in) > 0 { // what came before is served first
			s.pieces.keep(link, data)
			break
		}
		if err != nil {
			if s.isKnown(from.Addr()) {
				head, _, _ := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\r\n\r\n"))
				s.complain(info, from, complaint(smooth(head[:min(len(head), maxHead)])))
			}
			return nil, err
		}
		if size == 0 {
			if !s.pieces.keep(link, data) {
				return nil, errFraming
			}
			break
		}
		in = append(in, s.judge(info, from, data[:size])...)
		data = data[size:]
	}
	return in, nil
}

// cut returns the size of the first message of a stream, 0 while it is not whole. Empty lines
// before it are part of it, and are one where nothing else has come: they keep NATs open
// (RFC 5626, 3.5.1).
func cut(stream []byte) (size int, err error) {
	text := bytes.TrimLeft(stream, "\r\n")
	if len(text) == 0 {
		return len(stream), nil
	}
	head, _, whole := bytes.Cut(text, []byte("\r\n\r\n"))
	if len(head) > maxHead {
		return 0, errFraming
	}
	if !whole {
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

// contentLength reads the header field of that name, which has to be there.
func contentLength(head []byte) (length int, err error) {
	if isUneven(head) {
		head = smooth(head)
	}
	found := false
	for line := range strings.SplitSeq(string(head), "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "l") {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil || n > maxMessage || found && int(n) != length {
			return 0, errFraming
		}
		length, found = int(n), true
	}
	if !found {
		return 0, errFraming
	}
	return length, nil
}
