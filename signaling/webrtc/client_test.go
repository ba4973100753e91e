package webrtc

import (
	"context"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"go.uber.org/zap"

	sound "frontdesk/media"
)

// newTransport listens on loopback: media on UDP, ICE-TCP on the returned address.
func newTransport(t testing.TB) *Transport {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := New(Options{UDP: udp, TCP: tcp, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// client is a caller made of pion, as a browser would be.
type client struct {
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	track   *webrtc.TrackLocalStaticSample
	keypad  *keypad // of the track
	opened  chan struct{}
	events  chan []byte
	remote  chan *webrtc.TrackRemote
	rude    bool
}

type clientOptions struct {
	tcpOnly bool
	noAudio bool
	keys    bool           // offers telephone events
	codec   string         // default Opus
	label   string         // of the data channel
	rude    bool           // ignores the limit on the size of messages
	over    net.PacketConn // the one socket to use
}

func newClient(t testing.TB, o clientOptions) *client {
	t.Helper()
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	if o.tcpOnly {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	}
	if o.over != nil {
		mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: o.over})
		t.Cleanup(func() { mux.Close() })
		s.SetICEUDPMux(mux)
	}
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	if o.keys {
		events := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mimeKeys, ClockRate: 48000}, PayloadType: 110,
		}
		if err := m.RegisterCodec(events, webrtc.RTPCodecTypeAudio); err != nil {
			t.Fatal(err)
		}
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.GracefulClose() })
	c := &client{pc: pc, opened: make(chan struct{}), events: make(chan []byte, 256), remote: make(chan *webrtc.TrackRemote, 1), rude: o.rude}
	if o.label == "" {
		o.label = ChannelLabel
	}
	if c.channel, err = pc.CreateDataChannel(o.label, nil); err != nil {
		t.Fatal(err)
	}
	c.channel.OnOpen(func() { close(c.opened) })
	c.channel.OnMessage(func(m webrtc.DataChannelMessage) { c.events <- m.Data })
	if !o.noAudio {
		if o.codec == "" {
			o.codec = webrtc.MimeTypeOpus
		}
		c.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: o.codec}, "mic", "caller")
		if err != nil {
			t.Fatal(err)
		}
		c.keypad = &keypad{TrackLocalStaticSample: c.track}
		if _, err := pc.AddTrack(c.keypad); err != nil {
			t.Fatal(err)
		}
		pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.remote <- r })
	}
	return c
}

func (c *client) offer(t testing.TB) string {
	t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	<-gathered
	return c.pc.LocalDescription().SDP
}

func (c *client) connect(t testing.TB, tr *Transport) *Peer {
	t.Helper()
	p, answer, err := tr.Answer(context.Background(), c.offer(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if c.rude {
		answer = strings.Replace(answer, "a=max-message-size:262144", "a=max-message-size:10000000", 1) // the answer it pretends to have got
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	wait(t, p.Ready())
	wait(t, c.opened)
	return p
}

func wait(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("it did not happen")
	}
}

// talk sends a tone until the test ends.
func (c *client) talk(t *testing.T, frame func(i int) []byte) {
	ctx, stop := context.WithCancel(context.Background())
	var speaking sync.WaitGroup
	speaking.Go(func() {
		tick := time.NewTicker(sound.FrameTime)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				_ = c.track.WriteSample(media.Sample{Data: frame(i), Duration: sound.FrameTime})
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { stop(); speaking.Wait() })
}

func tone(rate, hz, samples, from int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(9000 * math.Sin(2*math.Pi*float64(hz)*float64(from+i)/float64(rate)))
	}
	return out
}

// power is the share of a signal's energy at hz (Goertzel), 0 to 1.
func power(pcm []int16, rate, hz int) float64 {
	w := 2 * math.Pi * float64(hz) / float64(rate)
	var re, im, all float64
	for i, s := range pcm {
		re += float64(s) * math.Cos(w*float64(i))
		im += float64(s) * math.Sin(w*float64(i))
		all += float64(s) * float64(s)
	}
	if all == 0 {
		return 0
	}
	return 2 * (re*re + im*im) / (all * float64(len(pcm)))
}

func opusTone(t *testing.T, hz int) func(i int) []byte {
	enc, err := sound.NewOpusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	return func(i int) []byte {
		b, err := enc.Encode(make([]byte, 1500), tone(sound.MouthRate, hz, sound.MouthFrame, i*sound.MouthFrame))
		if err != nil {
			t.Error(err)
		}
		return b
	}
}

// listenFor reads the source until it holds a tone.
func listenFor(t *testing.T, s sound.Source, hz int) {
	t.Helper()
	frame, heard := make([]int16, sound.EarFrame), []int16{}
	for range 500 {
		if err := s.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		heard = append(heard, frame...)
		if n := 10 * sound.EarFrame; len(heard) > n {
			heard = heard[len(heard)-n:]
			if power(heard, sound.EarRate, hz) > 0.8 {
				return
			}
		}
	}
	t.Fatalf("no tone of %d Hz was heard", hz)
}
