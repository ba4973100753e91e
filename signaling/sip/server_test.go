package sip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"iter"
	"math"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/db"
	"frontdesk/internal/fault"
	"frontdesk/media"
	"frontdesk/session"
	"frontdesk/session/sqlite"
)

// humming is a voice that hums 440 Hz for 2 s whatever it is to say.
type humming struct{}

func (humming) Speak(context.Context, string, dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, 2*media.MouthRate)
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/media.MouthRate))
		}
		yield(pcm, nil)
	}
}

// mute is a model that says nothing of its own.
type mute struct{}

func (mute) Reply(context.Context, dialog.Prompt) iter.Seq2[dialog.Chunk, error] {
	return func(yield func(dialog.Chunk, error) bool) { yield(dialog.Chunk{Text: "Yes."}, nil) }
}

// endings is an Observer that hands on how calls ended, and what callers said.
type endings struct {
	ended chan session.Ending
	said  chan string
}

func (endings) CallStarted(string)                                           {}
func (e endings) CallEnded(_ string, ending session.Ending, _ time.Duration) { e.ended <- ending }
func (e endings) Event(event dialog.Event) {
	if event.Kind == dialog.CallerSaid {
		e.said <- event.Text
	}
}

// newTestServer starts a server whose only agent hums when it is called. change changes its
// options.
func newTestServer(t testing.TB, change func(*Options)) (*Server, endings) {
	t.Helper()
	db, err := db.Open(filepath.Join(t.TempDir(), "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := sqlite.Open(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	ended := endings{make(chan session.Ending, 100), make(chan string, 100)}
	agent := &dialog.Agent{Name: "hums", Greeting: "Hello.", Model: mute{}, Synthesizer: humming{}}
	desk := session.NewDesk(session.Options{
		Store: store, Tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Agent: func(name string) (*dialog.Agent, error) {
			if name != "" && name != agent.Name {
				return nil, fault.New(fault.NotFound, "there is no agent %q", name)
			}
			return agent, nil
		},
		Node: "test", ResumeWindow: time.Hour, Observer: ended, Log: zap.NewNop(),
	})
	ledger, err := OpenLedger(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Listen: []string{"udp://127.0.0.1:0"}, MinPort: 44000, MaxPort: 45999, Admit: desk.Admit, Ledger: ledger, Log: zap.NewNop(),
	}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, ended
}

// trunkTo makes what is needed to dial the first way of a server over network.
func trunkFor(s *Server, network string) Trunk {
	w := s.way(network)
	return Trunk{Name: "there", Server: w.local.String() + ";transport=" + network, Allow: loop}
}

func free(time.Duration) {}

var loop = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// ownCertificate is one that nobody signed, and who trusts it.
func ownCertificate(t testing.TB, addresses []net.IP, names []string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: addresses, DNSNames: names,
		IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}, RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// hears counts the frames of a call, among the next so many, in which 440 Hz is nearly all.
func hears(t testing.TB, c *call, frames int) (humming int) {
	t.Helper()
	frame := make([]int16, media.EarFrame)
	for range frames {
		if err := c.leg.receiver.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		var re, im, all float64
		for i, x := range frame {
			sin, cos := math.Sincos(2 * math.Pi * 440 * float64(i) / media.EarRate)
			re, im, all = re+cos*float64(x), im+sin*float64(x), all+float64(x)*float64(x)
		}
		if n := float64(len(frame)); all > 1000*1000*n && 2*(re*re+im*im)/n > 0.9*all {
			humming++
		}
	}
	return humming
}

func TestCallsOverEveryNetworkAndCodec(t *testing.T) {
	secret := ownCertificate(t, []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	for name, tt := range map[string]struct {
		network string
		dials   func(*Trunk)
		takes   func(*Trunk)
		codec   string
	}{
		"UDP":               {"udp", nil, nil, "opus"},
		"TCP":               {"tcp", func(t *Trunk) { t.Codecs = []string{"g722", "pcmu"} }, nil, "g722"},
		"TLS and SRTP":      {"tls", func(t *Trunk) { t.Codecs, t.SRTP = []string{"pcma"}, true }, nil, "pcma"},
		"by password":       {"udp", func(t *Trunk) { t.User, t.Password = "anna", "hush" }, func(t *Trunk) { t.Allow, t.User, t.Password = nil, "anna", "hush" }, "opus"},
		"what they like":    {"udp", nil, func(t *Trunk) { t.Codecs = []string{"pcmu"} }, "pcmu"},
		"by password, SRTP": {"tcp", func(t *Trunk) { t.User, t.Password, t.SRTP = "anna", "hush", true }, func(t *Trunk) { t.Allow, t.User, t.Password = nil, "anna", "hush" }, "opus"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callee, ended := newTestServer(t, func(o *Options) {
				o.TLS = secret
				trunk := Trunk{Name: "callers", Allow: loop, Agent: "hums"}
				if tt.takes != nil {
					tt.takes(&trunk)
				}
				o.Listen, o.Trunks = []string{tt.network + "://127.0.0.1:0"}, []Trunk{trunk}
			})
			trunk := trunkFor(callee, tt.network)
			if tt.dials != nil {
				tt.dials(&trunk)
			}
			caller, _ := newTestServer(t, func(o *Options) {
				o.TLS = secret
				o.Listen, o.Trunks = []string{tt.network + "://127.0.0.1:0"}, []Trunk{trunk}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			c, err := caller.ring(ctx, &caller.o.Trunks[0], "100", "", free)
			if err != nil {
				t.Fatal(err)
			}
			c.begin(func(error) {})
			if got := hears(t, c, 90); got < 40 || c.leg.codec.name != tt.codec {
				t.Errorf("%d of 90 frames hum, by %s", got, c.leg.codec.name)
			}
			if q := c.leg.quality(); q.MOS < 4 || q.Loss > 0.05 {
				t.Errorf("it is rated %+v", q)
			}
			c.finish()
			select {
			case e := <-ended.ended:
				if e.Result != session.HungUp || e.Quality == nil {
					t.Errorf("it ended as %+v", e)
				}
			case <-time.After(10 * time.Second):
				t.Error("the callee was not told that it is over")
			}
		})
	}
}

func TestACertificateHasToHoldTheNameThatIsCalled(t *testing.T) {
	for name, want := range map[string]fault.Code{"localhost": "", "elsewhere.example": fault.Unavailable} {
		secret := ownCertificate(t, nil, []string{name})
		here := func(o *Options) { o.TLS, o.Listen = secret, []string{"tls://:0"} }
		callee, ended := newTestServer(t, func(o *Options) {
			here(o)
			o.Trunks = []Trunk{{Name: "callers", Allow: append(loop, netip.MustParsePrefix("::1/128")), Agent: "hums"}}
		})
		caller, _ := newTestServer(t, func(o *Options) {
			here(o)
			o.Trunks = []Trunk{{Name: "there", Server: fmt.Sprintf("localhost:%d;transport=tls", callee.ways[0].port)}}
		})
		c, err := caller.ring(t.Context(), &caller.o.Trunks[0], "100", "", free)
		if got := fault.From(err); got == nil && want != "" || got != nil && got.Code != want {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			c.begin(func(error) {})
			c.finish()
			if e := <-ended.ended; e.Result != session.HungUp { // over the connection that there was
				t.Errorf("it ended as %+v", e)
			}
		}
	}
}

func TestWhoAnswersACall(t *testing.T) {
	callee, ended := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "callers", Allow: loop, Numbers: map[string]string{"+49 30 123": "hums", "200": "nobody", "a b:@#": "hums"}}}
	})
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkFor(callee, "udp")} })
	for to, want := range map[string]fault.Code{"4930123": "", "004930123": "", "hums": "", "a b:@#": "", "200": fault.NotFound, "300": fault.NotFound} {
		c, err := caller.ring(t.Context(), &caller.o.Trunks[0], to, "", free)
		if err == nil {
			c.begin(func(error) {})
			c.finish()
			<-ended.ended
		}
		if got := fault.From(err); got == nil && want != "" || got != nil && got.Code != want {
			t.Errorf("%s: %v, want %q", to, err, want)
		}
	}
}

