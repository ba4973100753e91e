package sip

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/audiotest"
	"frontdesk/internal/desktest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/signaling/sip/dialplan"
	"frontdesk/signaling/sip/rtp"
)

const (
	toneHz      = 440
	testTimeout = 10 * time.Second
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// newDesk returns a desk with the agent "tone", which greets callers with a tone of 2 s.
func newDesk(t testing.TB) *desktest.Desk {
	return desktest.New(t, &dialog.Agent{
		Name: "tone", Greeting: "Hello.", Model: desktest.EchoModel{}, Synthesizer: desktest.ToneVoice{Hz: toneHz, Duration: 2 * time.Second},
	})
}

// newTestServer starts a server on UDP. change changes its options.
func newTestServer(t testing.TB, change func(*Options)) (*Server, *desktest.Observer) {
	t.Helper()
	desk := newDesk(t)
	return serve(t, desk, desk.Admit, change), desk.Observer
}

// serve starts a server that admits calls with admit.
func serve(t testing.TB, desk *desktest.Desk, admit Admit, change func(*Options)) *Server {
	t.Helper()
	ledger, err := dialplan.OpenLedger(t.Context(), desk.DB)
	require.NoError(t, err)
	o := Options{Listen: []string{"udp://127.0.0.1:0"}, MinPort: 44000, MaxPort: 45999, Ledger: ledger, Log: zap.NewNop()}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	require.NoError(t, err)
	go s.Serve(context.Background(), admit) // Close waits for it
	t.Cleanup(s.Close)
	<-s.ready
	return s
}

// trunkTo returns a trunk for calls to another server over a network.
func trunkTo(s *Server, network string) Trunk {
	return Trunk{Name: "callee", Server: s.socketFor(network).addr.String() + ";transport=" + network, Allow: loopback}
}

// callTo makes a call over the server's first trunk.
func callTo(ctx context.Context, s *Server, to string) (*call, error) {
	return s.place(ctx, placeOptions{trunk: &s.o.Trunks[0], to: to, onFailed: func(time.Duration) {}})
}

// start starts a call whose end does not matter.
func start(c *call) { c.start(func(error) {}) }

// checkCode reports an error if err's code is not want; "" wants no error.
func checkCode(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if got := fault.From(err); got == nil && want != "" || got != nil && got.Code != want {
		t.Errorf("%s: got error %v, want %q", what, err, want)
	}
}

// checkHungUp waits until the callee's call has ended.
func checkHungUp(t *testing.T, callee *desktest.Observer) session.Ending {
	t.Helper()
	select {
	case e := <-callee.Ended:
		if e.Result != session.HungUp {
			t.Errorf("the call ended as %+v, want hung up", e)
		}
		return e
	case <-time.After(testTimeout):
		t.Error("the callee's call did not end")
		return session.Ending{}
	}
}

// selfSigned returns a configuration with a self-signed certificate, which it trusts.
func selfSigned(t testing.TB, addrs []net.IP, names []string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: addrs, DNSNames: names,
		IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	require.NoError(t, err)
	if c, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// countToneFrames returns in how many of the next frames of a call nearly all energy is the
// tone.
func countToneFrames(t testing.TB, c *call, frames int) (count int) {
	t.Helper()
	frame := make([]int16, media.EarFrame)
	for range frames {
		require.NoError(t, c.leg.Receiver().ReadFrame(frame))
		if audiotest.RMS(frame) > 1000 && audiotest.ToneShare(frame, toneHz, media.EarRate) > 0.9 {
			count++
		}
	}
	return count
}

func TestCallsOverEveryNetworkAndCodec(t *testing.T) {
	tlsConfig := selfSigned(t, []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	requireCredentials := func(t *Trunk) { t.Allow, t.User, t.Password = nil, "anna", "hush" }
	for name, tt := range map[string]struct {
		network string
		caller  func(*Trunk) // changes the caller's trunk
		callee  func(*Trunk) // changes the callee's trunk
		codec   string
	}{
		"UDP":                       {"udp", nil, nil, "opus"},
		"TCP":                       {"tcp", func(t *Trunk) { t.Codecs = []string{"g722", "pcmu"} }, nil, "g722"},
		"TLS and SRTP":              {"tls", func(t *Trunk) { t.Codecs, t.SRTP = []string{"pcma"}, true }, nil, "pcma"},
		"credentials":               {"udp", func(t *Trunk) { t.User, t.Password = "anna", "hush" }, requireCredentials, "opus"},
		"codec the callee prefers":  {"udp", nil, func(t *Trunk) { t.Codecs = []string{"pcmu"} }, "pcmu"},
		"credentials, TCP and SRTP": {"tcp", func(t *Trunk) { t.User, t.Password, t.SRTP = "anna", "hush", true }, requireCredentials, "opus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callee, observer := newTestServer(t, func(o *Options) {
				o.TLS = tlsConfig
				trunk := Trunk{Name: "callers", Allow: loopback, Agent: "tone"}
				if tt.callee != nil {
					tt.callee(&trunk)
				}
				o.Listen, o.Trunks = []string{tt.network + "://127.0.0.1:0"}, []Trunk{trunk}
			})
			trunk := trunkTo(callee, tt.network)
			if tt.caller != nil {
				tt.caller(&trunk)
			}
			caller, _ := newTestServer(t, func(o *Options) {
				o.TLS = tlsConfig
				o.Listen, o.Trunks = []string{tt.network + "://127.0.0.1:0"}, []Trunk{trunk}
			})
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			c, err := callTo(ctx, caller, "100")
			require.NoError(t, err)
			start(c)
			codec, _ := c.leg.Codec()
			if got := countToneFrames(t, c, 90); got < 40 || codec.Name != tt.codec {
				t.Errorf("the tone is in %d of 90 frames, codec %s; want 40, %s", got, codec.Name, tt.codec)
			}
			if q := c.leg.Quality(); q.MOS < 4 || q.Loss > 0.05 {
				t.Errorf("got quality %+v", q)
			}
			c.finish()
			if e := checkHungUp(t, observer); e.Quality == nil {
				t.Error("the ending has no quality")
			}
		})
	}
}

