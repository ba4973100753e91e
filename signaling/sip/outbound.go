package sip

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"frontdesk/internal/fault"
	"frontdesk/signaling/sip/rtp"
)

// newRequest returns a request, outside of a dialog, to a user or number at a trunk's
// server, or to a SIP address by way of that server.
func (s *Server) newRequest(method sip.RequestMethod, to target, user, from string) *sip.Request {
	uri := *to.uri.Clone()
	uri.User = escapeUser(user)
	if strings.HasPrefix(user, "sip:") || strings.HasPrefix(user, "sips:") {
		uri = sip.Uri{}
		_ = sip.ParseUri(user, &uri) // dialplan.ParseNumber has checked it
	}
	r := sip.NewRequest(method, uri)
	r.SetTransport(strings.ToUpper(to.network))
	r.SetDestination(to.addr.String())
	if _, err := netip.ParseAddr(strings.Trim(to.uri.Host, "[]")); err != nil && to.network == "tls" {
		// The certificate has to hold the name.
		r.SetDestination(net.JoinHostPort(to.uri.Host, strconv.Itoa(int(to.addr.Port()))))
	}
	s.setLocalAddr(r)
	h := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: escapeUser(from), Host: to.uri.Host}, Params: sip.NewParams()}
	h.Params.Add("tag", sip.GenerateTagN(16))
	r.AppendHeader(h)
	r.AppendHeader(s.contact(to.network, to.addr.Addr()))
	r.AppendHeader(sip.NewHeader("Allow", allowedMethods))
	r.AppendHeader(sip.NewHeader("User-Agent", "Frontdesk"))
	return r
}

// placeOptions describe a call to place.
type placeOptions struct {
	trunk *Trunk
	to    string // telephone number or SIP address
	from  string // caller ID; "": the trunk's
	// onFailed is called once if the call fails, possibly after place returns, with the
	// billable duration.
	onFailed func(time.Duration)
}

// place makes a call and returns when it is answered, or when ctx ends. The error is a
// fault.Error; its cause is a sipgo.ErrDialogResponse if the other side refused.
func (s *Server) place(ctx context.Context, o placeOptions) (*call, error) {
	if err := s.waitReady(ctx); err != nil {
		o.onFailed(0)
		return nil, err
	}
	to, err := s.resolveTrunk(ctx, o.trunk)
	if err != nil {
		o.onFailed(0)
		return nil, err
	}
	return s.placeAtAny(ctx, o, to)
}

// placeAtAny tries the addresses of to in turn, until one takes or refuses the call (RFC
// 3263, 4.3).
func (s *Server) placeAtAny(ctx context.Context, o placeOptions, to target) (*call, error) {
	for {
		hasFailed := false
		attempt := o
		attempt.onFailed = func(lasted time.Duration) {
			if ctx.Err() == nil && lasted == 0 { // then placeAt has not returned yet
				hasFailed = true
				return
			}
			o.onFailed(lasted)
		}
		c, err := s.placeAt(ctx, attempt, to)
		if err == nil || !hasFailed {
			return c, err
		}
		var refused *sipgo.ErrDialogResponse
		isFinal := errors.As(err, &refused) && refused.Res.StatusCode != 503 || fault.From(err).Code != fault.Unavailable
		if isFinal || len(to.fallbacks) == 0 {
			o.onFailed(0)
			return nil, err
		}
		to.addr, to.fallbacks = to.fallbacks[0], to.fallbacks[1:]
	}
}

// placeAt makes a call at to.addr.
func (s *Server) placeAt(ctx context.Context, o placeOptions, to target) (*call, error) {
	leg, err := rtp.NewLeg(s.ports, s.localAddr(to.addr.Addr()))
	if err != nil {
		o.onFailed(0)
		return nil, err
	}
	if o.trunk.SRTP {
		leg.RequireSRTP()
	}
	c, err := s.invite(ctx, o, to, leg)
	if err != nil {
		leg.Close()
		return nil, err
	}
	return c, nil
}

// invite sends an INVITE, waits for its answer and starts the leg.
func (s *Server) invite(ctx context.Context, o placeOptions, to target, leg *rtp.Leg) (*call, error) {
	r := s.newRequest(sip.INVITE, to, o.to, cmp.Or(o.from, o.trunk.From, o.trunk.User))
	r.AppendHeader(sip.NewHeader("Supported", "timer"))
	r.AppendHeader(sip.NewHeader("Session-Expires", strconv.Itoa(int(defaultInterval.Seconds()))))
	r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	r.SetBody(leg.Offer(o.trunk.codecs))
	d, err := s.attempt(ctx, r, o, to)
	if err != nil {
		return nil, err
	}
	answered := time.Now()
	c := s.newOutgoingCall(d, o.trunk, to, leg)
	c.register() // before the ACK, because then they may send in-dialog requests
	ackCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	if err = d.Ack(ackCtx); err != nil {
		err = fault.Wrap(err, fault.Unavailable, "the telephone network cannot be reached")
	} else {
		leg.DiscardReceived()
		err = c.startWithAnswer(d.InviteResponse.Body())
	}
	if err == nil {
		return c, nil
	}
	c.hangUp()
	c.unregister()
	o.onFailed(time.Since(answered))
	return nil, err
}

// newOutgoingCall returns a call that the other side answered. leg may be nil for a call
// that is only hung up.
func (s *Server) newOutgoingCall(d *sipgo.DialogClientSession, t *Trunk, to target, leg *rtp.Leg) *call {
	r, res := d.InviteRequest, d.InviteResponse
	ourTag, _ := r.From().Params.Get("tag")
	theirTag, _ := res.To().Params.Get("tag")
	c := newCall(s, d, t, leg, peer{
		addr: to.addr.Addr(), source: to.addr.String(), network: r.Transport(), routes: res.GetHeaders("Record-Route"), allow: allowHeader(res),
	})
	c.id, c.target, c.timer = sip.DialogIDMake(r.CallID().Value(), ourTag, theirTag), r.Recipient, agreedTimer(res)
	if h := res.Contact(); h != nil {
		c.target = *h.Address.Clone()
	}
	return c
}

// explainFailure returns why an INVITE failed. ctx is the caller's.
func explainFailure(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*sipgo.ErrDialogResponse](err); ok {
		switch status := refused.Res.StatusCode; status {
		case 486, 600:
			return fault.Wrap(err, fault.Busy, "the line is busy")
		case 603, 403, 401, 407:
			return fault.Wrap(err, fault.Declined, "the call was declined")
		case 480, 408, 487:
			return fault.Wrap(err, fault.NoAnswer, "nobody answered")
		case 404, 410, 484, 604, 416:
			return fault.Wrap(err, fault.NotFound, "the number does not exist")
		case 488, 606, 415:
			return fault.Wrap(err, fault.Media, "no audio codec and transport in common")
		default:
			return fault.Wrap(err, fault.Unavailable, "the telephone network refused the call: %d %s", status, refused.Res.Reason)
		}
	}
	if ctx.Err() != nil {
		return fault.Wrap(err, fault.NoAnswer, "nobody answered")
	}
	return fault.Wrap(err, fault.Unavailable, "the telephone network does not answer")
}
