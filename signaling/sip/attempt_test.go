package sip

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/session"
)

// callee is a telephone that answers as a test has it do.
type callee struct {
	*net.UDPConn
	t      *testing.T
	caller net.Addr
}

func newCallee(t *testing.T, host string) *callee {
	t.Helper()
	return &callee{loopback(t, host), t, nil}
}

// takes waits for the next request of a method.
func (c *callee) takes(method sip.RequestMethod) *sip.Request {
	c.t.Helper()
	buf := make([]byte, 65535)
	for {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", method, err)
		}
		m, err := parser.ParseSIP(buf[:n])
		if err != nil {
			c.t.Fatal(err)
		}
		c.caller = from
		if r, ok := m.(*sip.Request); ok && r.Method == method {
			return r
		}
	}
}

// answers sends an answer to r, with more header fields and a body.
func (c *callee) answers(r *sip.Request, status int, more, body string) {
	c.t.Helper()
	res := sip.NewResponseFromRequest(r, status, "Answer", []byte(body))
	if to := res.To(); !r.To().Params.Has("tag") {
		to.Params.Remove("tag")
		to.Params.Add("tag", "callee")
	}
	for line := range strings.Lines(more) {
		name, value, _ := strings.Cut(line, ": ")
		res.AppendHeader(sip.NewHeader(name, strings.TrimSpace(value)))
	}
	if _, err := c.WriteTo([]byte(res.String()), c.caller); err != nil {
		c.t.Fatal(err)
	}
}

// picksUp answers an INVITE with 200, to be reached at contact.
func (c *callee) picksUp(invite *sip.Request, contact net.Addr) {
	c.t.Helper()
	ours, err := findCodecs([]string{"pcmu"})
	if err != nil {
		c.t.Fatal(err)
	}
	c.answers(invite, 200, "Content-Type: application/sdp\nContact: <sip:callee@"+contact.String()+">", string(newLocal(addrOf(c.UDPConn)).offer(ours, keysPT)))
}

// dials lets a server call c, and returns how that comes out.
func (c *callee) dials(ctx context.Context) (caller *Server, lost chan time.Duration, came chan error, line chan *call) {
	c.t.Helper()
	caller, _ = newTestServer(c.t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "there", Server: c.LocalAddr().String(), User: "anna", Password: "hush"}}
	})
	lost, came, line = make(chan time.Duration, 2), make(chan error, 1), make(chan *call, 1)
	go func() {
		call, err := caller.ring(ctx, &caller.o.Trunks[0], "100", "", func(d time.Duration) { lost <- d })
		came <- err
		line <- call
	}()
	return caller, lost, came, line
}

func TestACallThatIsAnsweredWhileItIsTakenBackIsHungUp(t *testing.T) {
	for name, status := range map[string]int{"which is known": 200, "which is not": 481} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCallee(t, "127.0.0.1")
			ctx, giveUp := context.WithCancel(t.Context())
			_, lost, came, _ := c.dials(ctx)
			invite := c.takes(sip.INVITE)
			c.answers(invite, 180, "", "")
			time.Sleep(20 * time.Millisecond)
			giveUp()
			if err := <-came; fault.From(err).Code != fault.NoAnswer {
				t.Errorf("it came out as %v", err)
			}
			cancel := c.takes(sip.CANCEL)
			if cancel.Via().String() != invite.Via().String() || cancel.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("%s does not take back %s", cancel, invite)
			}
			c.picksUp(invite, c.LocalAddr())
			c.answers(cancel, status, "", "")
			if ack := c.takes(sip.ACK); ack.CSeq().SeqNo != invite.CSeq().SeqNo {
				t.Errorf("%s does not confirm", ack)
			}
			c.answers(c.takes(sip.BYE), 401, `WWW-Authenticate: Digest realm="there", nonce="1"`, "")
			bye := c.takes(sip.BYE)
			for bye.GetHeader("Authorization") == nil {
				bye = c.takes(sip.BYE)
			}
			c.answers(bye, 200, "", "")
			if got := <-lost; got == 0 || len(lost) > 0 {
				t.Errorf("it lasted %v", got)
			}
		})
	}
}

