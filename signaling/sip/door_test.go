package sip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
)

func TestAWrongPasswordOpensNothing(t *testing.T) {
	callee, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush", Agent: "hums"}}
	})
	for _, password := range []string{"", "hash"} {
		trunk := trunkFor(callee, "udp")
		trunk.User, trunk.Password = "anna", password
		caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunk} })
		if _, err := caller.ring(t.Context(), &caller.o.Trunks[0], "100", "", free); fault.From(err).Code != fault.Declined {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestATelephoneOfItsOwnMayKnowAPassword(t *testing.T) {
	callee, ended := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", User: "anna b", Password: "a long: one/%", Agent: "hums"}}
	})
	for password, want := range map[string]fault.Code{"a%20long%3A%20one%2F%25": "", "hush": fault.Declined, "%zz": fault.Invalid} {
		_, hangUp, err := Call(t.Context(), "sip:anna%20b:"+password+"@"+callee.ways[0].local.String())
		if got := fault.From(err); got == nil && want != "" || got != nil && got.Code != want {
			t.Errorf("%s: %v", password, err)
		}
		if err == nil {
			hangUp()
			<-ended.ended
		}
	}
}

func TestNoncesAreForOneAddressAndAWhile(t *testing.T) {
	d, other := newDoor(nil), newDoor(nil)
	here, there, now := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), time.Now()
	n := d.nonce(here, now)
	if !d.isFresh(n, here, now.Add(time.Minute)) {
		t.Error("a fresh one is not taken")
	}
	for name, taken := range map[string]bool{
		"from elsewhere": d.isFresh(n, there, now), "too old": d.isFresh(n, here, now.Add(nonceLife+time.Second)),
		"another server's": other.isFresh(n, here, now), "none": d.isFresh("", here, now), "changed": d.isFresh("1"+n, here, now),
		"of the future": d.isFresh(d.nonce(here, now.Add(time.Hour)), here, now),
	} {
		if taken {
			t.Errorf("one that is %s is taken", name)
		}
	}
}

// BenchmarkStrangers is what a packet of somebody we do not know costs: where all are on
// networks, and where it has to be asked for a password, without the sending.
func BenchmarkStrangers(b *testing.B) {
	scan := []byte(strings.ReplaceAll("OPTIONS sip:100@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\n"+
		"To: <sip:100@192.0.2.1>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n", "\n", "\r\n"))
	from := netip.MustParseAddrPort("198.51.100.1:5060")
	info := sip.TransportReadProps{Transport: "UDP", LocalAddr: &net.UDPAddr{}, RemoteAddr: net.UDPAddrFromAddrPort(from)}
	b.Run("dropped", func(b *testing.B) {
		s, _ := newTestServer(b, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums"}} })
		b.ReportAllocs()
		for b.Loop() {
			if left, err := s.filter(info, scan); left != nil || err != nil {
				b.Fatal("it was let in")
			}
		}
	})
	b.Run("asked", func(b *testing.B) {
		s, _ := newTestServer(b, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush"}} })
		b.ReportAllocs()
		for b.Loop() {
			if left := s.judge(info, from, scan); left != nil {
				b.Fatal("it was let in")
			}
		}
	})
}

func TestStrangersCannotEvenConnect(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Listen = []string{"tcp://127.0.0.1:0"}
		o.Trunks = []Trunk{{Name: "callers", Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Agent: "hums"}}
	})
	c, err := net.Dial("tcp", s.ways[0].local.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection stays open: %d, %v", n, err)
	}
}

