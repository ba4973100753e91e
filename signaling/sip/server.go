// Package sip is the telephone: calls from and to trunks and phones over SIP (RFC 3261)
// with RTP. It imports session, dialog, media and fault, and sipgo for the signalling;
// what is said over the line is dialog's.
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
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/session"
)

const (
	allow       = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"
	requestTime = 5 * time.Second  // for a request within a call to be answered
	ackTime     = 32 * time.Second // for the caller to confirm our answer: 64*T1 (RFC 3261, 13.3.1.4)
	admitTime   = 8 * time.Second
	writeTime   = 5 * time.Second // for a connection to be made, or to take a message
)

func init() {
	// What strangers send is not worth a line of sipgo's, which has one logger for all.
	sip.SetDefaultLogger(quiet)
	// Answers go the way their questions came, however long they are (RFC 3261, 18.2.2).
	sip.UDPMTUSize = maxAnswer
}

const maxAnswer = 16 << 10 // bytes

var quiet = slog.New(slog.DiscardHandler)

// Options is what a Server needs.
type Options struct {
	Listen   []string // udp://:5060, tcp://:5060, tls://:5061
	TLS      *tls.Config
	Trunks   []Trunk
	PublicIP netip.Addr // told to the other side; the zero Addr: the one it is reached from
	MinPort  int        // of RTP, even
	MaxPort  int
	Admit    func(context.Context, session.Caller) (*session.Call, error)
	Ledger   *Ledger // counts calls that go out; nil: none do
	Log      *zap.Logger
}

// Server answers the telephone, and dials.
type Server struct {
	o       Options
	door    door
	ua      *sipgo.UserAgent
	server  *sipgo.Server
	client  *sipgo.Client
	ways    []way
	ports   *ports
	meters  map[string]*meter // by trunk
	sockets []io.Closer

	mu       sync.Mutex
	pieces   pieces                // of messages, by connection
	calls    map[string]*call      // by dialog, our tag first
	guests   map[netip.Addr]int    // who is on no trunk, but in a call
	servers  map[netip.Addr]*Trunk // of trunks, as their names were resolved
	outgoing outgoing
	running  sync.WaitGroup
	life     context.Context
	end      context.CancelFunc
	work     sync.WaitGroup
}

// way is one address we are reached at.
type way struct {
	network string // udp, tcp, tls
	local   net.Addr
	port    int
}

// New opens the sockets and answers from now on. Close must be called.
func New(o Options) (*Server, error) {
	s := &Server{
		o: o, door: newDoor(o.Trunks), ports: newPorts(o.MinPort, o.MaxPort),
		calls: make(map[string]*call), guests: make(map[netip.Addr]int),
		servers: make(map[netip.Addr]*Trunk), meters: make(map[string]*meter), outgoing: outgoing{calls: make(map[string]*placed)},
	}
	s.o.Trunks = append([]Trunk(nil), o.Trunks...)
	for i := range s.o.Trunks {
		t := &s.o.Trunks[i]
		var err error
		if t.codecs, err = findCodecs(t.Codecs); err != nil {
			return nil, fmt.Errorf("trunk %s: %w", t.Name, err)
		}
		s.meters[t.Name] = newMeter(t.Name, t.Plan, o.Ledger)
	}
	s.life, s.end = context.WithCancel(context.Background())
	var err error
	s.ua, err = sipgo.NewUA(sipgo.WithUserAgent("Frontdesk"), sipgo.WithUserAgenTLSConfig(o.TLS),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerReadFilter(s.filter), sip.WithTransportLayerLogger(quiet),
			sip.WithTransportLayerTransports(sip.TransportsConfig{
				TCP: connections(), TLS: &sip.TransportTLS{TransportTCP: connections()},
			})),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)))
	if err != nil {
		return nil, err
	}
	if s.server, err = sipgo.NewServer(s.ua, sipgo.WithServerLogger(quiet)); err != nil {
		return nil, errors.Join(err, s.ua.Close())
	}
	s.route()
	if err := s.listen(); err != nil {
		s.Close()
		return nil, err
	}
	for i := range s.o.Trunks {
		switch t := &s.o.Trunks[i]; {
		case t.Register:
			s.work.Go(func() { s.stayRegistered(t) })
		case t.Server != "": // whose calls are taken
			s.work.Go(func() { s.stayFound(t) })
		}
	}
	return s, nil
}

// connections are TCP's, on which nothing waits for ever.
func connections() *sip.TransportTCP {
	return &sip.TransportTCP{WriteTimeout: writeTime, DialerCreate: func(local net.Addr) net.Dialer {
		return net.Dialer{Timeout: writeTime, LocalAddr: local}
	}}
}

