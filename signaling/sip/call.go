package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	maxKeys   = 64
	maxGuests = 8           // addresses that the other side may signal from
	relayTime = time.Minute // for all keys of one wish
)

// call is a telephone call under way, whoever dialled: sipgo's dialog and the sound.
type call struct {
	server  *Server
	dialog  exchange
	id      string // of the dialog, with our tag before theirs
	leg     *leg
	trunk   *Trunk
	peer    netip.Addr   // who signals
	source  string       // and its port
	over    string       // the network it signals over: UDP, TCP, TLS
	first   *sip.Request // the INVITE that was answered, or nil
	routes  []sip.Header // Record-Route
	allows  string       // methods the other side takes
	timer   timer
	offered bool              // we offered within our answer; the ACK holds theirs
	acks    chan *sip.Request // the first one

	ended   chan struct{} // closed when the conversation is over
	left    chan struct{} // closed when we hang up
	leaving sync.Once
	work    sync.WaitGroup
	asking  sync.Mutex // numbers are drawn one after the other

	mu       sync.Mutex
	target   sip.Uri                  // where requests within the call go
	guests   map[netip.Addr]func()    // who may send, until these are called
	isOver   bool                     // nobody may any more
	referred chan string              // how a transfer goes, while there is one
	heard    uint32                   // the highest CSeq of theirs
	offering bool                     // an offer of ours, or that of their first INVITE, has no answer yet
	acked    map[uint32]chan struct{} // by CSeq: closed when their re-INVITE's answer is confirmed
}

// inOrder reports whether a request comes after all before it (RFC 3261, 12.2.2).
func (c *call) inOrder(r *sip.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.CSeq().SeqNo < c.heard {
		return false
	}
	c.heard = r.CSeq().SeqNo
	return true
}

// exchange is what sipgo's two kinds of dialogs have in common.
type exchange interface {
	Context() context.Context
	Do(ctx context.Context, r *sip.Request) (*sip.Response, error)
	TransactionRequest(ctx context.Context, r *sip.Request) (sip.ClientTransaction, error)
	ReadBye(r *sip.Request, tx sip.ServerTransaction) error
	WriteBye(ctx context.Context, bye *sip.Request) error
	Close() error
}

var (
	_ exchange = (*sipgo.DialogServerSession)(nil)
	_ exchange = (*sipgo.DialogClientSession)(nil)
)

// enter makes the call known to requests within it, until leave.
func (c *call) enter() {
	c.admit(c.peer)
	c.admit(c.named()...)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.calls[c.id] = c
}

func (c *call) leave() {
	c.server.mu.Lock()
	delete(c.server.calls, c.id)
	c.server.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, leave := range c.guests {
		leave()
	}
	c.guests, c.isOver = nil, true
}

// admit lets addresses send what belongs to the call, as long as it lasts.
func (c *call) admit(addresses ...netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range addresses {
		if c.guests[a] == nil && len(c.guests) < maxGuests && !c.isOver {
			if c.guests == nil {
				c.guests = make(map[netip.Addr]func())
			}
			c.guests[a] = c.server.invites(a)
		}
	}
}

// named are the addresses that the other side will send from, as far as it names them as
// addresses: its own, and those of proxies that stay in the call.
func (c *call) named() (found []netip.Addr) {
	c.mu.Lock()
	host := c.target.Host
	c.mu.Unlock()
	hosts := []string{host}
	for _, h := range c.routes {
		var uri sip.Uri
		var params sip.HeaderParams
		if _, err := sip.ParseAddressValue(h.Value(), &uri, &params); err == nil {
			hosts = append(hosts, uri.Host)
		}
	}
	for _, host := range hosts {
		if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
			found = append(found, a.Unmap())
		}
	}
	return found
}

// begin starts the sound and makes it a line. cancel is called when the call cannot go on.
// finish must be called.
func (c *call) begin(cancel context.CancelCauseFunc) dialog.Line {
	inputs := make(chan dialog.Heard)
	c.work.Go(func() {
		if err := c.leg.read(); err != nil {
			cancel(err)
		}
	})
	c.work.Go(func() { c.listen(inputs) })
	c.work.Go(func() {
		if err := c.keepFresh(); err != nil {
			cancel(err)
		}
	})
	used, _ := c.leg.agreed()
	line := dialog.Line{
		Inputs: inputs, Source: c.leg.receiver, Sink: c.leg, Emit: func(dialog.Event) {},
		Narrowband: used.narrow, SendDTMF: c.press, Quality: c.leg.quality,
	}
	if c.first != nil || strings.Contains(strings.ToUpper(c.allows), string(sip.REFER)) {
		line.Refer = c.blind
	}
	return line
}

// finish ends the sound and hangs up.
func (c *call) finish() {
	close(c.ended)
	c.leg.close()
	c.work.Wait()
	c.hangUp()
	c.leave()
}