func TestStrangersAreAskedForAPasswordAndForgotten(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush", Agent: "hums"}}
	})
	pool := s.ua.TransportLayer().Pool("udp")
	before, asked := pool.Size(), 0
	for host := range byte(100) {
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 1, host+1)}, s.ways[0].local.(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, method := range []string{"ACK", "CANCEL", "INVITE"} {
			if _, err := fmt.Fprint(c, strings.ReplaceAll(method+" sip:100@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport\nFrom: <sip:a@b>;tag=1\n"+
				"To: <sip:100@127.0.0.1>\nCall-ID: 1\nCSeq: 1 "+method+"\nAuthorization: Digest username=\"anna\", realm=\"frontdesk\", nonce=\"1-1\", uri=\"sip:b\", response=\"1\"\n\n", "\n", "\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		if status, text := statusOfAnswer(t, c); status == 401 && strings.Contains(text, "CSeq: 1 INVITE") && strings.Contains(text, "WWW-Authenticate: Digest ") {
			asked++
		}
	}
	if after := pool.Size(); asked < 90 || after != before || len(s.guests) > 0 {
		t.Errorf("%d of 100 strangers are asked for a password; %d addresses are known, %d before", asked, after, before)
	}
}

func TestWhoIsInACallTriesPasswordsNoMoreOftenThanOthers(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush", Agent: "hums"}}
	})
	defer s.invites(netip.MustParseAddr("127.0.0.1"))()
	c, err := net.DialUDP("udp", nil, s.ways[0].local.(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const tries = 300
	nonce := s.door.nonce(netip.MustParseAddr("127.0.0.1"), time.Now())
	for i := range tries {
		if _, err := fmt.Fprint(c, strings.ReplaceAll(fmt.Sprintf("OPTIONS sip:100@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d\nFrom: <sip:a@b>;tag=1\n"+
			"To: <sip:100@127.0.0.1>\nCall-ID: 1\nCSeq: 1 OPTIONS\nAuthorization: Digest username=\"anna\", realm=\"frontdesk\", nonce=\"%s\", uri=\"sip:b\", response=\"1\"\n\n",
			c.LocalAddr(), i, nonce), "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for status, _ := statusOfAnswer(t, c); status == 401; status, _ = statusOfAnswer(t, c) {
		refused++
	}
	if refused < triesPerSecond/2 || refused > tries/2 {
		t.Errorf("%d of %d passwords were tried", refused, tries)
	}
}

func TestPiecesOfMessagesAreJoined(t *testing.T) {
	const whole = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK1\r\nl : 3\r\n\r\nabc"
	for name, tt := range map[string]struct {
		stream string
		size   int
		err    bool
	}{
		"nothing":         {"", 0, false},
		"empty lines":     {"\r\n\r\n", 4, false},
		"half a head":     {"\r\nOPTIONS sip:a@b SIP/2.0\r\nVia", 0, false},
		"half a body":     {whole[:len(whole)-1], 0, false},
		"one":             {whole, len(whole), false},
		"one and a half":  {"\r\n" + whole + whole[:20], len(whole) + 2, false},
		"no length":       {"OPTIONS sip:a@b SIP/2.0\r\n\r\nabc", 0, true},
		"below nothing":   {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n", 0, true},
		"two lengths":     {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n", 0, true},
		"too large":       {"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 999999\r\n\r\n", 0, true},
		"an endless head": {strings.Repeat("x", maxHead+1), 0, true},
	} {
		if size, err := cut([]byte(tt.stream)); size != tt.size || (err != nil) != tt.err {
			t.Errorf("%s: %d bytes, %v", name, size, err)
		}
	}
	var p pieces
	for i := range maxPieces + 1 {
		if kept := p.keep(strconv.Itoa(i), []byte("x")); kept != (i < maxPieces) {
			t.Errorf("piece %d is kept: %t", i, kept)
		}
	}
	if got := p.join("7", []byte("y")); string(got) != "xy" || !p.keep("new", nil) {
		t.Errorf("%q is joined", got)
	}
}

func FuzzStreams(f *testing.F) {
	f.Add([]byte("\r\nOPTIONS sip:a@b SIP/2.0\r\nContent-Length:\r\n 3\r\n\r\nabcINVITE"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for len(raw) > 0 {
			size, err := cut(raw)
			if err != nil || size == 0 {
				return
			}
			mend(raw[:size])
			raw = raw[size:]
		}
	})
}

func TestVisitorsAreSentAwayHoweverMuchTheySay(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush", Agent: "hums"}} })
	here, there := net.Pipe()
	defer there.Close()
	v := &visitor{Conn: here, s: s, at: netip.MustParseAddr("192.0.2.1"), until: time.Now().Add(200 * time.Millisecond)}
	defer v.Close()
	var talking sync.WaitGroup
	defer talking.Wait()
	talking.Go(func() {
		for {
			if _, err := there.Write([]byte("x")); err != nil {
				return
			}
		}
	})
	read := 0
	for {
		n, err := v.Read(make([]byte, 1))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if read += n; err != nil || read > 1<<24 {
			t.Fatalf("%d bytes are read, %v", read, err)
		}
	}
	defer s.invites(v.at)()
	if _, err := v.Read(make([]byte, 1)); err != nil {
		t.Errorf("not in a call either: %v", err)
	}
	there.Close()
}

func TestEndlessHeadsAreNotLookedAt(t *testing.T) {
	head := "OPTIONS sip:a@b SIP/2.0\r\nSubject: a" + strings.Repeat("\r\n x", maxHead/4) + "\r\n\r\n"
	if m, mended, answer := mend([]byte(head)); m != nil || mended != nil || answer != nil {
		t.Errorf("it is taken as %v", m)
	}
	if got := string(smooth([]byte("A: b\r\nC:  d \r\n\te\r\n  f"))); got != "A: b\r\nC: d e f" {
		t.Errorf("%q", got)
	}
}

func TestEachPasswordIsATryHoweverManyComeAtOnce(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush"}} })
	from := netip.MustParseAddrPort("198.51.100.1:5060")
	info := sip.TransportReadProps{Transport: "TCP", LocalAddr: &net.TCPAddr{}, RemoteAddr: net.TCPAddrFromAddrPort(from)}
	one := strings.ReplaceAll("OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/TCP 198.51.100.1;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\n"+
		"X: nonce=\"0\"\nAuthorization: Digest username=\"anna\", realm=\"frontdesk\", nonce=\"1\", uri=\"sip:b\", response=\"1\"\nContent-Length: 0\n\n", "\n", "\r\n")
	if in, err := s.stream(info, from, []byte(strings.Repeat(one, 3*triesPerSecond))); len(in) > 0 || err != nil || s.door.tries.Tokens() > triesPerSecond/2 {
		t.Errorf("%d bytes are let in, %v; %v tries are left", len(in), err, s.door.tries.Tokens())
	}
}