// pair is a call between two servers, under way on the caller's side.
func pair(t testing.TB) (c *call, callee *Server, ended endings) {
	t.Helper()
	callee, ended = newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "callers", Allow: loop, Agent: "hums"}} })
	caller, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{trunkFor(callee, "udp")} })
	c, err := caller.ring(t.Context(), &caller.o.Trunks[0], "100", "", free)
	if err != nil {
		t.Fatal(err)
	}
	return c, callee, ended
}

func TestSessionsAreRefreshed(t *testing.T) {
	for _, method := range []string{"UPDATE", "INVITE"} {
		c, _, ended := pair(t)
		c.timer = timer{interval: 200 * time.Millisecond, ours: true, refreshed: make(chan struct{}, 1)}
		c.allows = method
		broken := make(chan error, 1)
		c.begin(func(err error) { broken <- err })
		before := c.leg.local.version
		if hears(t, c, 40) == 0 {
			t.Errorf("%s: nothing is heard", method)
		}
		select {
		case err := <-broken:
			t.Errorf("%s: %v", method, err)
		default:
		}
		c.leg.mu.Lock()
		if again := c.leg.local.version > before; again != (method == "INVITE") {
			t.Errorf("%s: another offer was made: %t", method, again)
		}
		c.leg.mu.Unlock()
		c.finish()
		if e := <-ended.ended; e.Result != session.HungUp {
			t.Errorf("%s: %+v", method, e)
		}
	}
}

