package sip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/session"
)

// scriptedPhone is a telephone that answers as a test tells it.
type scriptedPhone struct {
	*net.UDPConn
	t      *testing.T
	caller net.Addr // that the last request came from
}

func newScriptedPhone(t *testing.T, host string) *scriptedPhone {
	t.Helper()
	return &scriptedPhone{listenUDP(t, host), t, nil}
}

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

// receive waits for the next request of a method.
func (p *scriptedPhone) receive(method sip.RequestMethod) *sip.Request {
	p.t.Helper()
	buf := make([]byte, 65535)
	for {
		_ = p.SetReadDeadline(time.Now().Add(testTimeout))
		n, from, err := p.ReadFrom(buf)
		if err != nil {
			p.t.Fatalf("waiting for %s: %v", method, err)
		}
		m, err := parser.ParseSIP(buf[:n])
		require.NoError(p.t, err)
		p.caller = from
		if r, ok := m.(*sip.Request); ok && r.Method == method {
			return r
		}
	}
}

// respond responds to r, with further headers and a body.
func (p *scriptedPhone) respond(r *sip.Request, status int, headers, body string) {
	p.t.Helper()
	res := sip.NewResponseFromRequest(r, status, "Answer", []byte(body))
	if to := res.To(); !r.To().Params.Has("tag") {
		to.Params.Remove("tag")
		to.Params.Add("tag", "callee")
	}
	for line := range strings.Lines(headers) {
		name, value, _ := strings.Cut(line, ": ")
		res.AppendHeader(sip.NewHeader(name, strings.TrimSpace(value)))
	}
	if _, err := p.WriteTo([]byte(res.String()), p.caller); err != nil {
		p.t.Fatal(err)
	}
}

// answer answers an INVITE. In-dialog requests are to go to contact.
func (p *scriptedPhone) answer(invite *sip.Request, contact net.Addr, headers string) {
	p.t.Helper()
	media := addrOf(p.UDPConn)
	sdp := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\n",
		media.Addr(), media.Port())
	p.respond(invite, 200, "Content-Type: application/sdp\nContact: <sip:callee@"+contact.String()+">\n"+headers, sdp)
}

// dialing is a call that a server makes to a scriptedPhone.
type dialing struct {
	caller *Server
	failed chan time.Duration // gets what place passes to onFailed
	result chan error
	call   chan *call
}

// dial lets a server call the phone.
func (p *scriptedPhone) dial(ctx context.Context) dialing {
	p.t.Helper()
	caller, _ := newTestServer(p.t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callee", Server: p.LocalAddr().String(), User: "anna", Password: "hush"}}
	})
	d := dialing{caller, make(chan time.Duration, 2), make(chan error, 1), make(chan *call, 1)}
	go func() {
		c, err := caller.place(ctx, placeOptions{trunk: &caller.o.Trunks[0], to: "100", onFailed: func(lasted time.Duration) { d.failed <- lasted }})
		d.result <- err
		d.call <- c
	}()
	return d
}

// answered returns the answered call.
func (d dialing) answered(t *testing.T) *call {
	t.Helper()
	require.NoError(t, <-d.result)
	return <-d.call
}

func TestCallAnsweredAfterCancelIsHungUp(t *testing.T) {
	for name, statusOfCancel := range map[string]int{"CANCEL accepted": 200, "CANCEL refused": 481} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newScriptedPhone(t, "127.0.0.1")
			ctx, giveUp := context.WithCancel(t.Context())
			d := p.dial(ctx)
			invite := p.receive(sip.INVITE)
			p.respond(invite, 180, "", "")
			giveUp()
			checkCode(t, "the call", <-d.result, fault.NoAnswer)
			cancel := p.receive(sip.CANCEL)
			if cancel.Via().String() != invite.Via().String() || cancel.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("%s is not the CANCEL of %s", cancel, invite)
			}
			p.answer(invite, p.LocalAddr(), "")
			p.respond(cancel, statusOfCancel, "", "")
			if ack := p.receive(sip.ACK); ack.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("%s is not the ACK of the INVITE", ack)
			}
			p.respond(p.receive(sip.BYE), 401, `WWW-Authenticate: Digest realm="there", nonce="1"`, "")
			bye := p.receive(sip.BYE)
			for bye.GetHeader("Authorization") == nil {
				bye = p.receive(sip.BYE)
			}
			p.respond(bye, 200, "", "")
			if got := <-d.failed; got == 0 || len(d.failed) > 0 {
				t.Errorf("the call lasted %v, want a billable duration once", got)
			}
		})
	}
}

