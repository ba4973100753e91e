package sip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
)

// openTrunk changes options to one trunk that accepts credentials from any address.
func openTrunk(o *Options) {
	o.Trunks = []Trunk{{Name: "callers", User: "anna", Password: "hush", Agent: "tone"}}
}

// wrongCredentials returns a request with wrong credentials for openTrunk.
func wrongCredentials(method sip.RequestMethod, via, branch, nonce string) string {
	return strings.ReplaceAll(fmt.Sprintf("%s sip:100@127.0.0.1 SIP/2.0\nVia: %s;branch=z9hG4bK%s\nFrom: <sip:a@b>;tag=1\n"+
		"To: <sip:100@127.0.0.1>\nCall-ID: 1\nCSeq: 1 %[1]s\nContent-Length: 0\n"+
		"Authorization: Digest username=\"anna\", realm=\"frontdesk\", nonce=\"%[4]s\", uri=\"sip:b\", response=\"1\"\n\n", method, via, branch, nonce), "\n", "\r\n")
}

func TestWrongPasswordIsRefused(t *testing.T) {
	callee, _ := newTestServer(t, openTrunk)
	for _, password := range []string{"", "hash"} {
		trunk := trunkTo(callee, "udp")
		trunk.User, trunk.Password = "anna", password
		caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunk} })
		_, err := callTo(t.Context(), caller, "100")
		checkCode(t, password, err, fault.Declined)
	}
}

func TestSoftphoneCallsWithCredentials(t *testing.T) {
	callee, observer := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", User: "anna b", Password: "a long: one/%", Agent: "tone"}}
	})
	for password, want := range map[string]fault.Code{"a%20long%3A%20one%2F%25": "", "hush": fault.Declined, "%zz": fault.Invalid} {
		_, hangUp, err := Call(t.Context(), "sip:anna%20b:"+password+"@"+callee.sockets[0].addr.String())
		checkCode(t, password, err, want)
		if err == nil {
			hangUp()
			<-observer.Ended
		}
	}
}

func TestNonceIsValidForOneAddressAndAShortTime(t *testing.T) {
	a, other := newAuthenticator(nil), newAuthenticator(nil)
	addr, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	nonce := a.nonce(addr, now)
	if !a.isFresh(nonce, addr, now.Add(time.Minute)) {
		t.Error("a fresh nonce is refused")
	}
	for name, isFresh := range map[string]bool{
		"for another address": a.isFresh(nonce, netip.MustParseAddr("192.0.2.2"), now), "too old": a.isFresh(nonce, addr, now.Add(nonceLife+time.Second)),
		"of another server": other.isFresh(nonce, addr, now), "empty": a.isFresh("", addr, now), "changed": a.isFresh("1"+nonce, addr, now),
		"from the future": a.isFresh(a.nonce(addr, now.Add(time.Hour)), addr, now),
	} {
		if isFresh {
			t.Errorf("a nonce %s is accepted", name)
		}
	}
}

func TestUnknownAddressesAreChallengedWithoutState(t *testing.T) {
	t.Parallel()
	s, _ := newTestServer(t, openTrunk)
	pool := s.ua.TransportLayer().Pool("udp")
	before, challenged := pool.Size(), 0
	for host := range byte(100) { // one after the other, so that the rate limiter lets most of them through
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 1, host+1)}, s.sockets[0].addr.(*net.UDPAddr))
		require.NoError(t, err)
		defer c.Close()
		for _, method := range []sip.RequestMethod{sip.ACK, sip.CANCEL, sip.INVITE} {
			if _, err := fmt.Fprint(c, wrongCredentials(method, "SIP/2.0/UDP 127.0.0.1:9;rport", "1", "1-1")); err != nil {
				t.Fatal(err)
			}
		}
		status, text := finalResponse(t, c, time.Second)
		if status == 401 && strings.Contains(text, "CSeq: 1 INVITE") && strings.Contains(text, "WWW-Authenticate: Digest ") {
			challenged++
		}
	}
	if after := pool.Size(); challenged < 90 || after != before || len(s.senders) > 0 {
		t.Errorf("%d of 100 addresses are challenged, want 90; %d connections are kept, %d before; senders %v", challenged, after, before, s.senders)
	}
}

func TestAddressInACallMayNotTryMoreCredentials(t *testing.T) {
	t.Parallel()
	s, _ := newTestServer(t, openTrunk)
	addr := netip.MustParseAddr("127.0.0.1")
	defer s.allowSender(addr)()
	c, err := net.DialUDP("udp", nil, s.sockets[0].addr.(*net.UDPAddr))
	require.NoError(t, err)
	defer c.Close()
	const tries = 300
	nonce := s.auth.nonce(addr, time.Now())
	for i := range tries {
		if _, err := fmt.Fprint(c, wrongCredentials(sip.OPTIONS, "SIP/2.0/UDP "+c.LocalAddr().String(), fmt.Sprint(i), nonce)); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for status, _ := finalResponse(t, c, time.Second); status == 401; status, _ = finalResponse(t, c, time.Second) {
		refused++
	}
	if refused < attemptsPerSecond/2 || refused > tries/2 {
		t.Errorf("%d of %d credentials are checked, want %d to %d", refused, tries, attemptsPerSecond/2, tries/2)
	}
}

func TestEveryCredentialsOnAStreamCountAsAnAttempt(t *testing.T) {
	s, _ := newTestServer(t, openTrunk)
	from := netip.MustParseAddrPort("198.51.100.1:5060")
	info := sip.TransportReadProps{Transport: "TCP", LocalAddr: &net.TCPAddr{}, RemoteAddr: net.TCPAddrFromAddrPort(from)}
	one := strings.Replace(wrongCredentials(sip.OPTIONS, "SIP/2.0/TCP 198.51.100.1", "1", "1"), "Authorization:", "X: nonce=\"0\"\r\nAuthorization:", 1)
	accepted, err := s.filterStream(info, from, []byte(strings.Repeat(one, 3*attemptsPerSecond)))
	if left := s.auth.attempts.Tokens(); len(accepted) > 0 || err != nil || left > attemptsPerSecond/2 {
		t.Errorf("%d bytes are accepted, %v; %v attempts are left", len(accepted), err, left)
	}
}
