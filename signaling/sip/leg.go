package sip

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxPacket = 1500             // bytes
	deafTime  = 30 * time.Second // without a packet, after which nobody is there
	lookTime  = time.Second      // between two looks whether that is so
	maxEarly  = 2000             // packets that may have come before the call began
	sparseGap = 20               // frames of silence for one packet, where silence need not be sent
)

var errSilent = fault.New(fault.Unavailable, "no sound comes from the other side any more")

// leg is the sound of one call: RTP (RFC 3550) on a socket of its own, encrypted where
// that was agreed, with reports beside it. It is a media.Sink, and its receiver the
// Source, once start has told what the other side understands. Only packets from where
// the first one came are heard, or from the port the other side named, and the first one has
// to come from an address it named: what others send is neither heard nor answered.
type leg struct {
	conn     *net.UDPConn
	control  *net.UDPConn // of reports that do not share the port
	local    local
	receiver *media.Receiver
	keys     *media.DTMFReceiver
	out      *srtp.Context // nil in the clear
	in       *srtp.Context
	opening  sync.Mutex // in is for one at a time
	codec    codec
	encoder  encoder
	arrived  reception

	mu     sync.Mutex
	remote remote
	named  []netip.Addr // where they may be
	to     netip.AddrPort
	locked bool // to is where packets come from
	quiet  int  // frames of silence in a row
	noise  media.ComfortNoise
	faint  [media.MouthFrame]int16
	sender media.DTMFSender
	header rtp.Header
	sent   transmission
	packet [maxPacket]byte
	plain  [maxPacket]byte
	sealed [maxPacket]byte
}

// newLeg opens the sockets of a leg that is reached at the address ip.
func newLeg(p *ports, ip netip.Addr) (*leg, error) {
	conn, control, err := p.open()
	if err != nil {
		return nil, err
	}
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return &leg{
		conn: conn, control: control, keys: media.NewDTMFReceiver(), local: newLocal(netip.AddrPortFrom(ip, port)),
		header: rtp.Header{
			Version: 2, SSRC: rand.Uint32(), Marker: true,
			SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32(),
		},
	}, nil
}

// start makes the sound what r and the other side's address, as signalling knows it, allow.
// It is called once, before all that hears or speaks.
func (l *leg) start(r remote, address netip.Addr) error {
	decoder, encoder, err := r.codec.open()
	if err != nil {
		return err
	}
	if r.crypto.suite != "" {
		if l.local.crypto.suite != r.crypto.suite { // we answer; else it is the key we offered
			l.local.crypto = newCrypto(r.crypto.tag, r.crypto.suite)
		}
		if l.out, err = l.local.crypto.context(); err != nil {
			return err
		}
		if l.in, err = r.crypto.context(); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.receiver = media.NewReceiver(decoder, r.codec.clock)
	l.codec, l.encoder = r.codec, encoder
	l.arrived.tick(r.codec.clock)
	l.remote, l.to, l.named = r, r.media, []netip.Addr{r.media.Addr(), address}
	l.header.PayloadType = r.payload
	return nil
}

// agreed is the codec the two sides agreed on, if they have.
func (l *leg) agreed() (codec, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.codec, l.receiver != nil
}

// alter takes another description of the other side for the same call: it holds, resumes,
// moves or speaks by another codec. It reports whether that can be.
func (l *leg) alter(r remote) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.crypto.suite != l.remote.crypto.suite {
		return false
	}
	if r.codec.name != l.codec.name {
		decoder, encoder, err := r.codec.open()
		if err != nil {
			return false
		}
		l.receiver.Switch(decoder, r.codec.clock)
		l.arrived.tick(r.codec.clock)
		l.codec, l.encoder = r.codec, encoder
	}
	if string(r.crypto.key) != string(l.remote.crypto.key) { // ours may stay
		in, err := r.crypto.context()
		if err != nil {
			return false
		}
		l.opening.Lock()
		l.in = in
		l.opening.Unlock()
	}
	l.local.crypto.tag = r.crypto.tag
	if r.media != l.remote.media && r.media.Addr().IsValid() && !r.media.Addr().IsUnspecified() {
		l.to, l.locked = r.media, false
		l.named = append(l.named[:0:0], r.media.Addr(), l.named[len(l.named)-1])
	}
	l.remote = r
	l.header.PayloadType = r.payload
	return true
}

