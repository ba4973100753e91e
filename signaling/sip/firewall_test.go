package sip

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

// BenchmarkUnknownAddresses measures a datagram from an unknown address: dropped, if all
// trunks have networks, and challenged for credentials, without sending the response.
func BenchmarkUnknownAddresses(b *testing.B) {
	scan := []byte(strings.ReplaceAll("OPTIONS sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"+
		"To: <sip:100@192.0.2.1>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", "\n", "\r\n"))
	from := netip.MustParseAddrPort("198.51.100.1:5060")
	info := sip.TransportReadProps{Transport: "UDP", LocalAddr: &net.UDPAddr{}, RemoteAddr: net.UDPAddrFromAddrPort(from)}
	b.Run("dropped", func(b *testing.B) {
		s, _ := newTestServer(b, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Agent: "tone"}} })
		b.ReportAllocs()
		for b.Loop() {
			if accepted, err := s.filter(info, scan); accepted != nil || err != nil {
				b.Fatal("the datagram is accepted")
			}
		}
	})
	b.Run("challenged", func(b *testing.B) {
		s, _ := newTestServer(b, openTrunk)
		b.ReportAllocs()
		for b.Loop() {
			if accepted := s.filterMessage(info, from, scan); accepted != nil {
				b.Fatal("the datagram is accepted")
			}
		}
	})
}

func TestUnknownAddressesCannotConnect(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Listen = []string{"tcp://127.0.0.1:0"}
		o.Trunks = []Trunk{{Name: "callers", Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Agent: "tone"}}
	})
	c, err := net.Dial("tcp", s.sockets[0].addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open: %d bytes, %v", n, err)
	}
}

func TestUnknownConnectionEndsHoweverMuchItSends(t *testing.T) {
	s, _ := newTestServer(t, openTrunk)
	ours, theirs := net.Pipe()
	defer theirs.Close()
	c := &unknownConn{Conn: ours, s: s, addr: netip.MustParseAddr("192.0.2.1"), deadline: time.Now().Add(200 * time.Millisecond)}
	defer c.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for {
			if _, err := theirs.Write([]byte("x")); err != nil {
				return
			}
		}
	})
	read := 0
	for {
		n, err := c.Read(make([]byte, 1))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if read += n; err != nil || read > 1<<24 {
			t.Fatalf("read %d bytes, %v; want a deadline", read, err)
		}
	}
	defer s.allowSender(c.addr)()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("during a call: %v", err)
	}
	theirs.Close()
}
