package rtp

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"frontdesk/internal/fault"
)

const (
	silenceTimeout = 30 * time.Second // without a packet, after which the other side is gone
	checkInterval  = time.Second      // between two checks of silenceTimeout and of reports
)

var errSilent = fault.New(fault.Unavailable, "no audio comes from the other side any more")

// Run reads packets and sends RTCP reports until Close. It returns an error if the other
// side should send but no packet comes for 30 seconds.
func (l *Leg) Run() error {
	var reports sync.WaitGroup
	defer reports.Wait()
	reports.Go(l.readReports)
	reader := newPacketReader(l)
	buf := make([]byte, maxPacket)
	now := time.Now()
	l.arrived.lastPacket.Store(now.UnixNano())
	for nextReport := now.Add(reportInterval / 2); ; now = time.Now() {
		if now.After(nextReport) {
			l.sendReport(now)
			nextReport = now.Add(reportInterval)
		}
		if err := l.conn.SetReadDeadline(now.Add(checkInterval)); err != nil {
			return nil
		}
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		var netErr net.Error
		switch {
		case errors.As(err, &netErr) && netErr.Timeout():
			switch {
			case l.isOnHold():
				l.arrived.lastPacket.Store(now.UnixNano())
			case l.arrived.sinceLastPacket() > silenceTimeout:
				return errSilent
			}
		case errors.Is(err, net.ErrClosed):
			return nil
		case err == nil: // other errors are ICMP errors of packets that we sent
			reader.handle(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// isOnHold reports whether the other side does not send audio or does not receive it. Then
// it need not send packets.
func (l *Leg) isOnHold() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.remote.sends || !l.remote.receives
}

// packetReader handles packets for the one goroutine that reads l.conn.
type packetReader struct {
	*Leg
	decrypted []byte
	packet    rtp.Packet
}

func newPacketReader(l *Leg) *packetReader {
	return &packetReader{Leg: l, decrypted: make([]byte, maxPacket)}
}

// handle handles an RTP or RTCP packet.
func (r *packetReader) handle(raw []byte, from netip.AddrPort) {
	if len(raw) < 2 {
		return
	}
	if isRTCP(raw) {
		if r.isReportAllowed(from) {
			r.handleReports(raw)
		}
		return
	}
	if !r.isPacketAllowed(from) {
		return
	}
	raw, ok := r.srtp.decrypt(decryptRTP, r.decrypted[:0], raw)
	if !ok {
		return
	}
	p := &r.packet
	if p.Unmarshal(raw) != nil || p.Version != 2 || !r.lockPeer(from) {
		return
	}
	audio, dtmf, noise := r.payloadTypes()
	switch p.PayloadType {
	case audio:
		r.receiver.Push(p.SequenceNumber, p.Timestamp, p.Payload)
	case dtmf:
		r.receiver.Push(p.SequenceNumber, p.Timestamp, nil)
		r.digits.Push(p.Timestamp, p.Payload)
	case noise:
		r.receiver.Push(p.SequenceNumber, p.Timestamp, nil)
	default:
		return
	}
	r.arrived.count(&p.Header, time.Now())
}

const noPayload = 0xff // above every payload type

// payloadTypes returns the payload types that the other side may send, noPayload for each
// that it may not.
func (l *Leg) payloadTypes() (audio, dtmf, noise uint8) {
	l.mu.Lock()
	defer l.mu.Unlock()
	audio, dtmf, noise = l.remote.payload, noPayload, noPayload
	if l.remote.dtmf > 0 {
		dtmf = l.remote.dtmf
	}
	if l.remote.comfortNoise {
		noise = comfortNoisePayload
	}
	return audio, dtmf, noise
}

// isPacketAllowed reports whether an RTP packet from this address may be the other side's.
func (l *Leg) isPacketAllowed(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from == l.remote.media {
		return true
	}
	if l.peer.isLocked {
		return from == l.peer.addr
	}
	return slices.Contains(l.peer.allowed, from.Addr())
}

// isReportAllowed reports whether an RTCP packet from this address may be the other side's.
// It may come from any port.
func (l *Leg) isReportAllowed(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer.isLocked {
		return from.Addr() == l.peer.addr.Addr()
	}
	return slices.Contains(l.peer.allowed, from.Addr())
}

// lockPeer reports whether to accept a valid packet. The first one locks the address and
// port that we send to and accept packets from. A packet from the port that the SDP names
// replaces that lock, because early media may come from another port and end a little after
// the call began.
func (l *Leg) lockPeer(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.peer.isLocked || from == l.remote.media {
		l.peer.addr, l.peer.isLocked = from, true
	}
	return from == l.peer.addr
}