func TestCertificateMustHoldTheCalledName(t *testing.T) {
	for name, want := range map[string]fault.Code{"localhost": "", "elsewhere.example": fault.Unavailable} {
		tlsConfig := selfSigned(t, nil, []string{name})
		callee, observer := newTestServer(t, func(o *Options) {
			o.TLS, o.Listen = tlsConfig, []string{"tls://:0"}
			o.Trunks = []Trunk{{Name: "callers", Allow: append(loopback, netip.MustParsePrefix("::1/128")), Agent: "tone"}}
		})
		caller, _ := newTestServer(t, func(o *Options) {
			o.TLS, o.Listen = tlsConfig, []string{"tls://:0"}
			o.Trunks = []Trunk{{Name: "callee", Server: fmt.Sprintf("localhost:%d;transport=tls", callee.sockets[0].port)}}
		})
		c, err := callTo(t.Context(), caller, "100")
		checkCode(t, name, err, want)
		if err == nil {
			start(c)
			c.finish()
			checkHungUp(t, observer) // the BYE used the open connection
		}
	}
}

func TestCalledNumberOrNameSelectsTheAgent(t *testing.T) {
	callee, observer := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Numbers: map[string]string{"+49 30 123": "tone", "200": "nobody", "a b:@#": "tone"}}}
	})
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkTo(callee, "udp")} })
	for to, want := range map[string]fault.Code{"4930123": "", "004930123": "", "tone": "", "a b:@#": "", "200": fault.NotFound, "300": fault.NotFound} {
		c, err := callTo(t.Context(), caller, to)
		if err == nil {
			start(c)
			c.finish()
			<-observer.Ended
		}
		checkCode(t, to, err, want)
	}
}

