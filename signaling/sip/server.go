// Package sip answers and makes telephone calls over SIP (RFC 3261). It imports session,
// dialog, media, fault, and its own packages rtp (audio of a call) and dialplan (what may
// be dialed). sipgo parses messages and runs transactions and dialogs.
//
// A call comes in as an INVITE, is admitted by session as a *session.Call, and becomes a
// dialog.Line, over which the conversation runs. Server.Dial and Server.Ring make
// outbound calls.
package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/session"
	"frontdesk/signaling/sip/dialplan"
	"frontdesk/signaling/sip/rtp"
)

const (
	allowedMethods = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY"
	requestTimeout = 5 * time.Second  // for the response to an in-dialog request
	ackTimeout     = 32 * time.Second // for the ACK to our answer: 64*T1 (RFC 3261, 13.3.1.4)
	admitTimeout   = 8 * time.Second
	writeTimeout   = 5 * time.Second // to connect, and to write a message
	maxResponse    = 16 << 10        // bytes
)

// configureSipgo sets what sipgo offers only as package variables.
var configureSipgo = sync.OnceFunc(func() {
	sip.SetDefaultLogger(discardLog) // sipgo would log what any address sends
	// Large responses go over UDP, too: a response uses the transport of its request (RFC 3261, 18.2.2).
	sip.UDPMTUSize = maxResponse
})

var discardLog = slog.New(slog.DiscardHandler)

// Options configure a Server.
type Options struct {
	Listen   []string // udp://:5060, tcp://:5060, tls://:5061
	TLS      *tls.Config
	Trunks   []Trunk
	PublicIP netip.Addr // our address as others see it; the zero Addr means that of the network interface
	MinPort  int        // of RTP
	MaxPort  int
	Ledger   *dialplan.Ledger // nil disables outbound calls
	Log      *zap.Logger
}

// Admit admits an incoming call.
type Admit func(context.Context, session.Caller) (*session.Call, error)

// Server answers and makes telephone calls.
type Server struct {
	o        Options
	admit    Admit // nil refuses incoming calls
	auth     *authenticator
	ua       *sipgo.UserAgent
	server   *sipgo.Server
	client   *sipgo.Client
	sockets  []socket
	ports    *rtp.Ports
	meters   map[string]*dialplan.Meter // by trunk
	partial  partialMessages
	outgoing outgoingCalls

	mu         sync.Mutex
	calls      map[string]*call      // by dialog ID, our tag first
	senders    map[netip.Addr]int    // addresses outside of trunks that may send because of a call
	trunkAddrs map[netip.Addr]*Trunk // resolved addresses of the trunks' servers

	life    context.Context // ends when the server closes
	end     context.CancelFunc
	ready   chan struct{}  // closed when Serve can send requests
	running sync.WaitGroup // calls and registrations
	serving sync.WaitGroup
}

// New checks the options and opens the sockets. The server answers once Serve runs. Close
// must be called.
func New(o Options) (*Server, error) {
	configureSipgo()
	o.Trunks = slices.Clone(o.Trunks)
	s := &Server{
		o: o, auth: newAuthenticator(o.Trunks), ports: rtp.NewPorts(o.MinPort, o.MaxPort), meters: make(map[string]*dialplan.Meter),
		calls: make(map[string]*call), senders: make(map[netip.Addr]int), trunkAddrs: make(map[netip.Addr]*Trunk),
		ready: make(chan struct{}),
	}
	for i := range o.Trunks {
		t := &o.Trunks[i]
		var err error
		if t.codecs, err = rtp.FindCodecs(t.Codecs); err != nil {
			return nil, fmt.Errorf("trunk %s: %w", t.Name, err)
		}
		s.meters[t.Name] = dialplan.NewMeter(t.Name, t.Plan, o.Ledger)
	}
	s.life, s.end = context.WithCancel(context.Background())
	if err := errors.Join(s.openStack(), s.openSockets()); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openStack creates the sipgo objects.
func (s *Server) openStack() (err error) {
	s.ua, err = sipgo.NewUA(sipgo.WithUserAgent("Frontdesk"), sipgo.WithUserAgenTLSConfig(s.o.TLS),
		sipgo.WithUserAgentTransportLayerOptions(sip.WithTransportLayerReadFilter(s.filter), sip.WithTransportLayerLogger(discardLog),
			sip.WithTransportLayerTransports(sip.TransportsConfig{
				TCP: newTCPTransport(), TLS: &sip.TransportTLS{TransportTCP: newTCPTransport()},
			})),
		sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(discardLog)))
	if err != nil {
		return err
	}
	if s.server, err = sipgo.NewServer(s.ua, sipgo.WithServerLogger(discardLog)); err != nil {
		return err
	}
	s.client, err = sipgo.NewClient(s.ua, sipgo.WithClientHostname(s.localAddr(netip.Addr{}).String()),
		sipgo.WithClientNAT(), sipgo.WithClientLogger(discardLog))
	s.handleRequests()
	return err
}

