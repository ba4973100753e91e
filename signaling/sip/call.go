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
	"frontdesk/signaling/sip/rtp"
)

const maxSenders = 8 // addresses that the other side of a call may signal from

// call is a telephone call in progress, whoever made it: a SIP dialog and its audio.
type call struct {
	server *Server
	dialog sipDialog
	id     string // of the dialog, our tag before theirs
	leg    *rtp.Leg
	trunk  *Trunk
	peer   peer
	invite *sip.Request // theirs; nil if we made the call
	timer  sessionTimer
	ack    chan *sip.Request // the first ACK to our answer

	ended  chan struct{} // closed when the conversation is over
	hungUp hangUpSignal
	work   sync.WaitGroup
	cseqMu sync.Mutex // orders the CSeq numbers of our in-dialog requests

	mu          sync.Mutex
	target      sip.Uri // where in-dialog requests go
	senders     senders
	referStatus chan string              // status lines of a transfer in progress, else nil
	remoteCSeq  uint32                   // the highest one
	isOffering  bool                     // an offer of ours, or their first one, is not answered yet
	unacked     map[uint32]chan struct{} // by CSeq: closed when our answer to their re-INVITE gets its ACK
}

// peer is how the other side signals.
type peer struct {
	addr    netip.Addr
	source  string       // address and port
	network string       // UDP, TCP, TLS
	routes  []sip.Header // Record-Route
	allow   string       // methods of its Allow header
}

// allows reports whether the other side's Allow header has a method.
func (p peer) allows(method sip.RequestMethod) bool {
	return strings.Contains(strings.ToUpper(p.allow), string(method))
}

// hangUpSignal says that we hang up.
type hangUpSignal struct {
	once sync.Once
	ch   chan struct{}
}

func (s *hangUpSignal) send() { s.once.Do(func() { close(s.ch) }) }

// senders are the addresses that may send because of a call.
type senders struct {
	revoke   map[netip.Addr]func()
	isClosed bool // no more are added
}

// newCall returns a call without its dialog's particulars.
func newCall(s *Server, d sipDialog, t *Trunk, l *rtp.Leg, p peer) *call {
	return &call{
		server: s, dialog: d, trunk: t, leg: l, peer: p, ack: make(chan *sip.Request, 1),
		ended: make(chan struct{}), hungUp: hangUpSignal{ch: make(chan struct{})}, unacked: make(map[uint32]chan struct{}),
	}
}

// sipDialog is what sipgo's two kinds of dialogs have in common.
type sipDialog interface {
	Context() context.Context
	Do(ctx context.Context, r *sip.Request) (*sip.Response, error)
	TransactionRequest(ctx context.Context, r *sip.Request) (sip.ClientTransaction, error)
	ReadBye(r *sip.Request, tx sip.ServerTransaction) error
	WriteBye(ctx context.Context, bye *sip.Request) error
	Close() error
}

var (
	_ sipDialog = (*sipgo.DialogServerSession)(nil)
	_ sipDialog = (*sipgo.DialogClientSession)(nil)
)

// checkCSeq reports whether a request is not older than the last one (RFC 3261, 12.2.2).
func (c *call) checkCSeq(r *sip.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.CSeq().SeqNo < c.remoteCSeq {
		return false
	}
	c.remoteCSeq = r.CSeq().SeqNo
	return true
}

// register makes in-dialog requests reach the call, until unregister.
func (c *call) register() {
	c.allowSenders(c.peer.addr)
	c.allowSenders(c.signalingAddrs()...)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.calls[c.id] = c
}

func (c *call) unregister() {
	c.server.mu.Lock()
	delete(c.server.calls, c.id)
	c.server.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, revoke := range c.senders.revoke {
		revoke()
	}
	c.senders = senders{isClosed: true}
}

// allowSenders lets addresses send requests and responses while the call lasts.
func (c *call) allowSenders(addrs ...netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range addrs {
		if c.senders.revoke[a] == nil && len(c.senders.revoke) < maxSenders && !c.senders.isClosed {
			if c.senders.revoke == nil {
				c.senders.revoke = make(map[netip.Addr]func())
			}
			c.senders.revoke[a] = c.server.allowSender(a)
		}
	}
}

// signalingAddrs returns the IP addresses in the other side's Contact and Record-Route
// headers. It may send from those.
func (c *call) signalingAddrs() (found []netip.Addr) {
	c.mu.Lock()
	hosts := []string{c.target.Host}
	c.mu.Unlock()
	for _, h := range c.peer.routes {
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

// start starts the audio and returns the call as a line. It calls cancel with the reason
// when the call cannot go on. finish must be called.
func (c *call) start(cancel context.CancelCauseFunc) dialog.Line {
	inputs := make(chan dialog.Heard)
	c.work.Go(func() {
		if err := c.leg.Run(); err != nil {
			cancel(err)
		}
	})
	c.work.Go(func() { c.forwardDigits(inputs) })
	c.work.Go(func() {
		if err := c.runSessionTimer(); err != nil {
			cancel(err)
		}
	})
	codec, _ := c.leg.Codec()
	line := dialog.Line{
		Inputs: inputs, Source: c.leg.Receiver(), Sink: c.leg, Emit: func(dialog.Event) {},
		Narrowband: codec.Narrowband, HasKeypad: true, SendDTMF: c.sendDTMF, Quality: c.leg.Quality,
	}
	if c.invite != nil || c.peer.allows(sip.REFER) {
		line.Refer = c.blindTransfer
	}
	return line
}

// forwardDigits sends DTMF digits to inputs. It closes inputs when either side hangs up.
func (c *call) forwardDigits(inputs chan<- dialog.Heard) {
	defer close(inputs)
	for {
		select {
		case digit := <-c.leg.Digits():
			select {
			case inputs <- dialog.Heard{Kind: dialog.DTMF, Text: string(digit), At: time.Now()}:
			case <-c.ended:
				return
			}
		case <-c.dialog.Context().Done():
			return
		case <-c.hungUp.ch:
			return
		case <-c.ended:
			return
		}
	}
}

// finish stops the audio and hangs up.
func (c *call) finish() {
	close(c.ended)
	c.leg.Close()
	c.work.Wait()
	c.hangUp()
	c.unregister()
}

// hangUp sends a BYE, unless the other side has hung up.
func (c *call) hangUp() {
	c.hungUp.send()
	if c.dialog.Context().Err() != nil {
		_ = c.dialog.Close()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	err := c.dialog.WriteBye(ctx, c.newRequest(sip.BYE))
	var refused sipgo.ErrDialogResponse
	if retry := c.newRequest(sip.BYE); errors.As(err, &refused) && c.trunk.addCredentials(retry, refused.Res) {
		_, _ = c.dialog.Do(ctx, retry)
	}
	_ = c.dialog.Close()
}

func (c *call) handleBye(r *sip.Request, tx sip.ServerTransaction) {
	if c.dialog.ReadBye(r, tx) != nil {
		respondNoCall(r, tx)
	}
}
