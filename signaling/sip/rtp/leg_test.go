package rtp

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtp"

	"frontdesk/internal/require"
	"frontdesk/media"
)

func listenUDP(t testing.TB, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func findCodec(t testing.TB, name string) []Codec {
	t.Helper()
	codecs, err := FindCodecs([]string{name})
	require.NoError(t, err)
	return codecs
}

func newTestLeg(t testing.TB, lowest, highest int) *Leg {
	t.Helper()
	l, err := NewLeg(NewPorts(lowest, highest), netip.MustParseAddr("127.0.0.1"))
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// startTestLeg returns a leg that answered an offer of codec from phone's address.
func startTestLeg(t testing.TB, phone *net.UDPConn, codec string) *Leg {
	t.Helper()
	codecs := findCodec(t, codec)
	r, err := ParseOffer(newLocal(addrOf(phone)).offer(codecs, dtmfPayload), codecs)
	require.NoError(t, err)
	l := newTestLeg(t, 42010, 42999)
	require.NoError(t, l.Start(r, addrOf(phone).Addr()))
	return l
}

func marshalPacket(t testing.TB, payloadType uint8, n int, payload []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{
		Header:  rtp.Header{Version: 2, PayloadType: payloadType, SequenceNumber: uint16(n), Timestamp: uint32(n * 160), SSRC: 7},
		Payload: payload,
	}).Marshal()
	require.NoError(t, err)
	return b
}

// digitPacket returns the last telephone event packet of a digit.
func digitPacket(t testing.TB, digit byte, n int) []byte {
	t.Helper()
	return marshalPacket(t, dtmfPayload, n, []byte{digit, 0x80, 0, 160})
}

func TestPacketsFromUnknownAddressesAreIgnored(t *testing.T) {
	phone, stranger, other := listenUDP(t, "127.0.0.1"), listenUDP(t, "127.0.0.2"), listenUDP(t, "127.0.0.1")
	l := startTestLeg(t, phone, "pcma")
	running := make(chan error, 1)
	go func() { running <- l.Run() }()
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(addrOf(l.conn).Port())}
	press := func(from *net.UDPConn, digit byte, n int) {
		t.Helper()
		if _, err := from.WriteTo(digitPacket(t, digit, n), to); err != nil {
			t.Fatal(err)
		}
	}
	press(stranger, 1, 1)
	press(other, 2, 2) // the caller's address with another port, as behind a NAT: heard and answered
	if got := <-l.Digits(); got != '2' {
		t.Fatalf("got digit %c, want 2", got)
	}
	press(other, 3, 3)
	press(stranger, 4, 4)
	press(phone, 5, 5) // the port in the SDP overrides the other port, which sent early media
	press(other, 6, 6)
	press(phone, 7, 7)
	for _, want := range []byte("357") {
		if got := <-l.Digits(); got != want {
			t.Errorf("got digit %c, want %c", got, want)
		}
	}
	require.NoError(t, l.WriteFrame(make([]int16, media.MouthFrame)))
	buf := make([]byte, maxPacket)
	_ = phone.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, _, err := phone.ReadFrom(buf); err != nil || n != 12+160 {
		t.Errorf("the phone got a packet of %d bytes, %v; want 172", n, err)
	}
	for _, c := range []*net.UDPConn{stranger, other} {
		_ = c.SetReadDeadline(time.Now())
		if n, _, err := c.ReadFrom(buf); err == nil {
			t.Errorf("%s got a packet of %d bytes, want none", c.LocalAddr(), n)
		}
	}
	for _, junk := range [][]byte{nil, {0x80}, make([]byte, 1400), marshalPacket(t, 13, 9, []byte{1})} {
		_, _ = other.WriteTo(junk, to)
	}
	l.Close()
	if err := <-running; err != nil {
		t.Error(err)
	}
}

// isFaint reports whether A-law audio is as quiet as comfort noise.
func isFaint(payload []byte) bool {
	for _, x := range media.DecodePCMA(nil, payload) {
		if x > 64 || x < -64 {
			return false
		}
	}
	return true
}

func TestSilenceIsSentExceptToHeldCallers(t *testing.T) {
	phone := listenUDP(t, "127.0.0.1")
	l := startTestLeg(t, phone, "pcma")
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
	held.receives = false
	l.Update(held)
	_ = l.WriteFrame(nil)
	if p, ok := next(); ok {
		t.Errorf("on hold: got packet %v, want none", p.Header)
	}
	held.receives = true
	l.Update(held)
	_ = l.WriteFrame(nil)
	if p, ok := next(); !ok || p.Timestamp != last.Timestamp+2*160 || p.SequenceNumber != last.SequenceNumber+1 {
		t.Errorf("resumed: got packet %v, %t", p.Header, ok)
	}
}