func (s *Server) route() {
	s.server.OnInvite(s.known(s.invite))
	s.server.OnAck(s.known(s.ack))
	s.server.OnBye(s.known(s.within(func(c *call, r *sip.Request, tx sip.ServerTransaction) { c.bye(r, tx) })))
	s.server.OnInfo(s.known(s.within((*call).info)))
	s.server.OnUpdate(s.known(s.within((*call).again)))
	s.server.OnNotify(s.known(s.within((*call).notify)))
	s.server.OnCancel(s.known(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) { // of no call; sipgo knows those of calls
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
	}))
	s.server.OnOptions(s.known(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		res := allowed(sip.NewResponseFromRequest(r, 200, "OK", nil))
		res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		_ = tx.Respond(res)
	}))
	s.server.OnNoRoute(s.known(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		if tx != nil {
			_ = tx.Respond(allowed(sip.NewResponseFromRequest(r, 405, "Method Not Allowed", nil)))
		}
	}))
}

func allowed(r *sip.Response) *sip.Response {
	r.AppendHeader(sip.NewHeader("Allow", allow))
	return r
}

// listen opens every socket. The first one's address is where others answer to.
func (s *Server) listen() error {
	var serving []func() error
	for _, url := range s.o.Listen {
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
			l = doorman{l, s}
			serve = func() error { return s.server.ServeTCP(l) }
			if network == "tls" {
				l = tls.NewListener(l, s.o.TLS)
				serve = func() error { return s.server.ServeTLS(l) }
			}
		default:
			return fmt.Errorf("%q is no address such as udp://:5060", url)
		}
		s.ways = append(s.ways, way{network: network, local: local, port: portOf(local)})
		serving = append(serving, serve)
	}
	var err error
	s.client, err = sipgo.NewClient(s.ua, sipgo.WithClientHostname(s.local(netip.Addr{}).String()),
		sipgo.WithClientNAT(), sipgo.WithClientLogger(quiet))
	if err != nil {
		return err
	}
	for _, serve := range serving {
		s.work.Go(func() { _ = serve() }) // it ends with its socket
	}
	return s.ready()
}

// ready waits until sipgo knows every UDP socket: what leaves before would need one of
// its own.
func (s *Server) ready() error {
	sockets := 0
	for _, w := range s.ways {
		if w.network == "udp" {
			sockets++
		}
	}
	for deadline := time.Now().Add(requestTime); s.ua.TransportLayer().Pool("udp").Size() < sockets; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			return errors.New("listen for calls: the sockets do not open")
		}
	}
	return nil
}

func portOf(a net.Addr) int {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.Port
	case *net.TCPAddr:
		return a.Port
	}
	return 0
}

// way is how we are reached over a network, or else the first way there is.
func (s *Server) way(network string) way {
	for _, w := range s.ways {
		if w.network == strings.ToLower(network) {
			return w
		}
	}
	return s.ways[0]
}

// contact is where somebody there finds us over a network.
func (s *Server) contact(network string, there netip.Addr) *sip.ContactHeader {
	w := s.way(network)
	uri := sip.Uri{Scheme: "sip", User: "frontdesk", Host: hostOf(s.local(there)), Port: w.port}
	if w.network != "udp" {
		uri.UriParams = sip.NewParams()
		uri.UriParams.Add("transport", w.network)
	}
	return &sip.ContactHeader{Address: uri}
}

// sends has r leave by the socket we are reached at, where its network has one.
func (s *Server) sends(r *sip.Request) {
	for _, w := range s.ways {
		if a, ok := w.local.(*net.UDPAddr); ok && strings.EqualFold(r.Transport(), "UDP") {
			r.Laddr = sip.Addr{IP: a.IP, Port: a.Port}
			return
		}
	}
}

// isConnected reports whether there is a connection to an address.
func (s *Server) isConnected(network, address string) bool {
	c, err := s.ua.TransportLayer().GetConnection(network, address)
	if err == nil {
		_, _ = c.TryClose()
	}
	return err == nil
}

// hostOf is an address as URIs have it.
func hostOf(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// local is our address as somebody there sees it.
func (s *Server) local(there netip.Addr) netip.Addr {
	if s.o.PublicIP.IsValid() {
		return s.o.PublicIP
	}
	if !there.IsValid() {
		there = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // nobody's: what the way out would be
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(there, 9).String()) // sends nothing
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// Close ends the calls and gives the sockets back.
func (s *Server) Close() {
	s.end()
	s.running.Wait()
	_ = s.server.Close()
	_ = s.ua.Close()
	for _, c := range s.sockets {
		_ = c.Close()
	}
	s.work.Wait()
}

// within handles requests within a call.
func (s *Server) within(handle func(*call, *sip.Request, sip.ServerTransaction)) func(*Trunk, *sip.Request, sip.ServerTransaction) {
	return func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		if c := s.find(r); c != nil {
			if !c.inOrder(r) {
				_ = tx.Respond(sip.NewResponseFromRequest(r, 500, "Lower CSeq", nil))
				return
			}
			handle(c, r, tx)
			return
		}
		_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
	}
}

// find finds the call a request is part of, or nil. To is us in it, whoever dialled.
func (s *Server) find(r *sip.Request) *call {
	id, err := sip.DialogIDFromRequestUAS(r)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}
