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
)

// invite answers a call, or another offer within one.
func (s *Server) invite(t *Trunk, r *sip.Request, tx sip.ServerTransaction) {
	if to := r.To(); to != nil && to.Params.Has("tag") {
		s.within((*call).again)(t, r, tx)
		return
	}
	if t == nil || s.o.Admit == nil { // a telephone that only calls
		_ = tx.Respond(sip.NewResponseFromRequest(r, 480, "Temporarily Unavailable", nil))
		return
	}
	s.running.Add(1)
	defer s.running.Done()
	if s.life.Err() != nil {
		refuse(r, tx, 503, fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second))
		return
	}
	if tooShort(r, tx) {
		return
	}
	c, desk, err := s.answer(t, r, tx)
	if err != nil {
		f := fault.From(err)
		s.o.Log.Info("telephone call refused", zap.Int("status", statusOf(err)), zap.String("code", string(f.Code)), zap.Error(err))
		refuse(r, tx, statusOf(err), f)
		return
	}
	c.enter()
	ctx, cancel := context.WithCancelCause(s.life)
	defer cancel(nil)
	answered := false
	desk.Answer(ctx, func(ctx context.Context) (dialog.Line, error) {
		if answered = ctx.Err() == nil; !answered {
			return dialog.Line{}, ctx.Err()
		}
		if err := c.confirm(ctx, tx); err != nil {
			return dialog.Line{}, err
		}
		return c.begin(cancel), nil
	})
	if !answered && c.dialog.Context().Err() == nil { // it must not ring for ever
		refuse(r, tx, 503, fault.New(fault.Unavailable, "this server is about to stop").Retryable(time.Second))
	}
	c.finish()
}

// tooShort refuses a request that asks for an interval that RFC 4028 forbids.
func tooShort(r *sip.Request, tx sip.ServerTransaction) bool {
	if !asked(r).tooShort() {
		return false
	}
	res := sip.NewResponseFromRequest(r, 422, "Session Interval Too Small", nil)
	res.AppendHeader(sip.NewHeader("Min-SE", strconv.Itoa(int(minInterval.Seconds()))))
	_ = tx.Respond(res)
	return true
}

func refuse(r *sip.Request, tx sip.ServerTransaction, status int, f *fault.Error) {
	res := sip.NewResponseFromRequest(r, status, f.Message, nil)
	if f.Retry && f.After > 0 {
		res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(int((f.After+time.Second-1)/time.Second))))
	}
	_ = tx.Respond(res)
}

// answer admits a call and makes its leg.
func (s *Server) answer(t *Trunk, r *sip.Request, tx sip.ServerTransaction) (*call, *session.Call, error) {
	from, err := source(r)
	if err != nil || r.Contact() == nil {
		return nil, nil, fault.New(fault.Invalid, "a call needs to say where its caller is reached")
	}
	var theirs remote
	if len(r.Body()) > 0 {
		if theirs, err = parseOffer(r.Body(), t.codecs); err != nil {
			return nil, nil, err
		}
	}
	ua := sipgo.DialogUA{Client: s.client, ContactHDR: *s.contact(r.Transport(), from)}
	d, err := ua.ReadInvite(r, tx)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "this is no call that can be answered")
	}
	_ = d.Respond(180, "Ringing", nil)
	ctx, cancel := context.WithTimeout(s.life, admitTime)
	defer cancel()
	desk, err := s.o.Admit(ctx, session.Caller{
		Agent: t.agent(r), Transport: "sip", Address: from.String(), RequestID: r.CallID().Value(), Number: callerOf(r),
	})
	if err != nil {
		_ = d.Close()
		return nil, nil, err
	}
	l, err := newLeg(s.ports, s.local(from))
	if err == nil && len(r.Body()) > 0 {
		err = l.start(theirs, from)
	}
	if err != nil {
		if l != nil {
			l.close()
		}
		_ = d.Close()
		desk.Close()
		return nil, nil, err
	}
	return &call{
		server: s, dialog: d, id: d.ID, leg: l, trunk: t, routes: r.GetHeaders("Record-Route"), peer: from, source: r.Source(), over: r.Transport(), first: r,
		target: *r.Contact().Address.Clone(), allows: allows(r), timer: asked(r), acks: make(chan *sip.Request, 1),
		offered: len(r.Body()) == 0, offering: true, ended: make(chan struct{}), left: make(chan struct{}), acked: make(map[uint32]chan struct{}), heard: r.CSeq().SeqNo,
	}, desk, nil
}

// callerOf is the number a call says it comes from, "" when it hides it.
func callerOf(r *sip.Request) string {
	from := r.From()
	if from == nil || from.Address.User == "anonymous" {
		return ""
	}
	if h := r.GetHeader("P-Asserted-Identity"); h != nil { // what the trunk knows (RFC 3325)
		var uri sip.Uri
		var params sip.HeaderParams
		if _, err := sip.ParseAddressValue(h.Value(), &uri, &params); err == nil && uri.User != "" {
			return plain(uri.User)
		}
	}
	return plain(from.Address.User)
}

func allows(m interface{ GetHeader(string) sip.Header }) string {
	if h := m.GetHeader("Allow"); h != nil {
		return h.Value()
	}
	return ""
}

// confirm answers and waits for the caller's ACK. The error is session.ErrCallerGone when the
// caller gave up, NoAnswer when no ACK came, Media when it holds no answer to our offer.
func (c *call) confirm(ctx context.Context, tx sip.ServerTransaction) error {
	body := c.leg.local.offer(c.trunk.codecs, keysPT)
	if !c.offered {
		body = c.leg.answer(c.leg.remote)
	}
	c.setOffering(false)
	d := c.dialog.(*sipgo.DialogServerSession)
	res := sip.NewSDPResponseFromRequest(d.InviteRequest, body)
	res.AppendHeader(c.server.contact(c.over, c.peer))
	c.timer.answer(allowed(res))
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	defer context.AfterFunc(ctx, tx.Terminate)()
	err := d.WriteResponse(res)
	switch {
	case d.Context().Err() != nil, errors.Is(err, sip.ErrTransactionCanceled): // by BYE or CANCEL
		return session.ErrCallerGone
	case err != nil:
		return fault.Wrap(err, fault.NoAnswer, "the caller's telephone did not confirm the call")
	case c.offered:
		return c.take(<-c.acks)
	}
	return nil
}

// take starts the sound with the answer to what we offered.
func (c *call) take(ack *sip.Request) error {
	theirs, err := parseAnswer(ack.Body(), c.trunk.codecs)
	if err != nil {
		return err
	}
	return c.leg.start(theirs, c.peer)
}

// ack takes the caller's confirmation.
func (s *Server) ack(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
	c := s.find(r)
	if c == nil {
		return
	}
	if d, ok := c.dialog.(*sipgo.DialogServerSession); ok && r.CSeq().SeqNo == d.InviteRequest.CSeq().SeqNo {
		select {
		case c.acks <- r:
		default: // it had come
		}
		_ = d.ReadAck(r, tx)
		return
	}
	c.confirmed(r)
}