func TestCancelWaitsForAProvisionalResponse(t *testing.T) {
	p := newScriptedPhone(t, "127.0.0.1")
	ctx, giveUp := context.WithCancel(t.Context())
	d := p.dial(ctx)
	invite := p.receive(sip.INVITE)
	giveUp()
	<-d.result
	p.respond(invite, 401, `WWW-Authenticate: Digest realm="there", nonce="1"`, "") // not tried again with credentials
	if got := <-d.failed; got != 0 {
		t.Errorf("after a 401 the call lasted %v, want 0", got)
	}
	ctx, giveUp = context.WithCancel(t.Context())
	d = p.dial(ctx)
	invite = p.receive(sip.INVITE)
	giveUp()
	<-d.result
	p.respond(invite, 180, "", "")
	p.respond(p.receive(sip.CANCEL), 200, "", "")
	p.respond(invite, 487, "", "")
	p.receive(sip.ACK)
	if got := <-d.failed; got != 0 {
		t.Errorf("the cancelled call lasted %v, want 0", got)
	}
}

func TestCloseDoesNotWaitForAnUnansweredCancel(t *testing.T) {
	t.Parallel()
	p := newScriptedPhone(t, "127.0.0.1")
	ctx, giveUp := context.WithCancel(t.Context())
	d := p.dial(ctx)
	p.respond(p.receive(sip.INVITE), 180, "", "")
	giveUp()
	checkCode(t, "the call", <-d.result, fault.NoAnswer)
	d.caller.Close() // shortens the attempt's own timeout
	if got := <-d.failed; got != 0 {
		t.Errorf("the call lasted %v, want 0", got)
	}
}

func TestTelephoneMayRingForLong(t *testing.T) {
	p := newScriptedPhone(t, "127.0.0.1")
	d := p.dial(t.Context())
	invite := p.receive(sip.INVITE)
	p.respond(invite, 407, `Proxy-Authenticate: Digest realm="there", nonce="1", qop="auth"`, "")
	p.receive(sip.ACK)
	if invite = p.receive(sip.INVITE); invite.GetHeader("Proxy-Authorization") == nil {
		t.Fatalf("%s has no credentials", invite)
	}
	for range 25 {
		p.respond(invite, 180, "", "")
	}
	p.answer(invite, p.LocalAddr(), "")
	p.receive(sip.ACK)
	go d.answered(t).hangUp()
	bye := p.receive(sip.BYE)
	p.respond(bye, 407, `Proxy-Authenticate: Digest realm="there", nonce="2", qop="auth"`, "")
	retry := p.receive(sip.BYE)
	if retry.CSeq().SeqNo == bye.CSeq().SeqNo || retry.GetHeader("Proxy-Authorization") == nil {
		t.Errorf("%s is not a new BYE with credentials", retry)
	}
	p.respond(retry, 200, "", "")
}

func TestOtherSideMaySignalFromItsContact(t *testing.T) {
	p, contact, stranger := newScriptedPhone(t, "127.0.0.1"), listenUDP(t, "127.0.0.2"), listenUDP(t, "127.0.0.3")
	d := p.dial(t.Context())
	invite := p.receive(sip.INVITE)
	sendBye := func(from *net.UDPConn) {
		t.Helper()
		bye := fmt.Sprintf("BYE sip:frontdesk@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nFrom: <sip:100@b>;tag=callee\r\nTo: %s\r\n"+
			"Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n", from.LocalAddr(), from.LocalAddr(), invite.From().Value(), invite.CallID().Value())
		if _, err := from.WriteTo([]byte(bye), d.caller.sockets[0].addr); err != nil {
			t.Fatal(err)
		}
	}
	p.answer(invite, contact.LocalAddr(), "")
	c := d.answered(t)
	sendBye(stranger)
	sendBye(contact)
	buf := make([]byte, 1500)
	_ = contact.SetReadDeadline(time.Now().Add(testTimeout))
	for !strings.HasPrefix(string(buf), "SIP/2.0 200") { // the ACK comes first
		if _, err := contact.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	<-c.dialog.Context().Done()
	_ = stranger.SetReadDeadline(time.Now())
	if n, err := stranger.Read(buf); err == nil {
		t.Errorf("a stranger gets %s, want no response", buf[:n])
	}
	start(c)
	c.finish()
	if len(d.caller.senders) > 0 || len(d.caller.calls) > 0 {
		t.Errorf("after the call, senders %v and calls %v remain", d.caller.senders, d.caller.calls)
	}
}

func TestNextAddressIsTriedAfter503(t *testing.T) {
	busy, next, last := newScriptedPhone(t, "127.0.0.1"), newScriptedPhone(t, "127.0.0.2"), newScriptedPhone(t, "127.0.0.3")
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callee", Server: busy.LocalAddr().String()}} })
	to, err := caller.resolveTrunk(t.Context(), &caller.o.Trunks[0])
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		fallbacks []*scriptedPhone
		status    int // of the next address
		failures  int
	}{
		"the next address answers":                    {[]*scriptedPhone{next, last}, 200, 0},
		"the last address fails, too":                 {[]*scriptedPhone{next}, 503, 1},
		"the next address is busy: no more are tried": {[]*scriptedPhone{next, last}, 486, 1},
	} {
		to.fallbacks = nil
		for _, p := range tt.fallbacks {
			to.fallbacks = append(to.fallbacks, addrOf(p.UDPConn))
		}
		failed := make(chan time.Duration, 4)
		result := make(chan error, 1)
		var c *call
		go func() {
			var err error
			c, err = caller.placeAtAny(t.Context(), placeOptions{trunk: &caller.o.Trunks[0], to: "100", onFailed: func(d time.Duration) { failed <- d }}, to)
			result <- err
		}()
		busy.respond(busy.receive(sip.INVITE), 503, "", "")
		invite := next.receive(sip.INVITE)
		if tt.status == 200 {
			next.answer(invite, next.LocalAddr(), "")
		} else {
			next.respond(invite, tt.status, "", "")
		}
		next.receive(sip.ACK)
		if err := <-result; (err == nil) != (tt.status == 200) {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			go c.hangUp()
			next.respond(next.receive(sip.BYE), 200, "", "")
		}
		if len(failed) != tt.failures {
			t.Errorf("%s: got %d failures, want %d", name, len(failed), tt.failures)
		}
	}
}