// newTCPTransport returns a transport that does not wait forever to connect or write.
func newTCPTransport() *sip.TransportTCP {
	return &sip.TransportTCP{WriteTimeout: writeTimeout, DialerCreate: func(local net.Addr) net.Dialer {
		return net.Dialer{Timeout: writeTimeout, LocalAddr: local}
	}}
}

// handleRequests registers the handlers of requests.
func (s *Server) handleRequests() {
	s.server.OnInvite(s.requireKnown(s.handleInvite))
	s.server.OnAck(s.requireKnown(s.handleACK))
	s.server.OnBye(s.requireKnown(s.inDialog((*call).handleBye)))
	s.server.OnInfo(s.requireKnown(s.inDialog((*call).handleInfo)))
	s.server.OnUpdate(s.requireKnown(s.inDialog((*call).handleReoffer)))
	s.server.OnNotify(s.requireKnown(s.inDialog((*call).handleNotify)))
	// sipgo itself handles a CANCEL that matches a transaction.
	s.server.OnCancel(s.requireKnown(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) { respondNoCall(r, tx) }))
	s.server.OnOptions(s.requireKnown(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		res := withAllow(sip.NewResponseFromRequest(r, 200, "OK", nil))
		res.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		_ = tx.Respond(res)
	}))
	s.server.OnNoRoute(s.requireKnown(func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		if tx != nil {
			_ = tx.Respond(withAllow(sip.NewResponseFromRequest(r, 405, "Method Not Allowed", nil)))
		}
	}))
}

func withAllow(r *sip.Response) *sip.Response {
	r.AppendHeader(sip.NewHeader("Allow", allowedMethods))
	return r
}

func respondNoCall(r *sip.Request, tx sip.ServerTransaction) {
	_ = tx.Respond(sip.NewResponseFromRequest(r, 481, "Call/Transaction Does Not Exist", nil))
}

// Serve answers calls, and registers at the trunks with Register, until ctx ends or Close is
// called. Then it ends the calls and closes the server. A nil admit refuses incoming calls.
// Serve must be called at most once.
func (s *Server) Serve(ctx context.Context, admit Admit) {
	var reading sync.WaitGroup
	if !s.start(admit, &reading) {
		return
	}
	defer s.serving.Done()
	select {
	case <-ctx.Done():
	case <-s.life.Done():
	}
	s.shutDown()
	reading.Wait()
}

// start starts to read the sockets, and to register. It returns false after Close.
func (s *Server) start(admit Admit, reading *sync.WaitGroup) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.serving.Add(1)
	s.admit = admit
	var opening sync.WaitGroup
	for _, socket := range s.sockets {
		opening.Add(1)
		reading.Go(func() { socket.serve(s.server, sync.OnceFunc(opening.Done)) })
	}
	opening.Wait()
	close(s.ready)
	for i := range s.o.Trunks {
		switch t := &s.o.Trunks[i]; {
		case t.Register:
			s.running.Go(func() { s.keepRegistered(t) })
		case t.Server != "":
			s.running.Go(func() { s.keepResolved(t) })
		}
	}
	return true
}

// Close ends the calls, closes the sockets and waits for Serve to return.
func (s *Server) Close() {
	s.shutDown()
	s.serving.Wait()
}

// addRunning adds a call that shutDown waits for. It returns false when the server is
// stopping: a WaitGroup must not grow while it is waited for.
func (s *Server) addRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life.Err() != nil {
		return false
	}
	s.running.Add(1)
	return true
}

// shutDown ends the calls and closes the sockets. It may be called more than once.
func (s *Server) shutDown() {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.running.Wait()
	if s.server != nil {
		_ = s.server.Close()
	}
	if s.ua != nil {
		_ = s.ua.Close()
	}
	for _, socket := range s.sockets {
		_ = socket.Close()
	}
}

// waitReady waits until requests can be sent. The error is Unavailable.
func (s *Server) waitReady(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-s.life.Done():
	case <-ctx.Done():
	}
	return errStopping()
}

// inDialog returns a handler of requests that belong to a call.
func (s *Server) inDialog(handle func(*call, *sip.Request, sip.ServerTransaction)) requestHandler {
	return func(_ *Trunk, r *sip.Request, tx sip.ServerTransaction) {
		c := s.findCall(r)
		switch {
		case c == nil:
			respondNoCall(r, tx)
		case !c.checkCSeq(r):
			_ = tx.Respond(sip.NewResponseFromRequest(r, 500, "Lower CSeq", nil))
		default:
			handle(c, r, tx)
		}
	}
}

// findCall returns the call that a request belongs to, or nil. The To header names us,
// whoever made the call.
func (s *Server) findCall(r *sip.Request) *call {
	id, err := sip.DialogIDFromRequestUAS(r)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}
