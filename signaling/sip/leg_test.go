package sip

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"frontdesk/media"
)

func loopback(t testing.TB, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// newTestLeg is a leg to somebody whose offer named phone's address, and wants codec.
func newTestLeg(t testing.TB, phone *net.UDPConn, codec string) *leg {
	t.Helper()
	ours, err := findCodecs([]string{codec})
	if err != nil {
		t.Fatal(err)
	}
	o, err := parseOffer(newLocal(addrOf(phone)).offer(ours, keysPT), ours)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLeg(newPorts(42010, 42999), addrOf(phone).Addr())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.start(o, addrOf(phone).Addr()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	return l
}

func packet(t testing.TB, payload uint8, n int, content []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: payload, SequenceNumber: uint16(n), Timestamp: uint32(n * 160), SSRC: 7},
		Payload: content,
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStrangersAreNeitherHeardNorAnswered(t *testing.T) {
	phone, stranger, other := loopback(t, "127.0.0.1"), loopback(t, "127.0.0.2"), loopback(t, "127.0.0.1")
	l := newTestLeg(t, phone, "pcma")
	reading := make(chan error, 1)
	go func() { reading <- l.read() }()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(addrOf(l.conn).Port())}
	key := func(from *net.UDPConn, event byte, n int) {
		t.Helper()
		if _, err := from.WriteTo(packet(t, 101, n, []byte{event, 0x80, 0, 160}), to); err != nil {
			t.Fatal(err)
		}
	}
	key(stranger, 1, 1) // from elsewhere
	key(other, 2, 2)    // the caller, through a NAT that chose another port: heard, and answered there
	if got := <-l.keys.Digits; got != '2' {
		t.Fatalf("%c was pressed", got)
	}
	key(other, 3, 3)
	key(stranger, 4, 4)
	key(phone, 5, 5) // the port that was named: the other one was that of a tone while it rang
	key(other, 6, 6)
	key(phone, 7, 7)
	for _, want := range []byte("357") {
		if got := <-l.keys.Digits; got != want {
			t.Errorf("%c was pressed, not %c", got, want)
		}
	}
	if err := l.WriteFrame(make([]int16, media.MouthFrame)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, maxPacket)
	_ = phone.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := phone.ReadFrom(buf); err != nil || n != 12+160 {
		t.Errorf("%d bytes were answered, %v", n, err)
	}
	for _, c := range []*net.UDPConn{stranger, other} {
		_ = c.SetReadDeadline(time.Now())
		if n, _, err := c.ReadFrom(buf); err == nil {
			t.Errorf("%s got %d bytes", c.LocalAddr(), n)
		}
	}
	for _, junk := range [][]byte{nil, {0x80}, make([]byte, 1400), packet(t, 13, 9, []byte{1})} {
		_, _ = other.WriteTo(junk, to)
	}
	l.close()
	if err := <-reading; err != nil {
		t.Error(err)
	}
}

// isFaint reports whether A-law sound is no more than the hiss of a line.
func isFaint(payload []byte) bool {
	for _, x := range media.DecodePCMA(nil, payload) {
		if x > 64 || x < -64 {
			return false
		}
	}
	return true
}

func TestSilenceIsSentAndHeldCallersGetNothing(t *testing.T) {
	phone := loopback(t, "127.0.0.1")
	l := newTestLeg(t, phone, "pcma")
	buf := make([]byte, maxPacket)
	next := func() (p rtp.Packet, ok bool) {
		_ = phone.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, _, err := phone.ReadFrom(buf)
		return p, err == nil && p.Unmarshal(buf[:n]) == nil
	}
	for range 3 {
		_ = l.WriteFrame(nil)
	}
	var last rtp.Packet
	for n := range 3 {
		p, ok := next()
		if !ok || p.Marker != (n == 0) || len(p.Payload) != 160 || !isFaint(p.Payload) ||
			n > 0 && (p.SequenceNumber != last.SequenceNumber+1 || p.Timestamp != last.Timestamp+160) {
			t.Fatalf("packet %d: %v, %t", n, p.Header, ok)
		}
		last = p
	}
	held := l.remote
	held.takes = false
	l.alter(held)
	_ = l.WriteFrame(nil)
	if p, ok := next(); ok {
		t.Errorf("held, and got %v", p.Header)
	}
	held.takes = true
	l.alter(held)
	_ = l.WriteFrame(nil)
	if p, ok := next(); !ok || p.Timestamp != last.Timestamp+2*160 || p.SequenceNumber != last.SequenceNumber+1 {
		t.Errorf("resumed: %v, %t", p.Header, ok)
	}
}

func TestAFrameToATelephoneCostsNoMemory(t *testing.T) {
	l := newTestLeg(t, loopback(t, "127.0.0.1"), "pcma")
	frame := make([]int16, media.MouthFrame)
	for range 10 {
		_ = l.WriteFrame(frame)
	}
	if n := testing.AllocsPerRun(100, func() { _ = l.WriteFrame(frame) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPortsGoRoundAndRunOut(t *testing.T) {
	p := newPorts(42001, 42006)
	seen := make(map[uint16]bool)
	for range 3 {
		sound, reports, err := p.open()
		if err != nil {
			break
		}
		defer sound.Close()
		defer reports.Close()
		port := addrOf(sound).Port()
		if port%2 == 1 || port < 42002 || addrOf(reports).Port() != port+1 || port+1 > 42006 || seen[port] {
			t.Errorf("ports %d and %d", port, addrOf(reports).Port())
		}
		seen[port] = true
	}
	if _, _, err := p.open(); err == nil || len(seen) == 0 {
		t.Errorf("%d ports, and then %v", len(seen), err)
	}
}

func BenchmarkFrameToATelephone(b *testing.B) {
	l := newTestLeg(b, loopback(b, "127.0.0.1"), "pcma")
	frame := make([]int16, media.MouthFrame)
	b.ReportAllocs()
	for b.Loop() {
		_ = l.WriteFrame(frame)
	}
}

func FuzzPackets(f *testing.F) {
	f.Add(uint8(0), []byte{0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 0xff})
	f.Add(uint8(0), []byte{0x80, 101, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7, 5, 0x8a, 0, 160})
	f.Add(uint8(1), []byte{0x80, 200, 0, 6, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 160})
	phone := loopback(f, "127.0.0.1")
	legs := []*leg{newTestLeg(f, phone, "pcmu"), newTestLeg(f, phone, "opus"), newTestLeg(f, phone, "g722")}
	frame := make([]int16, media.EarFrame)
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		l := legs[int(which)%len(legs)]
		h := hearing{leg: l, buf: make([]byte, maxPacket), open: make([]byte, maxPacket)}
		h.take(raw, addrOf(phone))
		h.take(raw[:min(len(raw), 8)], addrOf(phone))
		l.takeReport(raw)
		select {
		case <-l.keys.Digits:
		default:
		}
		if q := l.quality(); q.MOS < 1 || q.MOS > 4.5 || q.Loss < 0 || q.Loss > 1 {
			t.Fatalf("it is rated %+v", q)
		}
		if len(raw) > 1000 { // a frame takes its time
			_ = l.receiver.ReadFrame(frame)
		}
	})
}

func TestACallGoesOnUnderAnotherKey(t *testing.T) {
	phone := loopback(t, "127.0.0.1")
	ours, err := findCodecs([]string{"pcmu"})
	if err != nil {
		t.Fatal(err)
	}
	theirs := newLocal(addrOf(phone))
	offered := func(tag int) remote {
		theirs.crypto = newCrypto(tag, bestSuite)
		o, err := parseOffer(theirs.offer(ours, keysPT), ours)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	l, err := newLeg(newPorts(43010, 43999), addrOf(phone).Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if err := l.start(offered(1), addrOf(phone).Addr()); err != nil {
		t.Fatal(err)
	}
	h := hearing{leg: l, buf: make([]byte, maxPacket), open: make([]byte, maxPacket)}
	presses := func(event byte, n int) {
		t.Helper()
		c, err := theirs.crypto.context()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := c.EncryptRTP(nil, packet(t, 101, n, []byte{event, 0x80, 0, 160}), nil)
		if err != nil {
			t.Fatal(err)
		}
		h.take(sealed, addrOf(phone))
	}
	presses(1, 1)
	again := offered(2) // as a PBX that takes a call off hold may
	presses(2, 2)       // too early: that key is not known yet
	if !l.alter(again) {
		t.Fatal("another key is not taken")
	}
	presses(3, 3)
	for _, want := range []byte{'1', '3'} {
		if got := <-l.keys.Digits; got != want {
			t.Errorf("%c was pressed, not %c", got, want)
		}
	}
	answer, err := parseAnswer(l.answer(again), ours)
	if err != nil || answer.crypto.tag != 2 {
		t.Errorf("it is answered with %+v, %v", answer.crypto, err)
	}
}
