package webrtc

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
	"go.uber.org/zap"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
	audio "frontdesk/media"
)

// newTransport listens on loopback, for media over UDP and ICE over TCP.
func newTransport(t testing.TB) *Transport {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	tr, err := New(Options{UDP: udp, TCP: tcp, Log: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { tr.Close() })
	return tr
}

// client is a caller as a browser would be, made with pion.
type client struct {
	pc                  *webrtc.PeerConnection
	channel             *webrtc.DataChannel
	track               *webrtc.TrackLocalStaticSample
	dtmf                *dtmfTrack // wraps track
	opened              chan struct{}
	events              chan []byte
	remote              chan *webrtc.TrackRemote
	ignoresMessageLimit bool
}

type clientOptions struct {
	tcpOnly             bool
	noAudio             bool
	offersDTMF          bool
	codec               string // default Opus
	ignoresMessageLimit bool
	socket              net.PacketConn // default: its own
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
	if o.socket != nil {
		mux := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: o.socket})
		t.Cleanup(func() { mux.Close() })
		s.SetICEUDPMux(mux)
	}
	m := &webrtc.MediaEngine{}
	require.NoError(t, m.RegisterDefaultCodecs())
	if o.offersDTMF {
		events := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mimeDTMF, ClockRate: 48000}, PayloadType: 110,
		}
		require.NoError(t, m.RegisterCodec(events, webrtc.RTPCodecTypeAudio))
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	t.Cleanup(func() { pc.GracefulClose() })
	c := &client{pc: pc, opened: make(chan struct{}), events: make(chan []byte, 256), remote: make(chan *webrtc.TrackRemote, 1), ignoresMessageLimit: o.ignoresMessageLimit}
	if c.channel, err = pc.CreateDataChannel(ChannelLabel, nil); err != nil {
		t.Fatal(err)
	}
	c.channel.OnOpen(func() { close(c.opened) })
	c.channel.OnMessage(func(m webrtc.DataChannelMessage) { c.events <- m.Data })
	if !o.noAudio {
		if o.codec == "" {
			o.codec = webrtc.MimeTypeOpus
		}
		c.track, err = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: o.codec}, "mic", "caller")
		require.NoError(t, err)
		c.dtmf = &dtmfTrack{TrackLocalStaticSample: c.track}
		if _, err := pc.AddTrack(c.dtmf); err != nil {
			t.Fatal(err)
		}
		pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.remote <- r })
	}
	return c
}

func (c *client) offer(t testing.TB) string {
	t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	require.NoError(t, err)
	gathered := webrtc.GatheringCompletePromise(c.pc)
	require.NoError(t, c.pc.SetLocalDescription(offer))
	<-gathered
	return c.pc.LocalDescription().SDP
}

func (c *client) connect(t testing.TB, tr *Transport) *Peer {
	t.Helper()
	p, answer, err := tr.Answer(context.Background(), c.offer(t))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	if c.ignoresMessageLimit {
		answer = strings.Replace(answer, "a=max-message-size:262144", "a=max-message-size:10000000", 1)
	}
	require.NoError(t, c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	wait(t, p.Ready())
	wait(t, c.opened)
	return p
}

func wait(t testing.TB, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(20 * time.Second):
		t.Fatal("timeout")
	}
}

// sendFrames sends an encoded frame every 20 ms until the test ends.
func (c *client) sendFrames(t *testing.T, frame func(i int) []byte) {
	ctx, stop := context.WithCancel(context.Background())
	var sending sync.WaitGroup
	sending.Go(func() {
		tick := time.NewTicker(audio.FrameTime)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				_ = c.track.WriteSample(media.Sample{Data: frame(i), Duration: audio.FrameTime})
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { stop(); sending.Wait() })
}

func tone(rate, hz, samples, from int) []int16 {
	out := make([]int16, samples)
	for i := range out {
		out[i] = int16(9000 * math.Sin(2*math.Pi*float64(hz)*float64(from+i)/float64(rate)))
	}
	return out
}

// opusTone returns the Opus packets of a tone. A build without an Opus encoder has recorded
// packets of 440 Hz only.
func opusTone(t *testing.T, hz int) func(i int) []byte {
	if !audio.CanEncodeOpus {
		if hz != 440 {
			t.Skip("this build has no Opus encoder")
		}
		packets := recordedTone(t)
		return func(i int) []byte { return packets[i%len(packets)] }
	}
	enc, err := audio.NewOpusEncoder()
	require.NoError(t, err)
	return func(i int) []byte {
		b, err := enc.Encode(make([]byte, 1500), tone(audio.MouthRate, hz, audio.MouthFrame, i*audio.MouthFrame))
		if err != nil {
			t.Error(err)
		}
		return b
	}
}

// recordedTone returns the packets of a file that holds each packet after its length.
func recordedTone(t *testing.T) (packets [][]byte) {
	b, err := os.ReadFile("../../media/testdata/tone440.opus")
	require.NoError(t, err)
	for len(b) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(b))
		packets, b = append(packets, b[2:n]), b[n:]
	}
	return packets
}

// waitForTone reads the source until it has a tone.
func waitForTone(t *testing.T, s audio.Source, hz float64) {
	t.Helper()
	frame, heard := make([]int16, audio.EarFrame), []int16{}
	for range 500 {
		require.NoError(t, s.ReadFrame(frame))
		heard = append(heard, frame...)
		if n := 10 * audio.EarFrame; len(heard) > n {
			heard = heard[len(heard)-n:]
			if audiotest.ToneShare(heard, hz, audio.EarRate) > 0.8 {
				return
			}
		}
	}
	t.Fatalf("no tone of %.0f Hz arrived", hz)
}
