package sip

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/internal/fault"
)

const (
	resolveTime  = 3 * time.Second
	resolveAgain = 5 * time.Minute
	maxTargets   = 8 // of one name
)

// server is where a trunk's calls go out.
type server struct {
	uri     sip.Uri          // without a user
	network string           // udp, tcp, tls
	at      netip.AddrPort   // what its name stands for
	others  []netip.AddrPort // what it stands for, too, the better ones first
}

// find resolves a trunk's server (RFC 3263: an address or a port as it is, else the name's
// SRV records, else its addresses), and knows it from now on.
func (s *Server) findServer(ctx context.Context, t *Trunk) (server, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := resolve(ctx, t.Server, s.ways[0].network)
	if err != nil {
		return server{}, fault.Wrap(err, fault.Unavailable, "the server of %s cannot be found", t.Name)
	}
	s.knows(t, append(found.others, found.at))
	return found, nil
}

// knows takes the calls of addresses as those of a trunk's server, for as long as we run: a
// name may stand for one after the other, and we may be registered at any of them.
func (s *Server) knows(t *Trunk, addresses []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range addresses {
		s.servers[a.Addr()] = t
	}
}

// stayFound resolves a trunk's server again and again, until the server closes: names move.
func (s *Server) stayFound(t *Trunk) {
	for s.life.Err() == nil {
		if _, err := s.findServer(s.life, t); err != nil {
			s.o.Log.Warn("a trunk's server is not found", zap.String("trunk", t.Name), zap.Error(err))
		}
		select {
		case <-time.After(resolveAgain):
		case <-s.life.Done():
		}
	}
}

// parseServer reads host, host:port or sip:host:port;transport=tcp.
func parseServer(text, network string) (server, error) {
	var uri sip.Uri
	if !strings.HasPrefix(text, "sip:") && !strings.HasPrefix(text, "sips:") {
		text = "sip:" + text
	}
	if err := sip.ParseUri(text, &uri); err != nil || uri.Host == "" {
		return server{}, fault.New(fault.Invalid, "%q is not a server such as sip:pbx.example:5060;transport=tcp", text)
	}
	f := server{uri: uri, network: network}
	if over, ok := uri.UriParams.Get("transport"); ok {
		f.network = strings.ToLower(over)
	} else if strings.HasPrefix(text, "sips:") {
		f.network = "tls"
	}
	if f.network != "udp" && f.network != "tcp" && f.network != "tls" {
		return server{}, fault.New(fault.Invalid, "%q is no transport of SIP: udp, tcp and tls are", f.network)
	}
	return f, nil
}

func resolve(ctx context.Context, text, network string) (server, error) {
	f, err := parseServer(text, network)
	if err != nil {
		return server{}, err
	}
	host, port := strings.Trim(f.uri.Host, "[]"), f.uri.Port
	if ip, err := netip.ParseAddr(host); err == nil {
		f.at = netip.AddrPortFrom(ip.Unmap(), uint16(portOr(port, f.network)))
		return f, nil
	}
	targets := []net.SRV{{Target: host, Port: uint16(portOr(port, f.network))}}
	if port == 0 {
		service, proto := "sip", f.network
		if f.network == "tls" {
			service, proto = "sips", "tcp"
		}
		if _, records, err := net.DefaultResolver.LookupSRV(ctx, service, proto, host); err == nil && len(records) > 0 {
			targets = targets[:0]
			for _, r := range records[:min(len(records), maxTargets)] {
				targets = append(targets, *r)
			}
		}
	}
	var failed error
	for _, to := range targets {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(to.Target, "."))
		failed = errors.Join(failed, err)
		for _, ip := range ips {
			if at := netip.AddrPortFrom(ip.Unmap(), to.Port); f.at.IsValid() {
				f.others = append(f.others, at)
			} else {
				f.at = at
			}
		}
	}
	if !f.at.IsValid() {
		return server{}, failed
	}
	return f, nil
}

func portOr(port int, network string) int {
	switch {
	case port > 0:
		return port
	case network == "tls":
		return 5061
	}
	return 5060
}

// request makes a request to a trunk's server, or to whom it is to reach.
func (s *Server) request(method sip.RequestMethod, to server, user, from string) *sip.Request {
	uri := *to.uri.Clone()
	uri.User = escape(user)
	if strings.HasPrefix(user, "sip:") || strings.HasPrefix(user, "sips:") { // the trunk knows the way there
		uri = sip.Uri{}
		_ = sip.ParseUri(user, &uri) // number has seen to that
	}
	r := sip.NewRequest(method, uri)
	r.SetTransport(strings.ToUpper(to.network))
	r.SetDestination(to.at.String())
	if _, err := netip.ParseAddr(strings.Trim(to.uri.Host, "[]")); err != nil && to.network == "tls" {
		r.SetDestination(net.JoinHostPort(to.uri.Host, strconv.Itoa(int(to.at.Port())))) // whose name the certificate holds
	}
	s.sends(r)
	h := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: escape(from), Host: to.uri.Host}, Params: sip.NewParams()}
	h.Params.Add("tag", sip.GenerateTagN(16))
	r.AppendHeader(h)
	r.AppendHeader(s.contact(to.network, to.at.Addr()))
	r.AppendHeader(sip.NewHeader("Allow", allow))
	r.AppendHeader(sip.NewHeader("User-Agent", "Frontdesk"))
	return r
}

