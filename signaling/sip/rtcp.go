package sip

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"frontdesk/media"
)

const (
	reportTime = 5 * time.Second // between two reports (RFC 3550, 6.2)
	cname      = "frontdesk"
)

// isReport tells reports from sound on a port they share (RFC 5761, 4).
func isReport(packet []byte) bool { return packet[1] >= 192 && packet[1] <= 223 }

// transmission counts what was sent.
type transmission struct{ packets, bytes uint32 }

// reception counts what came, as RFC 3550, 6.4.1 and appendix A have it, and keeps what
// reports of the other side say. packet is for one goroutine; it does not allocate.
type reception struct {
	alive atomic.Int64 // when the last packet came, Unix ns

	mu       sync.Mutex
	clock    float64 // Hz
	started  bool
	ssrc     uint32
	base     uint32 // extended sequence numbers
	highest  uint32
	received uint32
	before   uint32 // expected and received up to the last change of the stream, or report
	got      uint32
	lost     uint32 // of streams before this one
	all      uint32 // packets of streams before this one
	transit  float64
	jitter   float64 // clock units
	sender   uint32  // the middle of their last report's NTP time
	heard    time.Time
	rtt      time.Duration
	theirs   float64 // the fraction of our packets they lost, by their last report
}

func (r *reception) last() time.Time { return time.Unix(0, r.alive.Load()) }

// tick has the stream's clock run at rate Hz from now on.
func (r *reception) tick(rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clock > 0 {
		r.jitter *= float64(rate) / r.clock
	}
	r.clock = float64(rate)
}

// packet takes note of a packet.
func (r *reception) packet(h *rtp.Header, now time.Time) {
	r.alive.Store(now.UnixNano())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started || h.SSRC != r.ssrc {
		r.restart(h)
	}
	switch ahead := int16(h.SequenceNumber - uint16(r.highest)); {
	case ahead > 3000 || ahead < -3000: // the stream began anew
		r.restart(h)
	case ahead > 0:
		r.highest += uint32(ahead)
	}
	r.received++
	transit := float64(now.UnixMicro()%(1<<40))*r.clock/1e6 - float64(h.Timestamp)
	if d := transit - r.transit; r.received > 1 && d < r.clock && d > -r.clock {
		if d < 0 {
			d = -d
		}
		r.jitter += (d - r.jitter) / 16
	}
	r.transit = transit
}

func (r *reception) restart(h *rtp.Header) {
	if r.started {
		expected := r.highest - r.base + 1
		r.all += expected
		r.lost += expected - min(r.received, expected)
	}
	// One cycle ahead, so that a packet before the first one is not below zero.
	r.started, r.ssrc, r.base = true, h.SSRC, 1<<16+uint32(h.SequenceNumber)
	r.highest, r.received, r.before, r.got = r.base, 0, 0, 0
}

// block is our report of what came, nil before anything did.
func (r *reception) block(now time.Time) []rtcp.ReceptionReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.started {
		return nil
	}
	expected := r.highest - r.base + 1
	lost := expected - min(r.received, expected)
	interval, arrived := expected-r.before, r.received-r.got
	r.before, r.got = expected, r.received
	b := rtcp.ReceptionReport{
		SSRC: r.ssrc, TotalLost: min(lost, 1<<23-1), LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
		LastSenderReport: r.sender,
	}
	if interval > arrived {
		b.FractionLost = uint8(min((interval-arrived)*256/interval, 255))
	}
	if r.sender != 0 {
		b.Delay = uint32(now.Sub(r.heard).Seconds() * 65536)
	}
	return []rtcp.ReceptionReport{b}
}

// report takes note of a report about the stream ssrc, and of a sender's.
func (r *reception) report(p rtcp.Packet, ssrc uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var blocks []rtcp.ReceptionReport
	switch p := p.(type) {
	case *rtcp.SenderReport:
		r.sender, r.heard = uint32(p.NTPTime>>16), now
		blocks = p.Reports
	case *rtcp.ReceiverReport:
		blocks = p.Reports
	}
	for _, b := range blocks {
		if b.SSRC != ssrc {
			continue
		}
		r.theirs = float64(b.FractionLost) / 256
		if b.LastSenderReport != 0 {
			back := int32(uint32(ntp(now)>>16) - b.LastSenderReport - b.Delay)
			if rtt := time.Duration(back) * time.Second / 65536; rtt >= 0 && rtt < 10*time.Second {
				r.rtt = rtt
			}
		}
	}
}

// quality is what is known of the way here.
func (r *reception) quality() media.Quality {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := media.Quality{RTT: r.rtt}
	if !r.started {
		return q
	}
	expected := r.highest - r.base + 1
	if all := r.all + expected; all > 0 {
		q.Loss = float64(r.lost+expected-min(r.received, expected)) / float64(all)
	}
	q.Jitter = time.Duration(r.jitter / r.clock * float64(time.Second))
	return q
}

// ntp is a time as RTCP has it: seconds since 1900 in 32 bits, and their fraction in 32.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// report sends the other side what we sent and heard.
func (l *leg) report(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent.packets == 0 && !l.locked {
		return
	}
	packets := []rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: l.header.SSRC, NTPTime: ntp(now), RTPTime: l.header.Timestamp,
			PacketCount: l.sent.packets, OctetCount: l.sent.bytes, Reports: l.arrived.block(now),
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: l.header.SSRC, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
		}}},
	}
	raw, err := rtcp.Marshal(packets)
	if err == nil && l.out != nil {
		raw, err = l.out.EncryptRTCP(nil, raw, nil)
	}
	switch {
	case err != nil:
	case l.remote.mux:
		_, _ = l.conn.WriteToUDPAddrPort(raw, l.to)
	default:
		to := l.remote.control
		if l.locked { // behind a NAT their port is another, but by its side
			to = netip.AddrPortFrom(l.to.Addr(), to.Port())
		}
		_, _ = l.control.WriteToUDPAddrPort(raw, to)
	}
}

// readReports hears reports on the port of their own.
func (l *leg) readReports() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := l.control.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && n >= 2 && isReport(buf) && l.isThere(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())) {
			l.takeReport(buf[:n])
		}
	}
}

// takeReport reads a compound packet of reports.
func (l *leg) takeReport(raw []byte) {
	raw, ok := l.decrypt(openRTCP, nil, raw)
	if !ok {
		return
	}
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	now := time.Now()
	l.arrived.alive.Store(now.UnixNano())
	l.mu.Lock()
	ssrc := l.header.SSRC
	l.mu.Unlock()
	for _, p := range packets {
		l.arrived.report(p, ssrc, now)
	}
}
