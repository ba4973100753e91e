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
	opusFrame = 960       // RTP timestamps in 20 ms, at 48 kHz
	tapLimit  = 1_000_000 // most packets that are recorded
)

// packetTap is the server's socket. It records when the packets of the agents' voices leave,
// right before the kernel gets them.
type packetTap struct {
	*net.UDPConn

	mu   sync.Mutex
	sent []sentPacket
}

// sentPacket is an Opus packet that was sent. SRTP does not encrypt the RTP header (RFC 3711, 3.1).
type sentPacket struct {
	at        time.Time
	ssrc      uint32
	timestamp uint32
	sequence  uint16
	marker    bool // set on the first packet of a talkspurt (RFC 3551, 4.1)
}

// reset forgets all packets, and allocates the memory for those to come.
func (t *packetTap) reset() {
	sent := make([]sentPacket, tapLimit)
	for i := range sent {
		sent[i].sequence = 1 // touches the page
	}
	t.mu.Lock()
	t.sent = sent[:0]
	t.mu.Unlock()
}

// WriteTo implements net.PacketConn.
func (t *packetTap) WriteTo(b []byte, to net.Addr) (int, error) {
	t.record(b)
	return t.UDPConn.WriteTo(b, to)
}

// WriteToAddrPort implements ice.AddrPortReaderWriter, like the socket itself.
func (t *packetTap) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	t.record(b)
	return t.UDPConn.WriteToUDPAddrPort(b, to)
}

// ReadFromAddrPort implements ice.AddrPortReaderWriter.
func (t *packetTap) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return t.UDPConn.ReadFromUDPAddrPort(b)
}

func (t *packetTap) record(b []byte) {
	if len(b) < 12 || b[0]>>6 != 2 || b[1]&0x7f != opusType {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sent) < cap(t.sent) {
		t.sent = append(t.sent, sentPacket{
			at: now, marker: b[1]&0x80 != 0, sequence: binary.BigEndian.Uint16(b[2:]), timestamp: binary.BigEndian.Uint32(b[4:]), ssrc: binary.BigEndian.Uint32(b[8:]),
		})
	}
}

// lateness is how late each packet was, and how many packets there are.
func (t *packetTap) lateness() (late []time.Duration, packets int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	streams := make(map[uint32]*latenessMeter)
	for _, s := range t.sent {
		if streams[s.ssrc] == nil {
			streams[s.ssrc] = new(latenessMeter)
		}
		streams[s.ssrc].add(s)
	}
	for _, m := range streams {
		late = append(late, m.endTalkspurt()...)
	}
	return late, len(t.sent)
}

// responseTimes are the times from each end of a turn until the first packet of the next
// talkspurt left. Talkspurts are matched in order: calls whose turns end within that time
// may be confused, which does not change the mean.
func (t *packetTap) responseTimes(judged []time.Time) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var took []time.Duration
	for _, s := range t.sent {
		if s.marker && len(judged) > 0 && s.at.After(judged[0]) {
			took = append(took, s.at.Sub(judged[0]))
			judged = judged[1:]
		}
	}
	return took
}

// latenessMeter measures how much later the packets of a stream are than the 20 ms clock of
// their talkspurt says, which the earliest packet of the talkspurt sets.
type latenessMeter struct {
	frame       uint32 // timestamps in 20 ms; 0 means opusFrame
	first, last sentPacket
	offsets     []time.Duration // of the current talkspurt, from the clock that its first packet sets
	late        []time.Duration
}

func (m *latenessMeter) add(s sentPacket) {
	frame := m.frame
	if frame == 0 {
		frame = opusFrame
	}
	if len(m.offsets) > 0 && (s.sequence != m.last.sequence+1 || s.timestamp != m.last.timestamp+frame) {
		m.endTalkspurt()
	}
	if len(m.offsets) == 0 {
		m.first = s
	}
	m.offsets = append(m.offsets, s.at.Sub(m.first.at)-time.Duration(len(m.offsets))*media.FrameTime)
	m.last = s
}

// endTalkspurt ends the talkspurt and returns the lateness of all packets so far.
func (m *latenessMeter) endTalkspurt() []time.Duration {
	if len(m.offsets) > 1 { // a single packet has nothing to be compared with
		earliest := slices.Min(m.offsets)
		for _, o := range m.offsets {
			m.late = append(m.late, o-earliest)
		}
	}
	m.offsets = m.offsets[:0]
	return m.late
}