// forget drops what has come: what was played while it rang is no part of the call, and may
// come from elsewhere.
func (l *leg) forget() {
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

// answer describes our side of r.
func (l *leg) answer(r remote) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local.version++
	return l.local.answer(r)
}

// WriteFrame implements media.Sink. Most codecs' silence is sent as sound is: telephones
// take a line that goes quiet for one that is dead.
func (l *leg) WriteFrame(frame []int16) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.header.Timestamp += l.codec.frame()
	if !l.remote.takes {
		return nil
	}
	if l.sender.IsSending() {
		return l.sendKey()
	}
	if frame == nil {
		if l.quiet++; l.codec.sparse && l.quiet%sparseGap != 0 {
			l.header.Marker = true
			return nil
		}
		l.noise.Fill(l.faint[:])
		frame = l.faint[:]
	} else {
		l.quiet = 0
	}
	payload, err := l.encoder.Encode(l.packet[:], frame)
	if err != nil {
		return err
	}
	return l.send(payload)
}

// sendKey sends what comes next of the keys that are being pressed.
func (l *leg) sendKey() error {
	payload, stamp, first := l.sender.Next(l.packet[:], l.header.Timestamp, l.codec.frame())
	if len(payload) == 0 {
		return nil
	}
	now := l.header.Timestamp
	l.header.Timestamp, l.header.PayloadType, l.header.Marker = stamp, l.remote.keys, first
	err := l.send(payload)
	l.header.Timestamp, l.header.PayloadType, l.header.Marker = now, l.remote.payload, true
	return err
}

// press sends keys beside the sound. It reports whether the other side takes such.
func (l *leg) press(keys string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.remote.keys == 0 {
		return false, nil
	}
	return true, l.sender.Queue(keys)
}

// quality rates the call so far.
func (l *leg) quality() media.Quality {
	stats, _ := l.receiver.Stats()
	q := l.arrived.quality()
	used, _ := l.agreed()
	q.Codec = used.name
	// On its way a sample waits for its packet, and here for the jitter buffer and the clock.
	q.Delay = q.RTT/2 + time.Duration(2+stats.Delay)*media.FrameTime
	if n := stats.Received + stats.Lost; n > 0 {
		q.Loss = max(q.Loss, float64(stats.Lost)/float64(n)) // what came too late is lost, too
	} else if l.sends() {
		q.Loss = 1 // nothing came
	}
	q.Rate()
	return q
}

// send sends a payload under l.header.
func (l *leg) send(payload []byte) error {
	l.header.SequenceNumber++
	n, err := l.header.MarshalTo(l.plain[:])
	if err != nil {
		return err
	}
	n += copy(l.plain[n:], payload)
	packet := l.plain[:n]
	if l.out != nil {
		if packet, err = l.out.EncryptRTP(l.sealed[:0], packet, &l.header); err != nil {
			return err
		}
	}
	l.header.Marker = false
	l.sent.packets++
	l.sent.bytes += uint32(len(payload))
	_, _ = l.conn.WriteToUDPAddrPort(packet, l.to) // what cannot leave is lost
	return nil
}