// connectServers returns an answered call between two servers, as its caller sees it.
func connectServers(t testing.TB) (c *call, callee *desktest.Observer) {
	t.Helper()
	server, observer := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loopback, Agent: "tone"}} })
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkTo(server, "udp")} })
	c, err := callTo(t.Context(), caller, "100")
	require.NoError(t, err)
	return c, observer
}

// sdpVersion returns the version of the leg's session description.
func sdpVersion(t *testing.T, c *call) (version int) {
	t.Helper()
	var id uint64
	if _, err := fmt.Sscanf(string(c.leg.Offer(c.trunk.codecs)), "v=0\r\no=frontdesk %d %d", &id, &version); err != nil {
		t.Fatal(err)
	}
	return version
}

func TestSessionsAreRefreshed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"UPDATE", "INVITE"} {
		c, callee := connectServers(t)
		c.timer = sessionTimer{interval: 200 * time.Millisecond, isRefresher: true, refreshed: make(chan struct{}, 1)}
		c.peer.allow = method
		failed := make(chan error, 1)
		c.start(func(err error) { failed <- err })
		before := sdpVersion(t, c)
		if countToneFrames(t, c, 40) == 0 {
			t.Errorf("%s: the tone is not heard", method)
		}
		select {
		case err := <-failed:
			t.Errorf("%s: %v", method, err)
		default:
		}
		if hasNewOffer := sdpVersion(t, c) > before; hasNewOffer != (method == "INVITE") {
			t.Errorf("%s: a new offer was made: %t", method, hasNewOffer)
		}
		c.finish()
		checkHungUp(t, callee)
	}
}

func TestCallWithoutRefreshEnds(t *testing.T) {
	c, _ := connectServers(t)
	c.timer = sessionTimer{interval: 100 * time.Millisecond, refreshed: make(chan struct{}, 1)}
	failed := make(chan error, 1)
	c.start(func(err error) { failed <- err })
	checkCode(t, "the call", <-failed, fault.Timeout)
	c.finish()
}

// refuseTelephoneEvents makes the leg believe that the callee's answer had no telephone
// events.
func refuseTelephoneEvents(t *testing.T, c *call) {
	t.Helper()
	answer := c.dialog.(*sipgo.DialogClientSession).InviteResponse.Body()
	var kept []string
	for line := range strings.Lines(string(answer)) {
		if !strings.Contains(line, "telephone-event") {
			kept = append(kept, line)
		}
	}
	r, err := rtp.ParseAnswer([]byte(strings.Join(kept, "")), c.trunk.codecs)
	if err != nil || bytes.Equal(answer, []byte(strings.Join(kept, ""))) || !c.leg.Update(r) {
		t.Fatalf("cannot remove the telephone events of %s: %v", answer, err)
	}
}

func TestDTMFIsSentTheWayTheOtherSideAccepts(t *testing.T) {
	for name, acceptsEvents := range map[string]bool{"telephone events": true, "INFO": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, callee := connectServers(t)
			if !acceptsEvents {
				refuseTelephoneEvents(t, c)
			}
			start(c)
			defer c.finish()
			var playing sync.WaitGroup
			defer playing.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			playing.Go(func() { _ = media.NewPlayout(c.leg).Run(ctx) })
			if err := c.sendDTMF("1,*9#"); err != nil {
				t.Error(err)
			}
			select {
			case got := <-callee.Said:
				if got != "1*9#" {
					t.Errorf("got digits %q, want 1*9#", got)
				}
			case <-ctx.Done():
				t.Error("no digits arrived")
			}
			checkCode(t, "1x", c.sendDTMF("1x"), fault.Invalid)
		})
	}
}

