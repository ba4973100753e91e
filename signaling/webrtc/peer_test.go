package webrtc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	audio "frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCallerIsHeard(t *testing.T) {
	for name, c := range map[string]struct {
		o     clientOptions
		frame func(i int) []byte
	}{
		"Opus over UDP": {clientOptions{}, opusTone(t, 440)},
		"Opus over TCP": {clientOptions{tcpOnly: true}, opusTone(t, 440)},
		"PCMU over UDP": {clientOptions{codec: webrtc.MimeTypePCMU}, pcmuTone(440)},
	} {
		t.Run(name, func(t *testing.T) {
			caller := newClient(t, c.o)
			peer := caller.connect(t, newTransport(t))
			caller.sendFrames(t, c.frame)
			waitForTone(t, peer.Source(), 440)
		})
	}
}

func pcmuTone(hz int) func(i int) []byte {
	return func(i int) []byte { return audio.EncodePCMU(nil, tone(8000, hz, 160, i*160)) }
}

func TestMalformedOpusBecomesSilence(t *testing.T) {
	caller := newClient(t, clientOptions{})
	peer := caller.connect(t, newTransport(t))
	good := opusTone(t, 600)
	caller.sendFrames(t, func(i int) []byte {
		if i < 25 {
			return []byte{0xff, byte(i), 0xff, 0xff, 0x00}
		}
		return good(i)
	})
	waitForTone(t, peer.Source(), 600)
}

// TestAgentIsHeard expects Opus, and PCMU from a build without an Opus encoder.
func TestAgentIsHeard(t *testing.T) {
	caller := newClient(t, clientOptions{})
	peer := caller.connect(t, newTransport(t))
	stop := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		tick := time.NewTicker(audio.FrameTime)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-tick.C:
				_ = peer.Sink().WriteFrame(tone(audio.MouthRate, 500, audio.MouthFrame, i*audio.MouthFrame))
			case <-stop:
				return
			}
		}
	})
	defer sending.Wait()
	defer close(stop)
	track := <-caller.remote
	if isOpus := track.Codec().MimeType == webrtc.MimeTypeOpus; isOpus != audio.CanEncodeOpus {
		t.Fatalf("the agent speaks %s", track.Codec().MimeType)
	}
	var dec audio.Decoder = audio.NewG711Decoder(audio.DecodePCMU)
	if audio.CanEncodeOpus {
		var err error
		if dec, err = audio.NewOpusDecoder(); err != nil {
			t.Fatal(err)
		}
	}
	var heard []int16
	for len(heard) < 25*audio.EarFrame {
		packet, _, err := track.ReadRTP()
		require.NoError(t, err)
		if heard, err = dec.Decode(heard, packet.Payload); err != nil {
			t.Fatal(err)
		}
	}
	if got := audiotest.ToneShare(heard[5*audio.EarFrame:], 500, audio.EarRate); got < 0.8 {
		t.Errorf("share of the tone = %.2f", got)
	}
}

func TestMessagesTravelInBothDirections(t *testing.T) {
	caller := newClient(t, clientOptions{noAudio: true})
	peer := caller.connect(t, newTransport(t))
	if peer.Source() != nil || peer.Sink() != nil {
		t.Error("a line without audio has a Source or a Sink")
	}
	require.NoError(t, peer.Send([]byte(`{"type":"hello"}`)))
	if got := <-caller.events; string(got) != `{"type":"hello"}` {
		t.Errorf("client got %q", got)
	}
	for _, n := range []int{0, 1, firstBuffer, firstBuffer + 1, 65535} {
		require.NoError(t, caller.channel.SendText(strings.Repeat("x", n)))
		got, err := peer.Receive()
		if err != nil || len(got) != n {
			t.Errorf("received %d bytes, %v, want %d", len(got), err, n)
		}
	}
}

func TestHugeMessageIsRefusedAndTheLineSurvives(t *testing.T) {
	caller := newClient(t, clientOptions{noAudio: true, ignoresMessageLimit: true})
	peer := caller.connect(t, newTransport(t))
	require.NoError(t, caller.channel.Send(make([]byte, MaxMessage+1000)))
	if _, err := peer.Receive(); fault.From(err).Code != fault.TooLarge {
		t.Errorf("err = %v", err)
	}
	require.NoError(t, caller.channel.SendText("small"))
	if got, err := peer.Receive(); string(got) != "small" {
		t.Errorf("then got %q, %v", got, err)
	}
}

func TestClientThatDoesNotReadLosesItsLine(t *testing.T) {
	caller := newClient(t, clientOptions{noAudio: true})
	block := make(chan struct{})
	caller.channel.OnMessage(func(webrtc.DataChannelMessage) { <-block })
	defer close(block)
	peer := caller.connect(t, newTransport(t))
	message := []byte(strings.Repeat("x", 60_000))
	var err error
	for range 1000 { // 60 MB, far more than any buffer on the way
		if err = peer.Send(message); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrSlow) {
		t.Fatalf("err = %v", err)
	}
	wait(t, peer.Done())
}

func TestClientHangsUp(t *testing.T) {
	for name, hangUp := range map[string]func(*client){
		"closes its connection":   func(c *client) { c.pc.Close() },
		"closes its data channel": func(c *client) { c.channel.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			caller := newClient(t, clientOptions{})
			peer := caller.connect(t, newTransport(t))
			hangUp(caller)
			if _, err := peer.Receive(); err != io.EOF {
				t.Errorf("Receive = %v", err)
			}
			wait(t, peer.Done())
			if !errors.Is(peer.Err(), ErrHungUp) {
				t.Errorf("Err = %v", peer.Err())
			}
			if err := peer.Send([]byte("x")); err == nil {
				t.Error("Send after the end returned no error")
			}
		})
	}
}