func TestACallNobodyRefreshesIsOver(t *testing.T) {
	c, _, _ := pair(t)
	c.timer = timer{interval: 100 * time.Millisecond, refreshed: make(chan struct{}, 1)}
	broken := make(chan error, 1)
	c.begin(func(err error) { broken <- err })
	if err := <-broken; fault.From(err).Code != fault.Timeout {
		t.Error(err)
	}
	c.finish()
}

func TestKeysAreSentTheWayTheOtherSideTakesThem(t *testing.T) {
	for name, keys := range map[string]uint8{"beside the sound": keysPT, "by INFO": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _, ended := pair(t)
			if keys == 0 {
				c.leg.remote.keys = 0
			}
			c.begin(func(error) {})
			defer c.finish()
			var sending sync.WaitGroup
			defer sending.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			sending.Go(func() { _ = media.NewPlayout(c.leg).Run(ctx) })
			if err := c.press("1,*9#"); err != nil {
				t.Error(err)
			}
			select {
			case got := <-ended.said:
				if got != "1*9#" {
					t.Errorf("%q arrived", got)
				}
			case <-ctx.Done():
				t.Error("nothing arrived")
			}
			if err := c.press("1x"); fault.From(err).Code != fault.Invalid && keys > 0 {
				t.Error(err)
			}
		})
	}
}

func TestAServerThatMovesIsKnownWhereItIs(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) {
		o.Trunks = []Trunk{{Name: "moves", Server: "localhost"}, {Name: "stays", Server: "192.0.2.9"}}
	})
	at, err := s.findServer(t.Context(), &s.o.Trunks[0])
	if err != nil || !at.at.Addr().IsLoopback() || at.at.Port() != defaultPort || s.at(at.at.Addr()) != &s.o.Trunks[0] {
		t.Fatalf("it is found at %v, %v", at, err)
	}
	if _, err := s.findServer(t.Context(), &s.o.Trunks[1]); err != nil {
		t.Fatal(err)
	}
	old, now := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("192.0.2.2:5060")
	s.knows(&s.o.Trunks[0], []netip.AddrPort{old})
	s.knows(&s.o.Trunks[0], []netip.AddrPort{now})
	if s.at(old.Addr()) != &s.o.Trunks[0] || s.at(now.Addr()) != &s.o.Trunks[0] || s.at(netip.MustParseAddr("192.0.2.9")) != &s.o.Trunks[1] {
		t.Errorf("these are known: %v", s.servers)
	}
}

