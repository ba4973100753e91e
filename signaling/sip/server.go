// Package sip is the telephone: calls from trunks and phones over SIP (RFC 3261) with
// RTP. It imports session, dialog, media and fault, and sipgo for the signalling; what is
// said over the line is dialog's.
package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/fault"
	"frontdesk/session"
)

const (
	allow     = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO"
	byeTime   = 5 * time.Second
	ackTime   = 32 * time.Second // for the caller to confirm our answer: 64*T1 (RFC 3261, 13.3.1.4)
	admitTime = 8 * time.Second
)

// Trunk is who may call from where, and who answers them.
type Trunk struct {
	Name  string
	Allow []netip.Prefix // networks whose calls are taken
	Agent string         // "": the agent whose name is called
}

// Options is what a Server needs.
type Options struct {
	Listen   []string // udp://:5060, tcp://:5060, tls://:5061
	TLS      *tls.Config
	Trunks   []Trunk
	PublicIP netip.Addr // told to callers; the zero Addr: the one they are reached from
	MinPort  int        // of RTP, even
	MaxPort  int
	Admit    func(context.Context, session.Caller) (*session.Call, error)
	Log      *zap.Logger
}

// Server answers the telephone.
type Server struct {
	o       Options
	ua      *sipgo.UserAgent
	server  *sipgo.Server
	dialogs *sipgo.DialogServerCache
	port    int // of SIP, and how, as callers are told
	over    string
	ports   *ports
	sockets []io.Closer

	mu    sync.Mutex
	legs  map[string]*leg // by dialog
	calls sync.WaitGroup
	life  context.Context
	end   context.CancelFunc
	work  sync.WaitGroup
}

// New opens the sockets and answers from now on. Close must be called.
func New(o Options) (*Server, error) {
	quiet := slog.New(slog.DiscardHandler) // what strangers send is not worth a line
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("Frontdesk"))
	if err != nil {
		return nil, err
	}
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, errors.Join(err, ua.Close())
	}
	s := &Server{o: o, ua: ua, server: server, ports: newPorts(o.MinPort, o.MaxPort), legs: make(map[string]*leg)}
	s.life, s.end = context.WithCancel(context.Background())
	server.OnInvite(s.known(s.invite))
	server.OnAck(s.known(func(r *sip.Request, tx sip.ServerTransaction) { _ = s.dialogs.ReadAck(r, tx) }))
	server.OnBye(s.known(s.bye))
	server.OnOptions(s.known(s.options))
	server.OnInfo(s.known(s.info))
	server.OnNoRoute(s.known(func(r *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(allowed(sip.NewResponseFromRequest(r, 405, "Method Not Allowed", nil)))
	}))
	if err := s.listen(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// listen opens every socket. The first one's address is where callers answer to.
func (s *Server) listen() error {
	for i, url := range s.o.Listen {
		network, address, _ := strings.Cut(url, "://")
		var serve func() error
		var local net.Addr
		switch network {
		case "udp":
			c, err := net.ListenPacket("udp", address)
			if err != nil {
				return fmt.Errorf("listen for calls: %w", err)
			}
			s.sockets = append(s.sockets, c)
			local, serve = c.LocalAddr(), func() error { return s.server.ServeUDP(c) }
		case "tcp", "tls":
			l, err := net.Listen("tcp", address)
			if err != nil {
				return fmt.Errorf("listen for calls: %w", err)
			}
			s.sockets = append(s.sockets, l)
			local = l.Addr()
			serve = func() error { return s.server.ServeTCP(l) }
			if network == "tls" {
				l = tls.NewListener(l, s.o.TLS)
				serve = func() error { return s.server.ServeTLS(l) }
			}
		default:
			return fmt.Errorf("%q is no address such as udp://:5060", url)
		}
		if i == 0 {
			if err := s.contact(local, network); err != nil {
				return err
			}
		}
		s.work.Go(func() { _ = serve() }) // it ends with its socket
	}
	return nil
}

// contact makes what we are reached at.
func (s *Server) contact(local net.Addr, network string) error {
	_, text, err := net.SplitHostPort(local.String())
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	s.port, s.over = port, network
	host := s.local(netip.Addr{}).String()
	client, err := sipgo.NewClient(s.ua, sipgo.WithClientHostname(host), sipgo.WithClientPort(port), sipgo.WithClientLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return err
	}
	s.dialogs = sipgo.NewDialogServerCache(client, *s.reached(netip.Addr{}))
	return nil
}

// reached is where a caller there finds us.
func (s *Server) reached(caller netip.Addr) *sip.ContactHeader {
	uri := sip.Uri{Scheme: "sip", User: "frontdesk", Host: s.local(caller).String(), Port: s.port}
	if s.over != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", s.over)
	}
	return &sip.ContactHeader{Address: uri}
}