// read hears packets and sends reports until the leg is closed, or nothing has come for long.
func (l *leg) read() error {
	var reports sync.WaitGroup
	defer reports.Wait()
	reports.Go(l.readReports)
	h := hearing{leg: l, buf: make([]byte, maxPacket), open: make([]byte, maxPacket)}
	now := time.Now()
	l.arrived.alive.Store(now.UnixNano())
	for report := now.Add(reportTime / 2); ; now = time.Now() {
		if now.After(report) {
			l.report(now)
			report = now.Add(reportTime)
		}
		if err := l.conn.SetReadDeadline(now.Add(lookTime)); err != nil {
			return nil
		}
		n, from, err := l.conn.ReadFromUDPAddrPort(h.buf)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			switch {
			case l.holds():
				l.arrived.alive.Store(now.UnixNano())
			case time.Since(l.arrived.last()) > deafTime:
				return errSilent
			}
		case errors.Is(err, net.ErrClosed):
			return nil
		case err == nil: // else an ICMP error of what was sent
			h.take(h.buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// holds reports whether the other side does not give sound now, or does not take it: then it
// need not send anything.
func (l *leg) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.remote.gives || !l.remote.takes
}

// sends reports whether the other side said that it gives sound.
func (l *leg) sends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.remote.gives
}

// hearing is what one goroutine needs to hear packets.
type hearing struct {
	*leg
	buf, open []byte
	p         rtp.Packet
}

// take takes what came from somewhere.
func (h *hearing) take(packet []byte, from netip.AddrPort) {
	if len(packet) < 2 {
		return
	}
	if isReport(packet) {
		if h.isThere(from) {
			h.takeReport(packet)
		}
		return
	}
	if !h.mayBe(from) {
		return
	}
	packet, ok := h.decrypt(openRTP, h.open[:0], packet)
	if !ok {
		return
	}
	if h.p.Unmarshal(packet) != nil || h.p.Version != 2 || !h.isCaller(from) {
		return
	}
	now := time.Now()
	payload, keys, noise := h.expects()
	switch h.p.PayloadType {
	case payload:
		h.arrived.packet(&h.p.Header, now)
		h.receiver.Push(h.p.SequenceNumber, h.p.Timestamp, h.p.Payload)
	case keys:
		h.arrived.packet(&h.p.Header, now)
		h.receiver.Push(h.p.SequenceNumber, h.p.Timestamp, nil)
		h.keys.Push(h.p.Timestamp, h.p.Payload)
	case noise:
		h.arrived.packet(&h.p.Header, now)
		h.receiver.Push(h.p.SequenceNumber, h.p.Timestamp, nil)
	}
}

// decrypt opens a packet of sound or reports, where they are encrypted.
func (l *leg) decrypt(open func(*srtp.Context, []byte, []byte) ([]byte, error), dst, packet []byte) ([]byte, bool) {
	l.opening.Lock()
	defer l.opening.Unlock()
	if l.in == nil {
		return packet, true
	}
	packet, err := open(l.in, dst, packet)
	return packet, err == nil
}

func openRTP(c *srtp.Context, dst, packet []byte) ([]byte, error) {
	return c.DecryptRTP(dst, packet, nil)
}

func openRTCP(c *srtp.Context, dst, packet []byte) ([]byte, error) {
	return c.DecryptRTCP(dst, packet, nil)
}

// none is a payload type that no packet has.
const none = 0xff

// expects are the payload types that may come.
func (l *leg) expects() (payload, keys, noise uint8) {
	l.mu.Lock()
	defer l.mu.Unlock()
	payload, keys, noise = l.remote.payload, none, none
	if l.remote.keys > 0 {
		keys = l.remote.keys
	}
	if l.remote.noise {
		noise = noisePayload
	}
	return payload, keys, noise
}

// mayBe reports whether a packet from there may be the other side's.
func (l *leg) mayBe(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked && from == l.to || !l.locked && l.isNamed(from.Addr()) || from == l.remote.media
}

// isThere reports whether a report from there may be the other side's.
func (l *leg) isThere(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.locked && from.Addr() == l.to.Addr() || !l.locked && l.isNamed(from.Addr())
}

func (l *leg) isNamed(a netip.Addr) bool {
	for _, named := range l.named {
		if named == a {
			return true
		}
	}
	return false
}

// isCaller takes note that a good packet came from there, and sends there from now on when
// it is the first, or the first from the very port that they named: what was played while
// it rang may come from another one, and last a little longer.
func (l *leg) isCaller(from netip.AddrPort) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.locked || from == l.remote.media {
		l.to, l.locked = from, true
	}
	return from == l.to
}

// close ends the sound both ways.
func (l *leg) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.Close()
	_ = l.control.Close()
	if l.receiver != nil {
		_ = l.receiver.Close()
	}
}

// offerAgain describes our side as it is, to be answered.
func (l *leg) offerAgain() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.local.version++
	c := l.codec
	c.payload = l.remote.payload
	return l.local.offer([]codec{c}, l.remote.keys)
}
