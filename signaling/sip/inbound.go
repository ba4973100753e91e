package sip

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/session"
	"frontdesk/signaling/sip/rtp"
)

// handleInvite answers a call and runs it until it ends. It passes a re-INVITE to its call.
func (s *Server) handleInvite(t *Trunk, r *sip.Request, tx sip.ServerTransaction) {
	if to := r.To(); to != nil && to.Params.Has("tag") {
		s.inDialog((*call).handleReoffer)(t, r, tx)
		return
	}
	if t == nil || s.admit == nil {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 480, "Temporarily Unavailable", nil))
		return
	}
	if !s.addRunning() {
		refuse(r, tx, 503, errStopping())
		return
	}
	defer s.running.Done()
	if refuseShortTimer(r, tx) {
		return
	}
	c, admitted, err := s.newIncomingCall(t, r, tx)
	if err != nil {
		f := fault.From(err)
		s.o.Log.Info("telephone call refused", zap.Int("status", statusOf(f.Code)), zap.String("code", string(f.Code)), zap.Error(err))
		refuse(r, tx, statusOf(f.Code), f)
		return
	}
	c.register()
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	isAnswered := false
	admitted.Answer(ctx, func(ctx context.Context) (dialog.Line, error) {
		if isAnswered = ctx.Err() == nil; !isAnswered {
			return dialog.Line{}, ctx.Err()
		}
		if err := c.answer(ctx, tx); err != nil {
			return dialog.Line{}, err
		}
		return c.start(cancel), nil
	})
	if !isAnswered && c.dialog.Context().Err() == nil { // else it would ring on
		refuse(r, tx, 503, errStopping())
	}
	c.finish()
}

func errStopping() *fault.Error {
	return fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second)
}

// refuse refuses an INVITE with an error response.
func refuse(r *sip.Request, tx sip.ServerTransaction, status int, f *fault.Error) {
	res := sip.NewResponseFromRequest(r, status, f.Message, nil)
	if f.Retry && f.After > 0 {
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(int((f.After+time.Second-1)/time.Second))))
	}
	_ = tx.Respond(res)
}

// statusOf returns the SIP status for an error code.
func statusOf(code fault.Code) int {
	switch code {
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

// newIncomingCall lets the caller hear ringing, admits the call and prepares its audio.
func (s *Server) newIncomingCall(t *Trunk, r *sip.Request, tx sip.ServerTransaction) (*call, *session.Call, error) {
	from, err := sourceAddr(r)
	if err != nil || r.Contact() == nil {
		return nil, nil, fault.New(fault.Invalid, "the INVITE has no Contact header")
	}
	var offer rtp.Remote
	if len(r.Body()) > 0 {
		if offer, err = rtp.ParseOffer(r.Body(), t.codecs); err != nil {
			return nil, nil, err
		}
	}
	ua := sipgo.DialogUA{Client: s.client, ContactHDR: *s.contact(r.Transport(), from)}
	d, err := ua.ReadInvite(r, tx)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "the INVITE cannot start a dialog")
	}
	_ = d.Respond(180, "Ringing", nil)
	ctx, cancel := context.WithTimeout(s.life, admitTimeout)
	defer cancel()
	admitted, err := s.admit(ctx, session.Caller{
		Agent: t.agentFor(r), Transport: "sip", Address: from.String(), RequestID: r.CallID().Value(), Number: callerNumber(r),
	})
	if err != nil {
		_ = d.Close()
		return nil, nil, err
	}
	leg, err := rtp.NewLeg(s.ports, s.localAddr(from))
	if err == nil && len(r.Body()) > 0 {
		if err = leg.Start(offer, from); err != nil {
			leg.Close()
		}
	}
	if err != nil {
		_ = d.Close()
		admitted.Close()
		return nil, nil, err
	}
	c := newCall(s, d, t, leg, peer{
		addr: from, source: r.Source(), network: r.Transport(), routes: r.GetHeaders("Record-Route"), allow: allowHeader(r),
	})
	c.id, c.invite, c.target, c.timer = d.ID, r, *r.Contact().Address.Clone(), requestedTimer(r)
	c.remoteCSeq, c.isOffering = r.CSeq().SeqNo, true
	return c, admitted, nil
}

// callerNumber returns the caller ID of an INVITE, or "" if it is withheld.
func callerNumber(r *sip.Request) string {
	from := r.From()
	if from == nil || from.Address.User == "anonymous" {
		return ""
	}
	if h := r.GetHeader("P-Asserted-Identity"); h != nil { // set by the trunk (RFC 3325)
		var uri sip.Uri
		var params sip.HeaderParams
		if _, err := sip.ParseAddressValue(h.Value(), &uri, &params); err == nil && uri.User != "" {
			return unescapeUser(uri.User)
		}
	}
	return unescapeUser(from.Address.User)
}

func allowHeader(m headers) string {
	if h := m.GetHeader("Allow"); h != nil {
		return h.Value()
	}
	return ""
}

// answer sends the 200 with our SDP and waits for the caller's ACK. The error is
// session.ErrCallerGone if the caller gave up, NoAnswer if no ACK came, and Media if we offered
// and the ACK has no usable answer.
func (c *call) answer(ctx context.Context, tx sip.ServerTransaction) error {
	isOffer := len(c.invite.Body()) == 0 // then the ACK holds their answer
	var body []byte
	if isOffer {
		body = c.leg.Offer(c.trunk.codecs)
	} else {
		body = c.leg.Answer()
	}
	c.setOffering(false)
	d := c.dialog.(*sipgo.DialogServerSession)
	res := sip.NewSDPResponseFromRequest(d.InviteRequest, body)
	res.AppendHeader(c.server.contact(c.peer.network, c.peer.addr))
	c.timer.addTo(withAllow(res))
	ctx, cancel := context.WithTimeout(ctx, ackTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, tx.Terminate)()
	err := d.WriteResponse(res)
	switch {
	case d.Context().Err() != nil, errors.Is(err, sip.ErrTransactionCanceled): // by BYE or CANCEL
		return session.ErrCallerGone
	case err != nil:
		return fault.Wrap(err, fault.NoAnswer, "the caller's telephone did not confirm the call")
	case isOffer:
		return c.startWithAnswer((<-c.ack).Body())
	}
	return nil
}

// startWithAnswer starts the leg with the answer to our offer.
func (c *call) startWithAnswer(body []byte) error {
	answer, err := rtp.ParseAnswer(body, c.trunk.codecs)
	if err != nil {
		return err
	}
	if c.invite == nil && c.trunk.SRTP && !answer.IsEncrypted() {
		return fault.New(fault.Media, "the other side does not encrypt")
	}
	return c.leg.Start(answer, c.peer.addr)
}

// handleACK handles the ACK of an INVITE or re-INVITE.
func (s *Server) handleACK(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
	c := s.findCall(r)
	if c == nil {
		return
	}
	if d, ok := c.dialog.(*sipgo.DialogServerSession); ok && r.CSeq().SeqNo == d.InviteRequest.CSeq().SeqNo {
		select {
		case c.ack <- r:
		default: // a retransmission
		}
		_ = d.ReadAck(r, tx)
		return
	}
	c.handleReinviteACK(r)
}