// local is our address as a caller there sees it.
func (s *Server) local(caller netip.Addr) netip.Addr {
	if s.o.PublicIP.IsValid() {
		return s.o.PublicIP
	}
	if !caller.IsValid() {
		caller = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // nobody's: what the way out would be
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(caller, 9).String()) // sends nothing
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// Close ends the calls and gives the sockets back.
func (s *Server) Close() {
	s.end()
	s.calls.Wait()
	_ = s.server.Close()
	_ = s.ua.Close()
	for _, c := range s.sockets {
		_ = c.Close()
	}
	s.work.Wait()
}

// known lets only those who are on a trunk be answered at all: a scanner gets nothing.
func (s *Server) known(handle sipgo.RequestHandler) sipgo.RequestHandler {
	return func(r *sip.Request, tx sip.ServerTransaction) {
		if _, ok := s.trunk(r); ok {
			handle(r, tx)
		} else if tx != nil {
			tx.Terminate()
		}
	}
}

// trunk finds who sent a request.
func (s *Server) trunk(r *sip.Request) (Trunk, bool) {
	from, err := source(r)
	if err != nil {
		return Trunk{}, false
	}
	for _, t := range s.o.Trunks {
		for _, p := range t.Allow {
			if p.Contains(from) {
				return t, true
			}
		}
	}
	return Trunk{}, false
}

func source(r *sip.Request) (netip.Addr, error) {
	a, err := netip.ParseAddrPort(r.Source())
	return a.Addr().Unmap(), err
}

func allowed(r *sip.Response) *sip.Response {
	r.AppendHeader(sip.NewHeader("Allow", allow))
	return r
}

func (s *Server) options(r *sip.Request, tx sip.ServerTransaction) {
	res := allowed(sip.NewResponseFromRequest(r, 200, "OK", nil))
	res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
	_ = tx.Respond(res)
}

func (s *Server) bye(r *sip.Request, tx sip.ServerTransaction) {
	if s.dialogs.ReadBye(r, tx) != nil {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
	}
}

// info takes keys from telephones that send them beside the sound
// (application/dtmf-relay).
func (s *Server) info(r *sip.Request, tx sip.ServerTransaction) {
	d, err := s.dialogs.MatchDialogRequest(r)
	if err != nil {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
		return
	}
	s.mu.Lock()
	l := s.legs[d.ID]
	s.mu.Unlock()
	if key, ok := relayed(r.Body()); ok && l != nil {
		select {
		case l.keys.Pressed <- key:
		default:
		}
	}
	_ = tx.Respond(sip.NewResponseFromRequest(r, 200, "OK", nil))
}

// relayed reads "Signal=5".
func relayed(body []byte) (byte, bool) {
	if len(body) > 256 {
		return 0, false
	}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(line, "=")
		value = strings.ToUpper(strings.TrimSpace(value))
		if strings.EqualFold(strings.TrimSpace(name), "signal") && len(value) == 1 && strings.Contains("0123456789*#ABCD", value) {
			return value[0], true
		}
	}
	return 0, false
}

// invite answers a call, or another offer within one.
func (s *Server) invite(r *sip.Request, tx sip.ServerTransaction) {
	if to := r.To(); to != nil && to.Params.Has("tag") {
		s.again(r, tx)
		return
	}
	call, status, err := s.answer(r, tx)
	if err != nil {
		f := fault.From(err)
		s.o.Log.Info("telephone call refused", zap.Int("status", status), zap.String("code", string(f.Code)), zap.Error(err))
		res := sip.NewResponseFromRequest(r, status, f.Message, nil)
		if f.Retry && f.After > 0 {
			res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(int((f.After+time.Second-1)/time.Second))))
		}
		_ = tx.Respond(res)
		return
	}
	s.calls.Add(1)
	defer s.calls.Done()
	call.hold(s.life)
}

// again answers a re-INVITE: the caller holds, resumes, or refreshes the session.
func (s *Server) again(r *sip.Request, tx sip.ServerTransaction) {
	d, err := s.dialogs.MatchDialogRequest(r)
	s.mu.Lock()
	var l *leg
	if err == nil {
		l = s.legs[d.ID]
	}
	s.mu.Unlock()
	if l == nil {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
		return
	}
	o, err := parseOffer(r.Body())
	if err != nil || o.codec.name != l.codec.name {
		_ = tx.Respond(sip.NewResponseFromRequest(r, 488, "Not Acceptable Here", nil))
		return
	}
	l.alter(o)
	res := sip.NewSDPResponseFromRequest(r, o.answer(l.address, l.id, int(r.CSeq().SeqNo)))
	if from, err := source(r); err == nil {
		res.AppendHeader(s.reached(from))
	}
	_ = tx.Respond(res)
}