func TestHeldCallMayBeSilent(t *testing.T) {
	l := startTestLeg(t, listenUDP(t, "127.0.0.1"), "pcmu")
	for direction, tt := range map[string]struct{ sends, receives, isOnHold bool }{
		"sendrecv": {true, true, false}, "sendonly": {true, false, true}, "recvonly": {false, true, true},
	} {
		l.remote.sends, l.remote.receives = tt.sends, tt.receives
		if got := l.isOnHold(); got != tt.isOnHold {
			t.Errorf("%s: on hold: got %t, want %t", direction, got, tt.isOnHold)
		}
	}
}

func TestWriteFrameDoesNotAllocate(t *testing.T) {
	l := startTestLeg(t, listenUDP(t, "127.0.0.1"), "pcma")
	frame := make([]int16, media.MouthFrame)
	for range 10 {
		_ = l.WriteFrame(frame)
	}
	if n := testing.AllocsPerRun(100, func() { _ = l.WriteFrame(frame) }); n > 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func TestPortsAreUsedInTurnAndRunOut(t *testing.T) {
	p := NewPorts(42001, 42006)
	seen := make(map[uint16]bool)
	for range 3 {
		rtp, rtcp, err := p.open()
		if err != nil {
			break
		}
		defer rtp.Close()
		defer rtcp.Close()
		port := addrOf(rtp).Port()
		if port%2 == 1 || port < 42002 || addrOf(rtcp).Port() != port+1 || port+1 > 42006 || seen[port] {
			t.Errorf("got ports %d and %d", port, addrOf(rtcp).Port())
		}
		seen[port] = true
	}
	if _, _, err := p.open(); err == nil || len(seen) == 0 {
		t.Errorf("after %d pairs of ports: got error %v, want one", len(seen), err)
	}
}

func BenchmarkWriteFrame(b *testing.B) {
	l := startTestLeg(b, listenUDP(b, "127.0.0.1"), "pcma")
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
	phone := listenUDP(f, "127.0.0.1")
	legs := []*Leg{startTestLeg(f, phone, "pcmu"), startTestLeg(f, phone, "opus"), startTestLeg(f, phone, "g722")}
	frame := make([]int16, media.EarFrame)
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		l := legs[int(which)%len(legs)]
		reader := newPacketReader(l)
		reader.handle(raw, addrOf(phone))
		reader.handle(raw[:min(len(raw), 8)], addrOf(phone))
		l.handleReports(raw)
		select {
		case <-l.Digits():
		default:
		}
		if q := l.Quality(); q.MOS < 1 || q.MOS > 4.5 || q.Loss < 0 || q.Loss > 1 {
			t.Fatalf("got quality %+v", q)
		}
		if len(raw) > 1000 { // rarely, because reading a frame is slow
			_ = l.receiver.ReadFrame(frame)
		}
	})
}

func TestOtherSideMayChangeItsKey(t *testing.T) {
	phone := listenUDP(t, "127.0.0.1")
	codecs := findCodec(t, "pcmu")
	theirs := newLocal(addrOf(phone))
	newOffer := func(tag int) Remote {
		t.Helper()
		theirs.crypto = newCrypto(tag, bestSuite)
		r, err := ParseOffer(theirs.offer(codecs, dtmfPayload), codecs)
		require.NoError(t, err)
		return r
	}
	l := newTestLeg(t, 43010, 43999)
	require.NoError(t, l.Start(newOffer(1), addrOf(phone).Addr()))
	reader := newPacketReader(l)
	press := func(digit byte, n int) {
		t.Helper()
		c, err := theirs.crypto.context()
		require.NoError(t, err)
		encrypted, err := c.EncryptRTP(nil, digitPacket(t, digit, n), nil)
		require.NoError(t, err)
		reader.handle(encrypted, addrOf(phone))
	}
	press(1, 1)
	second := newOffer(2) // as a PBX may do when it resumes a call
	press(2, 2)           // encrypted with a key that the leg does not have yet
	if !l.Update(second) {
		t.Fatal("the new key is refused")
	}
	press(3, 3)
	for _, want := range []byte{'1', '3'} {
		if got := <-l.Digits(); got != want {
			t.Errorf("got digit %c, want %c", got, want)
		}
	}
	answer, err := ParseAnswer(l.Answer(), codecs)
	if err != nil || answer.crypto.tag != 2 {
		t.Errorf("got answer %+v, %v; want tag 2", answer.crypto, err)
	}
}
