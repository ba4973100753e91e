// Package rtp is the media of one telephone call: RTP (RFC 3550) with optional SRTP, RTCP
// reports, and the SDP that describes them. It imports media and fault.
//
// The signaling side parses the other side's SDP into a Remote, starts a Leg with it and
// sends the Leg's Offer or Answer. Audio leaves through Leg.WriteFrame, arrives through
// Leg.Receiver, and DTMF digits arrive through Leg.Digits, while Leg.Run reads packets.
package rtp

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"frontdesk/media"
)

const (
	maxPacket = 1500 // bytes
	maxEarly  = 2000 // packets that DiscardReceived drops at most
)

// Leg is the audio of one call on its own UDP ports. It is a media.Sink. Its receiver is
// the Source after Start.
//
// A Leg accepts packets only from the address and port of the first valid packet, or from
// the port that the other side's SDP names. The first packet has to come from an address
// that the SDP or the signaling named. Other packets are dropped without a response.
type Leg struct {
	conn     *net.UDPConn
	control  *net.UDPConn // RTCP without mux
	receiver *media.Receiver
	digits   *media.DTMFReceiver
	srtp     encryption
	arrived  reception

	mu      sync.Mutex
	local   local
	remote  Remote
	codec   Codec
	encoder encoder
	peer    peer
	silence silence
	dtmf    media.DTMFSender
	header  rtp.Header // of the next packet
	sent    transmission
	buffers struct{ payload, plain, encrypted [maxPacket]byte }
}

// peer is the transport address of the other side.
type peer struct {
	allowed  []netip.Addr   // where the first packet may come from
	addr     netip.AddrPort // where we send
	isLocked bool           // a valid packet came from addr
}

// silence generates comfort noise for frames without audio.
type silence struct {
	frames int // in a row
	noise  media.ComfortNoise
	buf    [media.MouthFrame]int16
}

// NewLeg opens the sockets of a leg. ip is our address in SDP.
func NewLeg(p *Ports, ip netip.Addr) (*Leg, error) {
	conn, control, err := p.open()
	if err != nil {
		return nil, err
	}
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return &Leg{
		conn: conn, control: control, digits: media.NewDTMFReceiver(), local: newLocal(netip.AddrPortFrom(ip, port)),
		header: rtp.Header{
			Version: 2, SSRC: rand.Uint32(), Marker: true,
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
		},
	}, nil
}

// RequireSRTP makes Offer offer SRTP. It must be called before Offer.
func (l *Leg) RequireSRTP() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local.crypto = newCrypto(1, bestSuite)
}

// Start prepares the leg to exchange audio with r. signalingAddr is where the other side's
// SIP messages come from. Start must be called once, before Run and WriteFrame.
func (l *Leg) Start(r Remote, signalingAddr netip.Addr) error {
	decoder, encoder, err := r.codec.open()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.IsEncrypted() {
		if l.local.crypto.suite != r.crypto.suite { // we answer, or they chose another suite than we offered
			l.local.crypto = newCrypto(r.crypto.tag, r.crypto.suite)
		}
		if l.srtp.out, err = l.local.crypto.context(); err != nil {
			return err
		}
		in, err := r.crypto.context()
		if err != nil {
			return err
		}
		l.srtp.setIn(in)
	}
	l.receiver = media.NewReceiver(decoder, r.codec.clock)
	l.codec, l.encoder = r.codec, encoder
	l.arrived.setClock(r.codec.clock)
	l.remote = r
	l.peer = peer{addr: r.media, allowed: []netip.Addr{r.media.Addr(), signalingAddr}}
	l.header.PayloadType = r.payload
	return nil
}

// Update applies a new description of the other side to a started leg: the other side goes
// on hold, resumes, moves, or changes the codec or its key. It reports whether the leg can
// follow, and leaves the leg unchanged if not.
func (l *Leg) Update(r Remote) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.crypto.suite != l.remote.crypto.suite {
		return false
	}
	hasNewKey := !slices.Equal(r.crypto.key, l.remote.crypto.key)
	var in *srtp.Context
	if hasNewKey { // we keep our own key
		var err error
		if in, err = r.crypto.context(); err != nil {
			return false
		}
	}
	if r.codec.Name != l.codec.Name {
		decoder, encoder, err := r.codec.open()
		if err != nil {
			return false
		}
		l.receiver.Switch(decoder, r.codec.clock)
		l.arrived.setClock(r.codec.clock)
		l.codec, l.encoder = r.codec, encoder
	}
	if hasNewKey {
		l.srtp.setIn(in)
	}
	l.local.crypto.tag = r.crypto.tag
	if r.media != l.remote.media && r.media.Addr().IsValid() && !r.media.Addr().IsUnspecified() {
		signalingAddr := l.peer.allowed[len(l.peer.allowed)-1]
		l.peer = peer{addr: r.media, allowed: []netip.Addr{r.media.Addr(), signalingAddr}}
	}
	l.remote = r
	l.header.PayloadType = r.payload
	return true
}

// Codec returns the codec in use. ok is false before Start.
func (l *Leg) Codec() (c Codec, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.codec, l.receiver != nil
}

// Receiver returns the audio of the other side. It is nil before Start.
func (l *Leg) Receiver() *media.Receiver { return l.receiver }

// Digits returns the DTMF digits of the other side.
func (l *Leg) Digits() <-chan byte { return l.digits.Digits }

// PushDigit adds a DTMF digit that came outside RTP. It drops the digit if too many wait.
func (l *Leg) PushDigit(digit byte) {
	select {
	case l.digits.Digits <- digit:
	default:
	}
}

// DiscardReceived drops the packets that have come so far. Early media is not part of the
// call, and may come from another address.
func (l *Leg) DiscardReceived() {
	buf := make([]byte, maxPacket)
	for range maxEarly {
		if l.conn.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
			return
		}
		if _, _, err := l.conn.ReadFromUDPAddrPort(buf); err != nil {
			return
		}
	}
}

// Offer returns an SDP offer of codecs.
func (l *Leg) Offer(codecs []Codec) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.local.offer(codecs, dtmfPayload)
}

// Reoffer returns an SDP offer, with a new version, of the session as it is.
func (l *Leg) Reoffer() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local.version++
	c := l.codec
	c.payload = l.remote.payload
	return l.local.offer([]Codec{c}, l.remote.dtmf)
}

// Answer returns the SDP answer to the description that Start or Update applied last.
func (l *Leg) Answer() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local.version++
	return l.local.answer(l.remote)
}

// Quality rates the audio that has come so far.
func (l *Leg) Quality() media.Quality {
	stats, _ := l.receiver.Stats()
	q := l.arrived.quality()
	l.mu.Lock()
	q.Codec = l.codec.Name
	sends := l.remote.sends
	l.mu.Unlock()
	// A sample waits for its packet, then in the jitter buffer, then for the playout clock.
	q.Delay = q.RTT/2 + time.Duration(2+stats.Delay)*media.FrameTime
	if n := stats.Received + stats.Lost; n > 0 {
		q.Loss = max(q.Loss, float64(stats.Lost)/float64(n)) // late packets count as lost
	} else if sends {
		q.Loss = 1 // nothing came
	}
	q.Rate()
	return q
}

// Close closes the sockets and ends Run and the receiver.
func (l *Leg) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.Close()
	_ = l.control.Close()
	if l.receiver != nil {
		_ = l.receiver.Close()
	}
}