// call is a telephone call under way.
type call struct {
	server *Server
	dialog *sipgo.DialogServerSession
	desk   *session.Call
	leg    *leg
	tx     sip.ServerTransaction
	from   netip.Addr
	sdp    []byte
}

// answer admits a call. The status is what to refuse it with.
func (s *Server) answer(r *sip.Request, tx sip.ServerTransaction) (*call, int, error) {
	trunk, _ := s.trunk(r)
	from, err := source(r)
	if err != nil {
		return nil, 400, fault.Wrap(err, fault.Invalid, "Bad Request")
	}
	o, err := parseOffer(r.Body())
	switch {
	case err != nil && fault.From(err).Code == fault.Media:
		return nil, 488, err
	case err != nil:
		return nil, 400, err
	}
	who := session.Caller{Agent: trunk.Agent, Transport: "sip", Address: from.String(), Request: r.CallID().Value()}
	if who.Agent == "" {
		who.Agent = strings.ToLower(r.Recipient.User)
	}
	ctx, cancel := context.WithTimeout(s.life, admitTime)
	defer cancel()
	desk, err := s.o.Admit(ctx, who)
	if err != nil {
		return nil, statusOf(err), err
	}
	conn, err := s.ports.open()
	if err != nil {
		desk.Close()
		return nil, 503, err
	}
	l := newLeg(conn, o, from)
	l.id = newSessionID()
	l.address = netip.AddrPortFrom(s.local(from), conn.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	d, err := s.dialogs.ReadInvite(r, tx)
	if err != nil {
		l.close()
		desk.Close()
		return nil, 400, fault.Wrap(err, fault.Invalid, "Bad Request")
	}
	return &call{server: s, dialog: d, desk: desk, leg: l, tx: tx, from: from, sdp: o.answer(l.address, l.id, 1)}, 0, nil
}

// statusOf is what SIP calls an error.
func statusOf(err error) int {
	switch fault.From(err).Code {
	case fault.NotFound:
		return 404
	case fault.Forbidden, fault.Unauthorized:
		return 403
	case fault.Limited, fault.Unavailable, fault.Timeout, fault.Storage:
		return 503
	}
	return 500
}

// hold answers and holds the conversation, until either side hangs up or life ends.
func (c *call) hold(life context.Context) {
	s := c.server
	defer c.leg.close()
	defer c.dialog.Close()
	s.mu.Lock()
	s.legs[c.dialog.ID] = c.leg
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.legs, c.dialog.ID)
		s.mu.Unlock()
	}()
	if err := c.confirm(); err != nil {
		s.o.Log.Info("telephone call not confirmed", zap.Error(err))
		c.desk.Close()
		return
	}
	ctx, cancel := context.WithCancelCause(life)
	defer cancel(nil)
	inputs := make(chan dialog.Heard)
	var work sync.WaitGroup
	work.Go(func() {
		if err := c.leg.read(); err != nil {
			cancel(err)
		}
	})
	over := make(chan struct{})
	work.Go(func() { c.listen(inputs, over) })
	c.desk.Run(ctx, dialog.Line{Inputs: inputs, Source: c.leg.receiver, Sink: c.leg, Tell: func(dialog.Event) {}})
	close(over)
	c.leg.close()
	work.Wait()
	bye, done := context.WithTimeout(context.Background(), byeTime)
	defer done()
	_ = c.dialog.Bye(bye) // who has hung up needs none
}

// confirm answers and waits for the caller's ACK.
func (c *call) confirm() error {
	res := sip.NewSDPResponseFromRequest(c.dialog.InviteRequest, c.sdp)
	res.AppendHeader(c.server.reached(c.from))
	allowed(res)
	late := time.AfterFunc(ackTime, c.tx.Terminate)
	defer late.Stop()
	return c.dialog.WriteResponse(res)
}

// listen hands on keys, and that the caller has hung up by closing inputs.
func (c *call) listen(inputs chan<- dialog.Heard, over <-chan struct{}) {
	defer close(inputs)
	for {
		select {
		case key := <-c.leg.keys.Pressed:
			select {
			case inputs <- dialog.Heard{Kind: dialog.Digit, Text: string(key), At: time.Now()}:
			case <-over:
				return
			}
		case <-c.dialog.Context().Done():
			return
		case <-over:
			return
		}
	}
}
