package sip

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/signaling/sip/rtp"
)

// handleReoffer answers a re-INVITE or an UPDATE: the other side goes on hold, resumes,
// moves, changes the codec, asks for our offer, or refreshes the session.
func (c *call) handleReoffer(r *sip.Request, tx sip.ServerTransaction) {
	codec, isStarted := c.leg.Codec()
	c.mu.Lock()
	isCrossing := !isStarted || c.isOffering
	c.mu.Unlock()
	var body []byte
	switch {
	case refuseShortTimer(r, tx):
		return
	case isCrossing && (len(r.Body()) > 0 || r.Method == sip.INVITE): // RFC 3261, 14.2; RFC 3311, 5.2
		_ = tx.Respond(sip.NewResponseFromRequest(r, 491, "Request Pending", nil))
		return
	case len(r.Body()) > 0:
		offer, err := rtp.ParseOffer(r.Body(), append([]rtp.Codec{codec}, c.trunk.codecs...)) // prefer the codec in use
		if err != nil || !c.leg.Update(offer) {
			_ = tx.Respond(sip.NewResponseFromRequest(r, 488, "Not Acceptable Here", nil))
			return
		}
		body = c.leg.Answer()
	case r.Method == sip.INVITE:
		body = c.leg.Reoffer()
	}
	if contact := r.Contact(); contact != nil {
		c.mu.Lock()
		c.target = *contact.Address.Clone()
		c.mu.Unlock()
		c.allowSenders(c.signalingAddrs()...)
	}
	res := sip.NewResponseFromRequest(r, 200, "OK", body)
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	}
	res.AppendHeader(c.server.contact(c.peer.network, c.peer.addr))
	c.timer.addTo(withAllow(res))
	if r.Method != sip.INVITE {
		_ = tx.Respond(res)
		return
	}
	c.retransmitUntilACK(r.CSeq().SeqNo, res, tx)
}

// retransmitUntilACK sends our answer to a re-INVITE until its ACK comes (RFC 3261,
// 13.3.1.4). It hangs up if none comes.
func (c *call) retransmitUntilACK(cseq uint32, res *sip.Response, tx sip.ServerTransaction) {
	acked := make(chan struct{})
	c.mu.Lock()
	c.unacked[cseq] = acked
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.unacked, cseq)
		c.mu.Unlock()
	}()
	timeout := time.NewTimer(ackTimeout)
	defer timeout.Stop()
	for wait := sip.T1; ; wait = min(2*wait, sip.T2) {
		_ = tx.Respond(res)
		retransmit := time.NewTimer(wait)
		select {
		case <-retransmit.C:
			continue
		case <-timeout.C:
			c.hangUp()
		case <-acked:
		case <-c.ended:
		case <-c.dialog.Context().Done():
		}
		retransmit.Stop()
		return
	}
}

// handleReinviteACK handles the ACK of a re-INVITE. It holds the answer if we offered.
func (c *call) handleReinviteACK(r *sip.Request) {
	cseq := r.CSeq().SeqNo
	c.mu.Lock()
	acked := c.unacked[cseq]
	if acked != nil {
		close(acked)
		c.unacked[cseq] = nil
	}
	c.mu.Unlock()
	if acked != nil && c.updateFromAnswer(r.Body()) != nil {
		c.hangUp()
	}
}

// updateFromAnswer applies the answer to our Reoffer. An empty body changes nothing.
func (c *call) updateFromAnswer(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	codec, _ := c.leg.Codec()
	if answer, err := rtp.ParseAnswer(body, []rtp.Codec{codec}); err != nil || !c.leg.Update(answer) {
		return fault.New(fault.Media, "no audio codec and transport in common any more")
	}
	return nil
}

func (c *call) setOffering(isOffering bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isOffering = isOffering
}
