// Package webrtc is a caller's line over WebRTC: an SDP offer comes in, an answer
// and a Peer go out. A Peer carries the caller's voice as a media.Source, the
// agent's as a media.Sink, and messages on the data channel "oai-events". All
// peers share one UDP socket and one TCP listener. It imports media and fault; it
// knows nothing of what the messages mean.
package webrtc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
	"go.uber.org/zap"

	"frontdesk/media"
)

const (
	setupTime    = 15 * time.Second // for ICE, DTLS and the data channel, after the answer
	silentTime   = 4 * time.Second  // without a packet before a connection counts as disturbed
	lostTime     = 2 * time.Second  // disturbed before it counts as lost
	keepAlive    = time.Second      // between our checks of a quiet connection
	gatherTime   = 5 * time.Second
	firstSTUN    = 5 * time.Second // for a TCP connection to prove that it is ICE
	tcpReadQueue = 64              // packets a TCP connection may bring before they are read
	tcpUnsent    = 64 << 10        // bytes a TCP connection may be behind; then packets are dropped
)

// Options is what a Transport needs. It takes ownership of UDP and TCP.
type Options struct {
	UDP net.PacketConn // the socket of all media
	TCP net.Listener   // ICE over TCP (RFC 6544); nil offers none
	// PublicIPs are told to callers in place of the machine's own addresses, as behind
	// a one-to-one NAT. Without them every address of the machine is told, the
	// loopback one too, so that calls work on a machine without a network.
	PublicIPs []string
	Log       *zap.Logger
}

// Transport answers offers. One serves a process. Safe for concurrent use.
type Transport struct {
	api    *webrtc.API
	config webrtc.Configuration
	udp    ice.UDPMux
	tcp    ice.TCPMux
	log    *zap.Logger
	spoken *media.OpusCache

	mu     sync.Mutex
	closed bool
	peers  map[*Peer]struct{}
	work   sync.WaitGroup // what the peers started
}

// New makes a transport over the sockets of o.
func New(o Options) (*Transport, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	codecs, err := codecs()
	if err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	reports := &interceptor.Registry{}
	if err := webrtc.ConfigureRTCPReports(reports); err != nil {
		return nil, fmt.Errorf("configure RTCP: %w", err)
	}
	t := &Transport{
		config: webrtc.Configuration{
			Certificates: []webrtc.Certificate{*certificate},
			BundlePolicy: webrtc.BundlePolicyMaxBundle,
		},
		log:    o.Log,
		spoken: media.NewOpusCache(),
		peers:  make(map[*Peer]struct{}),
	}
	t.api = webrtc.NewAPI(
		webrtc.WithMediaEngine(codecs),
		webrtc.WithInterceptorRegistry(reports),
		webrtc.WithSettingEngine(t.settings(o)),
	)
	return t, nil
}

func (t *Transport) settings(o Options) webrtc.SettingEngine {
	logs := pionLogs{o.Log}
	s := webrtc.SettingEngine{LoggerFactory: logs}
	t.udp = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: o.UDP, Logger: logs.NewLogger("udp")})
	s.SetICEUDPMux(t.udp)
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	if o.TCP != nil {
		t.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener:                     o.TCP,
			Logger:                       logs.NewLogger("tcp"),
			ReadBufferSize:               tcpReadQueue,
			WriteBufferSize:              tcpUnsent,
			FirstStunBindTimeout:         firstSTUN,
			AliveDurationForConnFromStun: firstSTUN,
		})
		s.SetICETCPMux(t.tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.DisableActiveTCP(true)
	// A caller's own mDNS candidate names nothing we could reach: its checks reach us
	// first and make a peer-reflexive candidate.
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if len(o.PublicIPs) > 0 {
		_ = s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: o.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost,
		})
	} else {
		s.SetIncludeLoopbackCandidate(true)
	}
	s.SetICETimeouts(silentTime, lostTime, keepAlive)
	s.DetachDataChannels()
	s.SetSCTPMaxMessageSize(MaxMessage)
	s.SetSCTPMaxReceiveBufferSize(2 * MaxMessage)
	return s
}

// Close ends all peers, waits for them and closes the sockets.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	peers := slices.Collect(maps.Keys(t.peers))
	t.mu.Unlock()
	for _, p := range peers {
		p.finish(ErrClosed)
	}
	t.work.Wait()
	if t.tcp != nil {
		_ = t.tcp.Close()
	}
	return t.udp.Close()
}
