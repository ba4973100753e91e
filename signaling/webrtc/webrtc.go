// Package webrtc connects callers over WebRTC. Transport.Answer takes an SDP offer and
// returns a Peer and the SDP answer. A Peer carries the caller's audio as a media.Source,
// the agent's audio as a media.Sink, and messages on the data channel "oai-events", whose
// content this package does not interpret. All peers share one UDP socket and one TCP
// listener. It imports media and internal/fault.
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
	setupTimeout        = 15 * time.Second // for ICE, DTLS and the data channel, after the answer
	disconnectedTimeout = 4 * time.Second  // without a packet, after which ICE is disconnected
	failedTimeout       = 2 * time.Second  // disconnected, after which the connection is lost
	keepAliveInterval   = time.Second      // between ICE checks of an idle connection
	gatherTimeout       = 5 * time.Second
	firstSTUNTimeout    = 5 * time.Second // for a TCP connection's first STUN message
	tcpReadQueue        = 64              // unread packets of a TCP connection
	tcpWriteBuffer      = 64 << 10        // unsent bytes of a TCP connection; further packets are dropped
)

// Options is what a Transport needs. It takes ownership of UDP and TCP.
type Options struct {
	UDP net.PacketConn // carries the media of all peers
	TCP net.Listener   // for ICE over TCP (RFC 6544); nil disables it
	// PublicIPs are offered as candidates in place of the machine's own addresses, for a
	// server behind a one-to-one NAT. If empty, every address of the machine is offered,
	// including loopback, so that calls work on a machine without a network.
	PublicIPs []string
	Log       *zap.Logger
}

// Transport answers SDP offers. One serves a process. Safe for concurrent use.
type Transport struct {
	api    *webrtc.API
	config webrtc.Configuration
	udp    ice.UDPMux
	tcp    ice.TCPMux
	log    *zap.Logger
	cache  *media.OpusCache // encoded clips, shared by all peers

	mu     sync.Mutex
	closed bool
	peers  map[*Peer]struct{}
	work   sync.WaitGroup // goroutines of the peers
}

// New makes a transport over the sockets of o.
func New(o Options) (*Transport, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("generate a certificate: %w", err)
	}
	codecs, err := newMediaEngine()
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
		log:   o.Log,
		cache: media.NewOpusCache(),
		peers: make(map[*Peer]struct{}),
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
			WriteBufferSize:              tcpWriteBuffer,
			FirstStunBindTimeout:         firstSTUNTimeout,
			AliveDurationForConnFromStun: firstSTUNTimeout,
		})
		s.SetICETCPMux(t.tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(networks)
	s.DisableActiveTCP(true)
	// Callers' mDNS names cannot be resolved here. It does not matter: their checks arrive
	// anyway and create peer-reflexive candidates.
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if len(o.PublicIPs) > 0 {
		_ = s.SetICEAddressRewriteRules(webrtc.ICEAddressRewriteRule{
			External: o.PublicIPs, AsCandidateType: webrtc.ICECandidateTypeHost,
		})
	} else {
		s.SetIncludeLoopbackCandidate(true)
	}
	s.SetICETimeouts(disconnectedTimeout, failedTimeout, keepAliveInterval)
	s.DetachDataChannels()
	s.SetSCTPMaxMessageSize(MaxMessage)
	s.SetSCTPMaxReceiveBufferSize(2 * MaxMessage)
	return s
}

// Close closes all peers, waits for them and closes the sockets.
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