func TestAServerMayCallItself(t *testing.T) {
	s, ended := newTestServer(t, func(o *Options) {
		o.Listen = []string{"udp://127.0.0.1:0"}
		o.Trunks = []Trunk{{Name: "here", Allow: loop, Agent: "hums"}}
	})
	trunk := trunkFor(s, "udp")
	trunk.codecs = allCodecs
	c, err := s.ring(t.Context(), &trunk, "100", "", free)
	if err != nil {
		t.Fatal(err)
	}
	c.begin(func(error) {})
	if got := hears(t, c, 90); got < 40 {
		t.Errorf("%d of 90 frames hum", got)
	}
	c.finish()
	select {
	case e := <-ended.ended:
		if e.Result != session.HungUp {
			t.Errorf("it ended as %+v", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("the other end was not told that it is over")
	}
}

func TestSIPAddressesAreDialledOverTheTrunk(t *testing.T) {
	s, _ := newTestServer(t, func(o *Options) { o.Trunks = []Trunk{{Name: "out", Server: "127.0.0.1:5999"}} })
	at, err := s.findServer(t.Context(), &s.o.Trunks[0])
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"sip:anna@example.com": "sip:anna@example.com", "+4930123": "sip:+4930123@127.0.0.1:5999"} {
		if r := s.request(sip.INVITE, at, to, "200"); r.Recipient.String() != want || r.Destination() != "127.0.0.1:5999" {
			t.Errorf("%s is dialled as %s at %s", to, r.Recipient.String(), r.Destination())
		}
	}
}

func TestAHeldCallMayBeSilent(t *testing.T) {
	l := newTestLeg(t, loopback(t, "127.0.0.1"), "pcmu")
	for way, want := range map[string][3]bool{"both": {true, true, false}, "held": {true, false, true}, "deaf": {false, true, true}} {
		l.remote.gives, l.remote.takes = want[0], want[1]
		if l.holds() != want[2] {
			t.Errorf("%s: %v", way, l.holds())
		}
	}
}

func TestACallMayGoOnWithAnotherCodec(t *testing.T) {
	c, _, ended := pair(t)
	c.begin(func(error) {})
	before, _ := c.leg.agreed()
	for _, name := range []string{"pcma", "opus", "g722"} {
		ours, err := findCodecs([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		c.leg.mu.Lock()
		c.leg.local.version++
		offer := c.leg.local.offer(ours, keysPT)
		c.leg.mu.Unlock()
		res, err := c.do(t.Context(), func() *sip.Request {
			r := c.request(sip.INVITE)
			r.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			r.SetBody(offer)
			return r
		})
		if err != nil || !res.IsSuccess() {
			t.Fatalf("%s: %v, %v", name, res, err)
		}
		theirs, err := parseAnswer(res.Body(), ours)
		if err != nil || !c.leg.alter(theirs) {
			t.Fatalf("%s: %v", name, err)
		}
		if now, _ := c.leg.agreed(); now.name != name || now.name == before.name {
			t.Errorf("%s is spoken, not %s", now.name, name)
		}
		if got := hears(t, c, 25); got < 12 {
			t.Errorf("%s: %d of 25 frames hum", name, got)
		}
		before, _ = c.leg.agreed()
	}
	c.finish()
	if e := <-ended.ended; e.Result != session.HungUp || e.Quality.Codec != "g722" {
		t.Errorf("it ended as %+v", e)
	}
}