// unplugSocket is a socket that discards packets once it is unplugged.
type unplugSocket struct {
	net.PacketConn
	isUnplugged atomic.Bool
}

func (c *unplugSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.isUnplugged.Load() {
		return len(b), nil
	}
	return c.PacketConn.WriteTo(b, to)
}

func TestCallerWhoseNetworkFailsIsLost(t *testing.T) {
	t.Parallel() // takes disconnectedTimeout and failedTimeout
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	socket := &unplugSocket{PacketConn: udp}
	peer := newClient(t, clientOptions{socket: socket}).connect(t, newTransport(t))
	socket.isUnplugged.Store(true)
	wait(t, peer.Done())
	if !errors.Is(peer.Err(), ErrLost) {
		t.Errorf("Err = %v", peer.Err())
	}
	if err := peer.Source().ReadFrame(make([]int16, audio.EarFrame)); err != io.EOF {
		t.Errorf("ReadFrame = %v", err)
	}
}

func TestOtherDataChannelsAreClosed(t *testing.T) {
	caller := newClient(t, clientOptions{noAudio: true})
	peer := caller.connect(t, newTransport(t))
	other, err := caller.pc.CreateDataChannel("other", nil)
	require.NoError(t, err)
	closed := make(chan struct{})
	other.OnClose(func() { close(closed) })
	wait(t, closed)
	if peer.Err() != nil {
		t.Errorf("the line ended: %v", peer.Err())
	}
}

func TestInvalidOffersAreRefused(t *testing.T) {
	tr := newTransport(t)
	good := newClient(t, clientOptions{}).offer(t)
	for name, c := range map[string]struct {
		offer string
		want  fault.Code
	}{
		"empty":                       {"", fault.Invalid},
		"not SDP":                     {"hello", fault.Invalid},
		"JSON":                        {`{"type":"offer","sdp":""}`, fault.Invalid},
		"no media":                    {"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", fault.Invalid},
		"truncated":                   {good[:len(good)/3], fault.Invalid},
		"no fingerprint":              {strings.ReplaceAll(good, "a=fingerprint", "a=footprint"), fault.Invalid},
		"fingerprint not hexadecimal": {strings.ReplaceAll(good, "a=fingerprint:sha-256 ", "a=fingerprint:sha-256 XX"), fault.Invalid},
		"no ICE password":             {strings.ReplaceAll(good, "a=ice-pwd", "a=ice-word"), fault.Invalid},
		"too long":                    {good + strings.Repeat("a=x:y\r\n", MaxOffer/6), fault.TooLarge},
		"video only":                  {videoOffer(t), fault.Invalid},
		"100 m-lines":                 {good + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 100), fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			p, answer, err := tr.Answer(context.Background(), c.offer)
			if err == nil {
				p.Close()
				t.Fatalf("answered with %q", answer)
			}
			if got := fault.From(err).Code; got != c.want {
				t.Errorf("code = %s (%v), want %s", got, err, c.want)
			}
		})
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if len(tr.peers) != 0 {
		t.Errorf("%d peers of refused offers remain", len(tr.peers))
	}
}

func videoOffer(t *testing.T) string {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	require.NoError(t, err)
	defer pc.GracefulClose()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	require.NoError(t, err)
	return offer.SDP
}

func TestVideoIsRejected(t *testing.T) {
	caller := newClient(t, clientOptions{})
	if _, err := caller.pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	caller.connect(t, newTransport(t))
	answer := caller.pc.RemoteDescription().SDP
	if !strings.Contains(answer, "m=video 0 ") {
		t.Errorf("video was not rejected:\n%s", answer)
	}
}

func TestAnswerHasAllCandidates(t *testing.T) {
	caller := newClient(t, clientOptions{})
	caller.connect(t, newTransport(t))
	answer := caller.pc.RemoteDescription().SDP
	for _, want := range []string{" udp ", " tcp ", "tcptype passive", "a=end-of-candidates", "useinbandfec=1"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer lacks %q:\n%s", want, answer)
		}
	}
}

func TestPublicAddressReplacesLocalCandidates(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "0.0.0.0:0")
	require.NoError(t, err)
	tr, err := New(Options{UDP: udp, PublicIPs: []string{"203.0.113.7"}, Log: zap.NewNop()})
	require.NoError(t, err)
	defer tr.Close()
	p, answer, err := tr.Answer(context.Background(), newClient(t, clientOptions{}).offer(t))
	require.NoError(t, err)
	defer p.Close()
	if !strings.Contains(answer, " 203.0.113.7 ") || strings.Contains(answer, " 127.0.0.1 ") {
		t.Errorf("candidates:\n%s", answer)
	}
}

func TestClosedTransportRefusesOffers(t *testing.T) {
	tr := newTransport(t)
	caller := newClient(t, clientOptions{})
	peer := caller.connect(t, tr)
	tr.Close()
	if !errors.Is(peer.Err(), ErrClosed) {
		t.Errorf("Err = %v", peer.Err())
	}
	if _, _, err := tr.Answer(context.Background(), newClient(t, clientOptions{}).offer(t)); fault.From(err).Code != fault.Unavailable {
		t.Errorf("err = %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	tr := newTransport(f)
	f.Add(newClient(f, clientOptions{}).offer(f))
	f.Add(newClient(f, clientOptions{noAudio: true}).offer(f))
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")
	f.Fuzz(func(t *testing.T, offer string) {
		p, answer, err := tr.Answer(context.Background(), offer)
		if err != nil {
			if fault.From(err).Code == fault.Internal {
				t.Error(err)
			}
			return
		}
		p.Close()
		if !strings.HasPrefix(answer, "v=0") {
			b, _ := json.Marshal(answer)
			t.Errorf("answer %s", b)
		}
	})
}