// hangUp says goodbye, unless the other side has.
func (c *call) hangUp() {
	c.leaving.Do(func() { close(c.left) })
	if c.dialog.Context().Err() != nil {
		_ = c.dialog.Close()
		return
	}
	ctx, done := context.WithTimeout(context.Background(), requestTime)
	defer done()
	err := c.dialog.WriteBye(ctx, c.request(sip.BYE))
	var asked sipgo.ErrDialogResponse
	if again := c.request(sip.BYE); errors.As(err, &asked) && c.trunk.proves(again, asked.Res) {
		_, _ = c.dialog.Do(ctx, again)
	}
	_ = c.dialog.Close()
}

// do sends a request within the call and returns its final answer. Who asks for a password is
// given it, with the same request built anew.
func (c *call) do(ctx context.Context, build func() *sip.Request) (*sip.Response, error) {
	res, err := c.ask(ctx, build())
	if err != nil {
		return nil, err
	}
	if again := build(); c.trunk.proves(again, res) {
		return c.ask(ctx, again)
	}
	return res, nil
}

// ask sends a request within the call and returns its final answer. It confirms a 2xx to an
// INVITE, as often as that comes (RFC 3261, 13.2.2.4).
func (c *call) ask(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	c.asking.Lock() // or two would have the same number
	tx, err := c.dialog.TransactionRequest(ctx, r)
	c.asking.Unlock()
	if err != nil {
		return nil, err
	}
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				continue
			case r.IsInvite() && res.IsSuccess(): // which the transaction outlives, for its repetitions
				ack := c.ackOf(r)
				tx.OnRetransmission(func(*sip.Response) { _ = c.server.client.WriteRequest(ack.Clone(), asItIs) })
				return res, c.server.client.WriteRequest(ack.Clone(), asItIs)
			}
			tx.Terminate()
			return res, nil
		case <-tx.Done():
			return nil, tx.Err()
		case <-ctx.Done():
			tx.Terminate()
			return nil, ctx.Err()
		}
	}
}

// ackOf confirms the 2xx of an INVITE that was sent.
func (c *call) ackOf(invite *sip.Request) *sip.Request {
	r := c.request(sip.ACK)
	_ = sipgo.ClientRequestAddVia(c.server.client, r)
	belong(r, invite)
	return r
}

// request makes a request within the call. sipgo adds what names the dialog.
func (c *call) request(method sip.RequestMethod) *sip.Request {
	c.mu.Lock()
	target := *c.target.Clone()
	c.mu.Unlock()
	r := sip.NewRequest(method, target)
	r.SetTransport(c.over)
	c.server.sends(r)
	// A phone behind a NAT names an address that is good there only, and a connection that is
	// there is the way that is known to be good.
	to, err := netip.ParseAddr(strings.Trim(target.Host, "[]"))
	if err == nil && to.IsPrivate() && !c.peer.IsPrivate() || c.over != "UDP" && c.server.isConnected(c.over, c.source) {
		r.SetDestination(c.source)
	}
	r.AppendHeader(c.server.contact(c.over, c.peer))
	return r
}

// listen hands on keys, and that the other side has hung up by closing inputs.
func (c *call) listen(inputs chan<- dialog.Heard) {
	defer close(inputs)
	for {
		select {
		case key := <-c.leg.keys.Digits:
			select {
			case inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(key), At: time.Now()}:
			case <-c.ended:
				return
			}
		case <-c.dialog.Context().Done():
			return
		case <-c.left:
			return
		case <-c.ended:
			return
		}
	}
}

func (c *call) bye(r *sip.Request, tx sip.ServerTransaction) {
	if c.dialog.ReadBye(r, tx) != nil {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
	}
}

// info takes keys from telephones that send them beside the sound (application/dtmf-relay,
// application/dtmf).
func (c *call) info(r *sip.Request, tx sip.ServerTransaction) {
	if key, ok := relayed(r.Body()); ok {
		select {
		case c.leg.keys.Digits <- key:
		default: // as many wait as may
		}
	}
	_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
}

// press sends keys the way the other side takes them.
func (c *call) press(keys string) error {
	if !media.IsDTMF(keys) || len(keys) > maxKeys {
		return fault.New(fault.Invalid, "keys are up to %d of 0-9, *, #, A-D, and a comma to wait half a second", maxKeys)
	}
	beside, err := c.leg.press(keys)
	if err != nil {
		return fault.Wrap(err, fault.Limited, "too many keys wait to be sent")
	}
	if beside {
		return nil
	}
	return c.relay(keys)
}

