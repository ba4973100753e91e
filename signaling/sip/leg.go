package sip

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"

	"frontdesk/fault"
	"frontdesk/media"
)

const (
	frameClock = 160              // of a 20 ms frame, at 8 kHz
	maxPacket  = 1500             // bytes
	deafTime   = 30 * time.Second // without a packet, after which nobody is there
)

var errSilent = fault.New(fault.Unavailable, "no sound comes from the caller any more")

// leg is the sound of one call: RTP (RFC 3550) on a socket of its own. It is a
// media.Sink, and its receiver the Source. Only packets from where the caller's first one
// came are heard, and that one has to come from an address the caller named: what others
// send is neither heard nor answered.
type leg struct {
	conn     *net.UDPConn
	receiver *media.Receiver
	keys     *media.Keys
	encoder  *media.G711Encoder
	named    []netip.Addr // where the caller may be
	codec    codec
	payload  uint8
	events   uint8
	address  netip.AddrPort // where we are heard
	id       uint64         // of our session description

	mu     sync.Mutex
	to     netip.AddrPort
	locked bool // to is where packets come from
	held   bool
	header rtp.Header
	packet [maxPacket]byte
	out    [maxPacket]byte
}

// newLeg makes the leg of an offer that came from address caller.
func newLeg(conn *net.UDPConn, o offer, caller netip.Addr) *leg {
	return &leg{
		conn: conn, keys: media.NewKeys(), codec: o.codec, payload: o.payload, events: o.keys,
		receiver: media.NewReceiver(media.NewG711Decoder(o.codec.decode), 8000),
		encoder:  media.NewG711Encoder(o.codec.encode),
		named:    []netip.Addr{o.media.Addr(), caller}, to: o.media, held: o.hold,
		header: rtp.Header{
			Version: 2, PayloadType: o.payload, SSRC: rand.Uint32(), Marker: true,
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
		},
	}
}

// alter takes another offer for the same call: the caller holds, resumes or moves.
func (l *leg) alter(o offer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = o.hold
	if o.media != l.to && !o.media.Addr().IsUnspecified() && !l.locked {
		l.to = o.media
	}
}

// WriteFrame implements media.Sink. Silence is sent as sound is: telephones take a line
// that goes quiet for one that is dead.
func (l *leg) WriteFrame(frame []int16) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header.Timestamp += frameClock
	if l.held {
		return nil
	}
	var payload []byte
	if frame == nil {
		payload = l.packet[:frameClock]
		for i := range payload {
			payload[i] = l.codec.zero
		}
	} else {
		var err error
		if payload, err = l.encoder.Encode(l.packet[:], frame); err != nil {
			return err
		}
	}
	l.header.SequenceNumber++
	n, err := l.header.MarshalTo(l.out[:])
	if err != nil {
		return err
	}
	n += copy(l.out[n:], payload)
	l.header.Marker = false
	_, _ = l.conn.WriteToUDPAddrPort(l.out[:n], l.to) // what cannot leave is lost
	return nil
}

// read hears packets until the leg is closed, or nothing has come for long.
func (l *leg) read() error {
	buf := make([]byte, maxPacket)
	var p rtp.Packet
	for {
		if err := l.conn.SetReadDeadline(time.Now().Add(deafTime)); err != nil {
			return nil
		}
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			if l.isHeld() {
				continue
			}
			return errSilent
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			continue // an ICMP error of what was sent
		}
		if !l.isCaller(netip.AddrPortFrom(from.Addr().Unmap(), from.Port())) || p.Unmarshal(buf[:n]) != nil || p.Version != 2 {
			continue
		}
		switch {
		case p.PayloadType == l.payload:
			l.receiver.Push(p.SequenceNumber, p.Timestamp, p.Payload)
		case p.PayloadType == l.events && l.events > 0:
			l.keys.Take(p.Timestamp, p.Payload)
		}
	}
}

// isCaller reports whether a packet from there is the caller's, and sends there from now
// on when it is the first.
func (l *leg) isCaller(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.locked {
		return from == l.to
	}
	for _, a := range l.named {
		if a == from.Addr() {
			l.to, l.locked = from, true
			return true
		}
	}
	return false
}

func (l *leg) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// close ends the sound both ways.
func (l *leg) close() {
	_ = l.conn.Close()
	_ = l.receiver.Close()
}