// ring calls to over a trunk and returns when it was answered. The error is a
// fault.Error whose cause is a sipgo.ErrDialogResponse where the other side refused;
// a ctx that ends gives up. lost is called once the call has come to nothing, which may be
// after ring has returned, with how long it lasted all the same.
func (s *Server) ring(ctx context.Context, t *Trunk, to, from string, lost func(time.Duration)) (*call, error) {
	at, err := s.findServer(ctx, t)
	if err != nil {
		lost(0)
		return nil, err
	}
	return s.reach(ctx, t, at, to, from, lost)
}

// reach calls over the first of a server's addresses that is there and takes calls (RFC 3263,
// 4.3).
func (s *Server) reach(ctx context.Context, t *Trunk, at server, to, from string, lost func(time.Duration)) (*call, error) {
	for {
		over := false
		var refused *sipgo.ErrDialogResponse
		c, err := s.ringAt(ctx, t, at, to, from, func(lasted time.Duration) {
			if ctx.Err() == nil && lasted == 0 { // else it may be called later
				over = true
				return
			}
			lost(lasted)
		})
		switch {
		case err == nil || !over:
			return c, err
		case errors.As(err, &refused) && refused.Res.StatusCode != 503, fault.From(err).Code != fault.Unavailable, len(at.others) == 0:
			lost(0)
			return nil, err
		}
		at.at, at.others = at.others[0], at.others[1:]
	}
}

// ringAt is ring at one address.
func (s *Server) ringAt(ctx context.Context, t *Trunk, at server, to, from string, lost func(time.Duration)) (*call, error) {
	l, err := newLeg(s.ports, s.local(at.at.Addr()))
	if err != nil {
		lost(0)
		return nil, err
	}
	if t.SRTP {
		l.local.crypto = newCrypto(1, bestSuite)
	}
	c, err := s.invited(ctx, t, at, l, to, from, lost)
	if err != nil {
		l.close()
		return nil, err
	}
	return c, nil
}

// invited sends the INVITE, and takes the answer.
func (s *Server) invited(ctx context.Context, t *Trunk, at server, l *leg, to, from string, lost func(time.Duration)) (*call, error) {
	if from == "" {
		from = t.From
	}
	if from == "" {
		from = t.User
	}
	r := s.request(sip.INVITE, at, to, from)
	r.AppendHeader(sip.NewHeader("Supported", "timer"))
	r.AppendHeader(sip.NewHeader("Session-Expires", strconv.Itoa(int(ourInterval.Seconds()))))
	r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	r.SetBody(l.local.offer(t.codecs, keysPT))
	d, err := s.attempt(ctx, r, t, at, lost)
	if err != nil {
		return nil, err
	}
	took := time.Now()
	c := s.dialled(d, t, at, l)
	c.enter() // before they hear that we know of their answer, and ask for more
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	err = d.Ack(end)
	if err != nil {
		err = fault.Wrap(err, fault.Unavailable, "the telephone network cannot be reached")
	} else if err = c.agree(d.InviteResponse); err == nil {
		return c, nil
	}
	c.hangUp()
	c.leave()
	lost(time.Since(took))
	return nil, err
}

// dialled is a call that was answered.
func (s *Server) dialled(d *sipgo.DialogClientSession, t *Trunk, at server, l *leg) *call {
	r, res := d.InviteRequest, d.InviteResponse
	ours, _ := r.From().Params.Get("tag")
	theirs, _ := res.To().Params.Get("tag")
	c := &call{
		server: s, dialog: d, id: sip.DialogIDMake(r.CallID().Value(), ours, theirs), leg: l, trunk: t,
		routes: res.GetHeaders("Record-Route"), peer: at.at.Addr(), source: at.at.String(),
		over: r.Transport(), target: r.Recipient, allows: allows(res), timer: agreed(res), ended: make(chan struct{}), left: make(chan struct{}),
		acked: make(map[uint32]chan struct{}),
	}
	if h := res.Contact(); h != nil {
		c.target = *h.Address.Clone()
	}
	return c
}

// agree starts the sound with the answer to our offer.
func (c *call) agree(res *sip.Response) error {
	c.leg.forget()
	theirs, err := parseAnswer(res.Body(), c.trunk.codecs)
	if err != nil {
		return err
	}
	if c.trunk.SRTP && theirs.crypto.suite == "" {
		return fault.New(fault.Media, "the other side does not encrypt")
	}
	return c.leg.start(theirs, c.peer)
}

// refusal says why nobody answered.
func refusal(ctx context.Context, err error) error {
	var res *sipgo.ErrDialogResponse
	if errors.As(err, &res) {
		status := res.Res.StatusCode
		switch {
		case status == 486 || status == 600:
			return fault.Wrap(err, fault.Busy, "the line is busy")
		case status == 603 || status == 403 || status == 401 || status == 407:
			return fault.Wrap(err, fault.Declined, "the call was declined")
		case status == 480 || status == 408 || status == 487:
			return fault.Wrap(err, fault.NoAnswer, "nobody answered")
		case status == 404 || status == 410 || status == 484 || status == 604 || status == 416:
			return fault.Wrap(err, fault.NotFound, "there is no such number")
		case status == 488 || status == 606 || status == 415:
			return fault.Wrap(err, fault.Media, "there is nothing to talk over that both sides share")
		}
		return fault.Wrap(err, fault.Unavailable, "the telephone network refused the call: %d %s", status, res.Res.Reason)
	}
	if ctx.Err() != nil {
		return fault.Wrap(err, fault.NoAnswer, "nobody answered")
	}
	return fault.Wrap(err, fault.Unavailable, "the telephone network does not answer")
}