// relay sends keys beside the sound (INFO, application/dtmf-relay).
func (c *call) relay(keys string) error {
	ctx, cancel := context.WithTimeout(context.Background(), relayTime)
	defer cancel()
	for _, key := range strings.ToUpper(keys) {
		if key == ',' {
			select {
			case <-time.After(500 * time.Millisecond):
			case <-c.ended:
				return nil
			}
			continue
		}
		res, err := c.do(ctx, func() *sip.Request {
			r := c.request(sip.INFO)
			r.AppendHeader(sip.NewHeader("Content-Type", "application/dtmf-relay"))
			r.SetBody([]byte("Signal=" + string(key) + "\r\nDuration=160\r\n"))
			return r
		})
		if err != nil {
			return fault.Wrap(err, fault.Timeout, "the other side does not answer")
		}
		if !res.IsSuccess() {
			return fault.New(fault.Declined, "the other side takes no keys: %d %s", res.StatusCode, res.Reason)
		}
	}
	return nil
}

// relayed reads "Signal=5", or a key alone.
func relayed(body []byte) (byte, bool) {
	if len(body) > 256 {
		return 0, false
	}
	for line := range strings.Lines(string(body)) {
		name, value, named := strings.Cut(line, "=")
		if !named {
			name, value = "signal", line
		}
		value = strings.ToUpper(strings.TrimSpace(value))
		if strings.EqualFold(strings.TrimSpace(name), "signal") && len(value) == 1 && strings.Contains("0123456789*#ABCD", value) {
			return value[0], true
		}
	}
	return 0, false
}

// again answers another offer within the call: the other side holds, resumes, moves, asks
// for our offer, or refreshes the session.
func (c *call) again(r *sip.Request, tx sip.ServerTransaction) {
	used, agreed := c.leg.agreed()
	c.mu.Lock()
	crosses := !agreed || c.offering
	c.mu.Unlock()
	var body []byte
	switch {
	case tooShort(r, tx):
		return
	case crosses && (len(r.Body()) > 0 || r.Method == sip.INVITE): // RFC 3261, 14.2; RFC 3311, 5.2
		_ = tx.Respond(sip.NewResponseFromRequest(r, 491, "Request Pending", nil))
		return
	case len(r.Body()) > 0:
		o, err := parseOffer(r.Body(), append([]codec{used}, c.trunk.codecs...)) // rather the one that is used
		if err != nil || !c.leg.alter(o) {
			_ = tx.Respond(sip.NewResponseFromRequest(r, 488, "Not Acceptable Here", nil))
			return
		}
		body = c.leg.answer(o)
	case r.Method == sip.INVITE:
		body = c.leg.offerAgain()
	}
	if uri := r.Contact(); uri != nil {
		c.mu.Lock()
		c.target = *uri.Address.Clone()
		c.mu.Unlock()
		c.admit(c.named()...)
	}
	res := sip.NewResponseFromRequest(r, 200, "OK", body)
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	res.AppendHeader(c.server.contact(c.over, c.peer))
	c.timer.answer(allowed(res))
	if r.Method != sip.INVITE {
		_ = tx.Respond(res)
		return
	}
	c.insist(r.CSeq().SeqNo, res, tx)
}

// insist sends the answer to their re-INVITE until they confirm it (RFC 3261, 13.3.1.4),
// and hangs up when they do not.
func (c *call) insist(seq uint32, res *sip.Response, tx sip.ServerTransaction) {
	acked := make(chan struct{})
	c.mu.Lock()
	c.acked[seq] = acked
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.acked, seq)
		c.mu.Unlock()
	}()
	late := time.NewTimer(ackTime)
	defer late.Stop()
	for wait := sip.T1; ; wait = min(2*wait, sip.T2) {
		_ = tx.Respond(res)
		again := time.NewTimer(wait)
		select {
		case <-again.C:
			continue
		case <-late.C:
			c.hangUp()
		case <-acked:
		case <-c.ended:
		case <-c.dialog.Context().Done():
		}
		again.Stop()
		return
	}
}

// confirmed takes the ACK of a re-INVITE, and of it the answer to our offer where it has one.
func (c *call) confirmed(r *sip.Request) {
	seq := r.CSeq().SeqNo
	c.mu.Lock()
	acked := c.acked[seq]
	if acked != nil {
		close(acked)
		c.acked[seq] = nil
	}
	c.mu.Unlock()
	if acked != nil && c.accept(r.Body()) != nil {
		c.hangUp()
	}
}

// statusOf is what SIP calls an error.
func statusOf(err error) int {
	switch fault.From(err).Code {
	case fault.NotFound:
		return 404
	case fault.Media:
		return 488
	case fault.Invalid, fault.TooLarge:
		return 400
	case fault.Forbidden, fault.Unauthorized:
		return 403
	case fault.Limited, fault.Unavailable, fault.Timeout, fault.Storage:
		return 503
	}
	return 500
}