func TestACallThatIsTakenBackTooEarlyIsTakenBackOnceItRings(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	ctx, giveUp := context.WithCancel(t.Context())
	_, lost, came, _ := c.dials(ctx)
	invite := c.takes(sip.INVITE)
	giveUp()
	<-came
	c.answers(invite, 401, `WWW-Authenticate: Digest realm="there", nonce="1"`, "")
	if got := <-lost; got != 0 { // and it is not tried again with the password
		t.Errorf("it lasted %v", got)
	}
	ctx, giveUp = context.WithCancel(t.Context())
	_, lost, came, _ = c.dials(ctx)
	invite = c.takes(sip.INVITE)
	giveUp()
	<-came
	c.answers(invite, 180, "", "")
	c.answers(c.takes(sip.CANCEL), 200, "", "")
	c.answers(invite, 487, "", "")
	c.takes(sip.ACK)
	if got := <-lost; got != 0 {
		t.Errorf("it lasted %v", got)
	}
}

func TestNobodyWaitsForThoseWhoDoNotEvenAnswerACancel(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	ctx, giveUp := context.WithCancel(t.Context())
	caller, lost, came, _ := c.dials(ctx)
	c.answers(c.takes(sip.INVITE), 180, "", "")
	time.Sleep(20 * time.Millisecond)
	giveUp()
	if err := <-came; fault.From(err).Code != fault.NoAnswer {
		t.Errorf("it came out as %v", err)
	}
	caller.Close() // with a deadline of the attempt's own
	if got := <-lost; got != 0 {
		t.Errorf("it lasted %v", got)
	}
}

func TestATelephoneMayRingForLong(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	_, _, came, line := c.dials(t.Context())
	invite := c.takes(sip.INVITE)
	c.answers(invite, 407, `Proxy-Authenticate: Digest realm="there", nonce="1", qop="auth"`, "")
	c.takes(sip.ACK)
	if invite = c.takes(sip.INVITE); invite.GetHeader("Proxy-Authorization") == nil {
		t.Fatalf("%s has no password", invite)
	}
	for range 25 {
		c.answers(invite, 180, "", "")
	}
	c.picksUp(invite, c.LocalAddr())
	c.takes(sip.ACK)
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	go (<-line).hangUp()
	bye := c.takes(sip.BYE)
	c.answers(bye, 407, `Proxy-Authenticate: Digest realm="there", nonce="2", qop="auth"`, "")
	again := c.takes(sip.BYE)
	if again.CSeq().SeqNo == bye.CSeq().SeqNo || again.GetHeader("Proxy-Authorization") == nil {
		t.Errorf("%s is no answer to being asked for the password", again)
	}
	c.answers(again, 200, "", "")
}

func TestTheOtherSideMaySignalFromWhereItSaysItIs(t *testing.T) {
	c, elsewhere, stranger := newCallee(t, "127.0.0.1"), loopback(t, "127.0.0.2"), loopback(t, "127.0.0.3")
	caller, _, came, line := c.dials(t.Context())
	invite := c.takes(sip.INVITE)
	bye := func(from *net.UDPConn) {
		t.Helper()
		text := fmt.Sprintf("BYE sip:frontdesk@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s\r\nFrom: <sip:100@b>;tag=callee\r\nTo: %s\r\n"+
			"Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n", from.LocalAddr(), from.LocalAddr(), invite.From().Value(), invite.CallID().Value())
		if _, err := from.WriteTo([]byte(text), caller.ways[0].local); err != nil {
			t.Fatal(err)
		}
	}
	c.picksUp(invite, elsewhere.LocalAddr())
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	call := <-line
	bye(stranger)
	bye(elsewhere)
	buf := make([]byte, 1500)
	_ = elsewhere.SetReadDeadline(time.Now().Add(10 * time.Second))
	for !strings.HasPrefix(string(buf), "SIP/2.0 200") { // behind our ACK
		if _, err := elsewhere.Read(buf); err != nil {
			t.Fatal(err)
		}
	}
	<-call.dialog.Context().Done()
	_ = stranger.SetReadDeadline(time.Now())
	if n, err := stranger.Read(buf); err == nil {
		t.Errorf("a stranger is told %s", buf[:n])
	}
	call.begin(func(error) {})
	call.finish()
	if len(caller.guests) > 0 || len(caller.calls) > 0 {
		t.Errorf("%v and %v are left of it", caller.guests, caller.calls)
	}
}

