package bench

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"frontdesk/media"
)

const (
	opusType  = 111
	opusFrame = 960       // of its RTP clock, which runs at 48 kHz
	tapRoom   = 1_000_000 // packets that are noted at most
)

// tap is the server's socket. It notes when the packets of the agents' voices leave,
// right before they are given to the kernel.
type tap struct {
	*net.UDPConn

	mu   sync.Mutex
	sent []sending
}

// sending is a packet of Opus that left. SRTP leaves the RTP header legible (RFC 3711, 3.1).
type sending struct {
	at     time.Time
	ssrc   uint32
	stamp  uint32
	number uint16
	spurt  bool // the first of a talkspurt: the marker bit (RFC 3551, 4.1)
}

func newTap(c *net.UDPConn) *tap { return &tap{UDPConn: c} }

// listen begins anew to note, in memory that is there from now on.
func (t *tap) listen() {
	sent := make([]sending, tapRoom)
	for i := range sent {
		sent[i].number = 1 // touches the page
	}
	t.mu.Lock()
	t.sent = sent[:0]
	t.mu.Unlock()
}

// WriteTo implements net.PacketConn.
func (t *tap) WriteTo(b []byte, to net.Addr) (int, error) {
	t.note(b)
	return t.UDPConn.WriteTo(b, to)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter, as the bare socket does.
func (t *tap) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	t.note(b)
	return t.UDPConn.WriteToUDPAddrPort(b, to)
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (t *tap) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return t.UDPConn.ReadFromUDPAddrPort(b)
}

func (t *tap) note(b []byte) {
	if len(b) < 12 || b[0]>>6 != 2 || b[1]&0x7f != opusType {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sent) < cap(t.sent) {
		t.sent = append(t.sent, sending{
			at: now, spurt: b[1]&0x80 != 0, number: binary.BigEndian.Uint16(b[2:]), stamp: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]),
		})
	}
}

// lateness is what a clockwork makes of the packets, and how many there are.
func (t *tap) lateness() (late []time.Duration, packets int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	streams := make(map[uint32]*clockwork)
	for _, s := range t.sent {
		if streams[s.ssrc] == nil {
			streams[s.ssrc] = new(clockwork)
		}
		streams[s.ssrc].add(s)
	}
	for _, c := range streams {
		late = append(late, c.end()...)
	}
	return late, len(t.sent)
}

// answered is the time from each moment at which a turn was judged finished until the
// next talkspurt's first packet left. Talkspurts are taken in order: calls whose turns
// end within that time may be confused, which does not change the mean.
func (t *tap) answered(judged []time.Time) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var took []time.Duration
	for _, s := range t.sent {
		if s.spurt && len(judged) > 0 && s.at.After(judged[0]) {
			took = append(took, s.at.Sub(judged[0]))
			judged = judged[1:]
		}
	}
	return took
}

// clockwork tells how much later the packets of a stream come than the 20 ms clock of
// their talkspurt says, which the earliest packet of the talkspurt sets.
type clockwork struct {
	frame       uint32 // how far time stamps go in 20 ms; 0 is opusFrame
	first, last sending
	offsets     []time.Duration // of the talkspurt under way, from where its first packet puts them
	late        []time.Duration
}

func (c *clockwork) add(s sending) {
	frame := c.frame
	if frame == 0 {
		frame = opusFrame
	}
	if len(c.offsets) > 0 && (s.number != c.last.number+1 || s.stamp != c.last.stamp+frame) {
		c.end()
	}
	if len(c.offsets) == 0 {
		c.first = s
	}
	c.offsets = append(c.offsets, s.at.Sub(c.first.at)-time.Duration(len(c.offsets))*media.FrameTime)
	c.last = s
}

// end ends the talkspurt and returns the lateness of all packets so far.
func (c *clockwork) end() []time.Duration {
	if len(c.offsets) > 1 { // one alone says nothing
		least := slices.Min(c.offsets)
		for _, o := range c.offsets {
			c.late = append(c.late, o-least)
		}
	}
	c.offsets = c.offsets[:0]
	return c.late
}