func TestWrongCredentialsAreNotSentForever(t *testing.T) {
	t.Parallel()
	p := newScriptedPhone(t, "127.0.0.1")
	d := p.dial(t.Context())
	challenges := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65535)
		for {
			_ = p.SetReadDeadline(time.Now().Add(2 * time.Second))
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			if m, err := parser.ParseSIP(buf[:n]); err == nil {
				if r, ok := m.(*sip.Request); ok && r.IsInvite() {
					challenges++
					p.caller = from
					p.respond(r, 100, "", "")
					p.respond(r, 407, fmt.Sprintf(`Proxy-Authenticate: Digest realm="there", nonce="%d"`, challenges), "")
				}
			}
		}
	}()
	checkCode(t, "the call", <-d.result, fault.Declined)
	<-done
	if got := <-d.failed; got != 0 || challenges != 1+maxChallenges {
		t.Errorf("got %d INVITEs and a duration of %v, want %d and 0", challenges, got, 1+maxChallenges)
	}
}

func TestInvalidRecordRoutesAreIgnored(t *testing.T) {
	p := newScriptedPhone(t, "127.0.0.1")
	d := p.dial(t.Context())
	p.answer(p.receive(sip.INVITE), p.LocalAddr(), "Record-Route: <:h:x>")
	if ack := p.receive(sip.ACK); ack.GetHeader("Route") != nil {
		t.Errorf("%s has a Route header", ack)
	}
	go d.answered(t).hangUp()
	p.respond(p.receive(sip.BYE), 200, "", "")
}

func TestEveryAnswerToAReinviteGetsAnACK(t *testing.T) {
	p := newScriptedPhone(t, "127.0.0.1")
	d := p.dial(t.Context())
	p.answer(p.receive(sip.INVITE), p.LocalAddr(), "")
	p.receive(sip.ACK)
	c := d.answered(t)
	refreshed := make(chan error, 1)
	go func() {
		_, err := c.refresh()
		refreshed <- err
	}()
	reinvite := p.receive(sip.INVITE)
	informed := make(chan error, 1)
	go func() { informed <- c.sendInfoDTMF("5") }()
	info := p.receive(sip.INFO)
	p.respond(info, 200, "", "")
	if err := <-informed; err != nil {
		t.Error(err)
	}
	p.answer(reinvite, p.LocalAddr(), "")
	first := p.receive(sip.ACK)
	p.answer(reinvite, p.LocalAddr(), "")
	second := p.receive(sip.ACK)
	cseq := reinvite.CSeq().SeqNo
	if first.CSeq().SeqNo != cseq || second.CSeq().SeqNo != cseq || info.CSeq().SeqNo == cseq {
		t.Errorf("the ACKs of %s are %s and %s", reinvite, first, second)
	}
	if err := <-refreshed; err != nil {
		t.Error(err)
	}
	go c.hangUp()
	p.respond(p.receive(sip.BYE), 200, "", "")
}

func TestCallThatIsNeverAnsweredIsRefused(t *testing.T) {
	desk := newDesk(t)
	callee := serve(t, desk, func(ctx context.Context, caller session.Caller) (*session.Call, error) {
		c, err := desk.Admit(ctx, caller)
		if err == nil {
			c.Close() // as a server does that stops
		}
		return c, err
	}, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Agent: "tone"}} })
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkTo(callee, "udp")} })
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	_, err := callTo(ctx, caller, "100")
	checkCode(t, "the call", err, fault.Unavailable)
}