func TestWhatOneAddressDoesNotTakeGoesToTheNext(t *testing.T) {
	busy, takes := newCallee(t, "127.0.0.1"), newCallee(t, "127.0.0.2")
	nobody := newCallee(t, "127.0.0.3")
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "there", Server: busy.LocalAddr().String()}} })
	at, err := caller.findServer(t.Context(), &caller.o.Trunks[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		others []*callee
		status int
		lost   int
	}{
		"the next one": {[]*callee{takes, nobody}, 200, 0}, "the last one, neither": {[]*callee{takes}, 503, 1},
		"nor is it asked twice": {[]*callee{takes, nobody}, 486, 1},
	} {
		at.others = nil
		for _, c := range tt.others {
			at.others = append(at.others, addrOf(c.UDPConn))
		}
		lost := make(chan time.Duration, 4)
		came := make(chan error, 1)
		var line *call
		go func() {
			var err error
			line, err = caller.reach(t.Context(), &caller.o.Trunks[0], at, "100", "", func(d time.Duration) { lost <- d })
			came <- err
		}()
		busy.answers(busy.takes(sip.INVITE), 503, "", "")
		invite := takes.takes(sip.INVITE)
		if tt.status == 200 {
			takes.picksUp(invite, takes.LocalAddr())
		} else {
			takes.answers(invite, tt.status, "", "")
		}
		takes.takes(sip.ACK)
		if err := <-came; (err == nil) != (tt.status == 200) {
			t.Errorf("%s: %v", name, err)
		} else if err == nil {
			go line.hangUp()
			takes.answers(takes.takes(sip.BYE), 200, "", "")
		}
		if len(lost) != tt.lost {
			t.Errorf("%s: it is lost %d times", name, len(lost))
		}
	}
}

func TestAWrongPasswordIsNotSentForEver(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	_, lost, came, _ := c.dials(t.Context())
	asked := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 65535)
		for {
			_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if m, err := parser.ParseSIP(buf[:n]); err == nil {
				if r, ok := m.(*sip.Request); ok && r.IsInvite() {
					asked++
					c.caller = from
					c.answers(r, 100, "", "")
					c.answers(r, 407, fmt.Sprintf(`Proxy-Authenticate: Digest realm="there", nonce="%d"`, asked), "")
				}
			}
		}
	}()
	if err := <-came; fault.From(err).Code != fault.Declined {
		t.Errorf("it came out as %v", err)
	}
	<-done
	if got := <-lost; got != 0 || asked != 1+maxAsked {
		t.Errorf("it was asked %d times, and lasted %v", asked, got)
	}
}

func TestProxiesThatCannotBeUnderstoodAreLeftOut(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	_, _, came, line := c.dials(t.Context())
	invite := c.takes(sip.INVITE)
	ours, err := findCodecs([]string{"pcmu"})
	if err != nil {
		t.Fatal(err)
	}
	c.answers(invite, 200, "Content-Type: application/sdp\nContact: <sip:callee@"+c.LocalAddr().String()+">\nRecord-Route: <:h:x>",
		string(newLocal(addrOf(c.UDPConn)).offer(ours, keysPT)))
	if ack := c.takes(sip.ACK); ack.GetHeader("Route") != nil {
		t.Errorf("%s goes by a route", ack)
	}
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	go (<-line).hangUp()
	c.answers(c.takes(sip.BYE), 200, "", "")
}

func TestTheAnswerToARefreshIsConfirmedAsOftenAsItComes(t *testing.T) {
	c := newCallee(t, "127.0.0.1")
	_, _, came, line := c.dials(t.Context())
	c.picksUp(c.takes(sip.INVITE), c.LocalAddr())
	c.takes(sip.ACK)
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	call := <-line
	refreshed := make(chan error, 1)
	go func() {
		_, err := call.refresh()
		refreshed <- err
	}()
	again := c.takes(sip.INVITE)
	told := make(chan error, 1)
	go func() { told <- call.relay("5") }()
	info := c.takes(sip.INFO)
	c.answers(info, 200, "", "")
	if err := <-told; err != nil {
		t.Error(err)
	}
	c.picksUp(again, c.LocalAddr())
	first := c.takes(sip.ACK)
	c.picksUp(again, c.LocalAddr())
	if second := c.takes(sip.ACK); first.CSeq().SeqNo != again.CSeq().SeqNo || second.CSeq().SeqNo != again.CSeq().SeqNo || info.CSeq().SeqNo == again.CSeq().SeqNo {
		t.Errorf("%s is confirmed by %s and %s", again, first, second)
	}
	if err := <-refreshed; err != nil {
		t.Error(err)
	}
	go call.hangUp()
	c.answers(c.takes(sip.BYE), 200, "", "")
}

func TestACallThatIsNotAnsweredIsRefused(t *testing.T) {
	callee, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums"}}
		admit := o.Admit
		o.Admit = func(ctx context.Context, who session.Caller) (*session.Call, error) {
			c, err := admit(ctx, who)
			if err == nil {
				c.Close() // as a server that stops does
			}
			return c, err
		}
	})
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkFor(callee, "udp")} })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := caller.ring(ctx, &caller.o.Trunks[0], "100", "", free); fault.From(err).Code != fault.Unavailable {
		t.Errorf("it came out as %v", err)
	}
}