func TestFormerAddressesOfATrunkStayKnown(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "moves", Server: "localhost"}, {Name: "stays", Server: "192.0.2.9"}}
	})
	moves, stays := &s.o.Trunks[0], &s.o.Trunks[1]
	to, err := s.resolveTrunk(t.Context(), moves)
	if err != nil || !to.addr.Addr().IsLoopback() || to.addr.Port() != defaultPort || s.trunkAt(to.addr.Addr()) != moves {
		t.Fatalf("got address %v, %v", to.addr, err)
	}
	if _, err := s.resolveTrunk(t.Context(), stays); err != nil {
		t.Fatal(err)
	}
	first, second := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	s.rememberAddrs(moves, []netip.AddrPort{first})
	s.rememberAddrs(moves, []netip.AddrPort{second})
	if s.trunkAt(first.Addr()) != moves || s.trunkAt(second.Addr()) != moves || s.trunkAt(netip.MustParseAddr("192.0.2.9")) != stays {
		t.Errorf("got addresses %v", s.trunkAddrs)
	}
}

func TestServerMayCallItself(t *testing.T) {
	t.Parallel()
	s, observer := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "self", Allow: loopback, Agent: "tone"}}
	})
	trunk := trunkTo(s, "udp")
	trunk.codecs = s.o.Trunks[0].codecs
	c, err := s.place(t.Context(), placeOptions{trunk: &trunk, to: "100", onFailed: func(time.Duration) {}})
	require.NoError(t, err)
	start(c)
	if got := countToneFrames(t, c, 90); got < 40 {
		t.Errorf("the tone is in %d of 90 frames, want 40", got)
	}
	c.finish()
	checkHungUp(t, observer)
}

func TestSIPAddressesAreDialedByTheTrunksServer(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "out", Server: "127.0.0.1:5999"}} })
	to, err := s.resolveTrunk(t.Context(), &s.o.Trunks[0])
	require.NoError(t, err)
	for user, want := range map[string]string{"sip:anna@example.com": "sip:anna@example.com", "+4930123": "sip:+4930123@127.0.0.1:5999"} {
		if r := s.newRequest(sip.INVITE, to, user, "200"); r.Recipient.String() != want || r.Destination() != "127.0.0.1:5999" {
			t.Errorf("%s: got %s at %s, want %s", user, r.Recipient.String(), r.Destination(), want)
		}
	}
}

func TestCodecMayChangeDuringACall(t *testing.T) {
	t.Parallel()
	c, callee := connectServers(t)
	start(c)
	before, _ := c.leg.Codec()
	for _, name := range []string{"pcma", "opus", "g722"} {
		codecs := findCodec(t, name)
		res, err := c.do(t.Context(), func() *sip.Request {
			r := c.newRequest(sip.INVITE)
			r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			r.SetBody(c.leg.Offer(codecs))
			return r
		})
		if err != nil || !res.IsSuccess() {
			t.Fatalf("%s: got response %v, %v", name, res, err)
		}
		answer, err := rtp.ParseAnswer(res.Body(), codecs)
		if err != nil || !c.leg.Update(answer) {
			t.Fatalf("%s: %v", name, err)
		}
		if now, _ := c.leg.Codec(); now.Name != name || now.Name == before.Name {
			t.Errorf("got codec %s, want %s", now.Name, name)
		}
		if got := countToneFrames(t, c, 25); got < 12 {
			t.Errorf("%s: the tone is in %d of 25 frames, want 12", name, got)
		}
		before, _ = c.leg.Codec()
	}
	c.finish()
	if e := checkHungUp(t, callee); e.Quality == nil || e.Quality.Codec != "g722" {
		t.Errorf("the call ended as %+v, want codec g722", e)
	}
}

func findCodec(t testing.TB, name string) []rtp.Codec {
	t.Helper()
	codecs, err := rtp.FindCodecs([]string{name})
	require.NoError(t, err)
	return codecs
}

func TestServeEndsWithItsContext(t *testing.T) {
	desk := newDesk(t)
	s, err := New(Options{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, MinPort: 44000, MaxPort: 45999, Log: zap.NewNop()})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() {
		s.Serve(ctx, desk.Admit)
		close(served)
	}()
	<-s.ready
	cancel()
	<-served
	s.Close()
	s.Serve(t.Context(), desk.Admit) // returns at once
	if _, err := New(Options{Listen: []string{"sip:5060"}, Log: zap.NewNop()}); err == nil {
		t.Error("a bad address to listen on is accepted")
	}
}
