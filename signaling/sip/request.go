package sip

import (
	"context"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// do sends an in-dialog request and returns its final response. If challenged (401 or 407),
// it builds the request again with credentials and retries once.
func (c *call) do(ctx context.Context, build func() *sip.Request) (*sip.Response, error) {
	res, err := c.roundTrip(ctx, build())
	if err != nil {
		return nil, err
	}
	if retry := build(); c.trunk.addCredentials(retry, res) {
		return c.roundTrip(ctx, retry)
	}
	return res, nil
}

// roundTrip sends an in-dialog request and returns its final response. It sends an ACK for
// a 2xx to an INVITE and for every retransmission of it (RFC 3261, 13.2.2.4).
func (c *call) roundTrip(ctx context.Context, r *sip.Request) (*sip.Response, error) {
	c.cseqMu.Lock() // else two requests may get the same CSeq number
	tx, err := c.dialog.TransactionRequest(ctx, r)
	c.cseqMu.Unlock()
	if err != nil {
		return nil, err
	}
	for {
		select {
		case res := <-tx.Responses():
			switch {
			case res.IsProvisional():
				continue
			case r.IsInvite() && res.IsSuccess(): // the transaction goes on, because the 2xx may be retransmitted
				ack := c.newACK(r)
				tx.OnRetransmission(func(*sip.Response) { _ = c.server.client.WriteRequest(ack.Clone(), unmodified) })
				return res, c.server.client.WriteRequest(ack.Clone(), unmodified)
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

// newACK returns the ACK for the 2xx response to our re-INVITE.
func (c *call) newACK(invite *sip.Request) *sip.Request {
	r := c.newRequest(sip.ACK)
	_ = sipgo.ClientRequestAddVia(c.server.client, r)
	copyDialogHeaders(r, invite)
	return r
}

// newRequest returns an in-dialog request. sipgo adds the headers that identify the dialog.
func (c *call) newRequest(method sip.RequestMethod) *sip.Request {
	c.mu.Lock()
	target := *c.target.Clone()
	c.mu.Unlock()
	r := sip.NewRequest(method, target)
	r.SetTransport(c.peer.network)
	c.server.setLocalAddr(r)
	// The Contact of a phone behind a NAT may be a private address. An open connection works
	// in any case.
	to, err := netip.ParseAddr(strings.Trim(target.Host, "[]"))
	isBehindNAT := err == nil && to.IsPrivate() && !c.peer.addr.IsPrivate()
	if isBehindNAT || c.peer.network != "UDP" && c.server.isConnected(c.peer.network, c.peer.source) {
		r.SetDestination(c.peer.source)
	}
	r.AppendHeader(c.server.contact(c.peer.network, c.peer.addr))
	return r
}

// copyDialogHeaders copies Route, From, To, Call-ID, the CSeq number and the destination
// from an INVITE to its CANCEL or ACK.
func copyDialogHeaders(r, invite *sip.Request) {
	sip.CopyHeaders("Route", invite, r)
	r.AppendHeader(sip.HeaderClone(invite.From()))
	r.AppendHeader(sip.HeaderClone(invite.To()))
	r.AppendHeader(sip.HeaderClone(invite.CallID()))
	r.AppendHeader(&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: r.Method})
	maxForwards := sip.MaxForwardsHeader(70)
	r.AppendHeader(&maxForwards)
	r.SetBody(nil)
	r.SetDestination(invite.Destination())
}

// unmodified is an option that keeps sipgo from adding headers to a request.
func unmodified(*sipgo.Client, *sip.Request) error { return nil }
