package rtp

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
	reportInterval = 5 * time.Second // RFC 3550, 6.2
	cname          = "frontdesk"
	maxDropout     = 3000             // sequence numbers; a larger jump is a new stream (RFC 3550, A.1)
	maxRTT         = 10 * time.Second // larger values are errors
)

// isRTCP distinguishes RTCP from RTP on a shared port (RFC 5761, 4).
func isRTCP(packet []byte) bool { return packet[1] >= 192 && packet[1] <= 223 }

// transmission counts what we sent.
type transmission struct{ packets, bytes uint32 }

// reception counts the packets that came (RFC 3550, 6.4.1 and appendix A) and holds what
// the other side's reports say. Counting does not allocate.
type reception struct {
	lastPacket atomic.Int64 // when the last packet came, Unix ns

	mu        sync.Mutex
	clock     float64 // of the stream, Hz
	isStarted bool
	ssrc      uint32
	base      uint32 // first extended sequence number
	highest   uint32 // highest extended sequence number
	received  uint32
	jitter    float64 // in units of clock
	transit   float64

	earlierExpected, earlierLost uint32 // packets of former streams of this call
	reportedExpected             uint32 // at the last report that we sent
	reportedReceived             uint32

	senderReport   uint32 // middle 32 bits of the NTP time in their last sender report
	senderReportAt time.Time
	rtt            time.Duration
}

func (r *reception) sinceLastPacket() time.Duration {
	return time.Since(time.Unix(0, r.lastPacket.Load()))
}

// setClock sets the clock rate of the stream from now on, in Hz.
func (r *reception) setClock(rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clock > 0 {
		r.jitter *= float64(rate) / r.clock
	}
	r.clock = float64(rate)
}

// count counts a packet.
func (r *reception) count(h *rtp.Header, now time.Time) {
	r.lastPacket.Store(now.UnixNano())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isStarted || h.SSRC != r.ssrc {
		r.startStream(h)
	}
	switch ahead := int16(h.SequenceNumber - uint16(r.highest)); {
	case ahead > maxDropout || ahead < -maxDropout:
		r.startStream(h)
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

// startStream begins to count a new stream with its first packet.
func (r *reception) startStream(h *rtp.Header) {
	if r.isStarted {
		expected, lost := r.totals()
		r.earlierExpected += expected
		r.earlierLost += lost
	}
	// One cycle ahead, so that an earlier packet that comes later is not below zero.
	r.isStarted, r.ssrc, r.base = true, h.SSRC, 1<<16+uint32(h.SequenceNumber)
	r.highest, r.received, r.reportedExpected, r.reportedReceived = r.base, 0, 0, 0
}

// totals returns how many packets of the stream should have come, and how many did not.
func (r *reception) totals() (expected, lost uint32) {
	expected = r.highest - r.base + 1
	return expected, expected - min(r.received, expected)
}

// receptionReport returns our report of the stream, or nil before the first packet.
func (r *reception) receptionReport(now time.Time) []rtcp.ReceptionReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.isStarted {
		return nil
	}
	expected, lost := r.totals()
	interval, arrived := expected-r.reportedExpected, r.received-r.reportedReceived
	r.reportedExpected, r.reportedReceived = expected, r.received
	report := rtcp.ReceptionReport{
		SSRC: r.ssrc, TotalLost: min(lost, 1<<23-1), LastSequenceNumber: r.highest, Jitter: uint32(r.jitter),
		LastSenderReport: r.senderReport,
	}
	if interval > arrived {
		report.FractionLost = uint8(min((interval-arrived)*256/interval, 255))
	}
	if r.senderReport != 0 {
		report.Delay = uint32(now.Sub(r.senderReportAt).Seconds() * 65536)
	}
	return []rtcp.ReceptionReport{report}
}

// handleReport handles a report of the other side. ssrc is the stream that we send.
func (r *reception) handleReport(p rtcp.Packet, ssrc uint32, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var reports []rtcp.ReceptionReport
	switch p := p.(type) {
	case *rtcp.SenderReport:
		r.senderReport, r.senderReportAt = uint32(p.NTPTime>>16), now
		reports = p.Reports
	case *rtcp.ReceiverReport:
		reports = p.Reports
	}
	for _, report := range reports {
		if report.SSRC != ssrc || report.LastSenderReport == 0 {
			continue
		}
		elapsed := int32(uint32(ntpTime(now)>>16) - report.LastSenderReport - report.Delay)
		if rtt := time.Duration(elapsed) * time.Second / 65536; rtt >= 0 && rtt < maxRTT {
			r.rtt = rtt
		}
	}
}

// quality returns the round-trip time, loss and jitter of the call so far.
func (r *reception) quality() media.Quality {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := media.Quality{RTT: r.rtt}
	if !r.isStarted {
		return q
	}
	expected, lost := r.totals()
	if all := r.earlierExpected + expected; all > 0 {
		q.Loss = float64(r.earlierLost+lost) / float64(all)
	}
	q.Jitter = time.Duration(r.jitter / r.clock * float64(time.Second))
	return q
}

// ntpTime returns t in the format of NTP: seconds since 1900 in the upper 32 bits, and
// their fraction in the lower 32 bits.
func ntpTime(t time.Time) uint64 {
	const unixEpoch = 2208988800 // seconds from 1900 to 1970
	return uint64(t.Unix()+unixEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// sendReport sends a sender report with our reception report.
func (l *Leg) sendReport(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent.packets == 0 && !l.peer.isLocked {
		return
	}
	packets := []rtcp.Packet{
		&rtcp.SenderReport{
			SSRC: l.header.SSRC, NTPTime: ntpTime(now), RTPTime: l.header.Timestamp,
			PacketCount: l.sent.packets, OctetCount: l.sent.bytes, Reports: l.arrived.receptionReport(now),
		},
		&rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
			Source: l.header.SSRC, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: cname}},
		}}},
	}
	raw, err := rtcp.Marshal(packets)
	if err == nil && l.srtp.out != nil {
		raw, err = l.srtp.out.EncryptRTCP(nil, raw, nil)
	}
	switch {
	case err != nil:
	case l.remote.mux:
		_, _ = l.conn.WriteToUDPAddrPort(raw, l.peer.addr)
	default:
		to := l.remote.control
		if l.peer.isLocked { // a NAT may have changed the address
			to = netip.AddrPortFrom(l.peer.addr.Addr(), to.Port())
		}
		_, _ = l.control.WriteToUDPAddrPort(raw, to)
	}
}

// readReports reads RTCP packets from their own port until Close.
func (l *Leg) readReports() {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := l.control.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil && n >= 2 && isRTCP(buf) && l.isReportAllowed(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())) {
			l.handleReports(buf[:n])
		}
	}
}

// handleReports handles a compound RTCP packet.
func (l *Leg) handleReports(raw []byte) {
	raw, ok := l.srtp.decrypt(decryptRTCP, nil, raw)
	if !ok {
		return
	}
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	now := time.Now()
	l.arrived.lastPacket.Store(now.UnixNano())
	l.mu.Lock()
	ssrc := l.header.SSRC
	l.mu.Unlock()
	for _, p := range packets {
		l.arrived.handleReport(p, ssrc, now)
	}
}
