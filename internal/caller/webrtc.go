package caller

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

const (
	connectTimeout = 8 * time.Second // for ICE, DTLS and the data channel
	lostAfter      = 5 * time.Second // without a packet from the server
)

// dialWebRTC opens a line over WebRTC.
func (s *server) dialWebRTC(ctx context.Context, withAudio bool) (*line, error) {
	pc, err := newPeerConnection()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "cannot set up WebRTC")
	}
	c := &webrtcLine{line: newLine(), pc: pc, open: make(chan struct{}), failed: make(chan struct{})}
	c.line.disconnect = c.disconnect
	if err := c.connect(ctx, s, withAudio); err != nil {
		c.line.hangUp()
		return nil, err
	}
	if !withAudio {
		if err := c.line.requestTextOnly(); err != nil {
			c.line.hangUp()
			return nil, err
		}
	}
	return c.line, nil
}

func newPeerConnection() (*webrtc.PeerConnection, error) {
	var m webrtc.MediaEngine
	for _, codec := range []webrtc.RTPCodecParameters{opusCodec, pcmuCodec} {
		if err := m.RegisterCodec(codec, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true) // the server may run on this machine, without a network
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	set.SetICETimeouts(lostAfter/2, lostAfter, time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
}

// webrtcLine carries a line over WebRTC.
type webrtcLine struct {
	line    *line
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	open    chan struct{} // closed when the data channel is open
	failed  chan struct{} // closed when the connection has failed
	once    sync.Once
	work    sync.WaitGroup // microphone and speaker
}

func (c *webrtcLine) connect(ctx context.Context, s *server, withAudio bool) error {
	if err := c.prepare(withAudio); err != nil {
		return fault.Wrap(err, fault.Internal, "cannot set up WebRTC")
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	offer, err := c.pc.CreateOffer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(offer)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "cannot set up WebRTC")
	}
	expired := time.NewTimer(connectTimeout)
	defer expired.Stop()
	select {
	case <-gathered:
	case <-expired.C: // use the candidates gathered so far
	case <-ctx.Done():
		return ctx.Err()
	}
	answer, err := s.exchangeSDP(ctx, c.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return s.notFrontdesk()
	}
	expired.Reset(connectTimeout)
	select {
	case <-c.open:
		return nil
	case <-c.failed:
	case <-expired.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return fault.Wrap(errNoMedia, fault.Unavailable, "%s answers, but no media connection came about: is its UDP port open?", s.url)
}

// prepare adds the data channel and, withAudio, a track in each direction.
func (c *webrtcLine) prepare(withAudio bool) error {
	var err error
	if c.channel, err = c.pc.CreateDataChannel("oai-events", nil); err != nil {
		return err
	}
	c.channel.OnOpen(func() { close(c.open) })
	c.channel.OnMessage(func(m webrtc.DataChannelMessage) { c.line.receive(m.Data) })
	c.channel.OnClose(c.line.markEnded)
	c.line.send = func(b []byte) error { return c.channel.SendText(string(b)) }
	c.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			c.once.Do(func() { close(c.failed) })
			c.line.markEnded()
		}
	})
	if !withAudio {
		return nil
	}
	enc, codec, err := newEncoder()
	if err != nil {
		return err
	}
	track, err := webrtc.NewTrackLocalStaticSample(codec, "voice", "caller")
	if err != nil {
		return err
	}
	if _, err := c.pc.AddTrack(track); err != nil {
		return err
	}
	c.line.audio = newAudio(trackSender(track, enc))
	remote := make(chan *webrtc.TrackRemote, 1) // the server sends one
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		select {
		case remote <- t:
		default:
		}
	})
	c.work.Go(func() {
		select {
		case t := <-remote:
			c.line.audio.speaker.playTrack(t)
		case <-c.line.live.Done():
		}
	})
	c.work.Go(c.runMicrophone)
	return nil
}

// runMicrophone makes the microphone send a frame every 20 ms.
func (c *webrtcLine) runMicrophone() {
	select {
	case <-c.open:
	case <-c.line.live.Done():
		return
	}
	if err := media.NewPlayout(c.line.audio.microphone).Run(c.line.live); err != nil && !errors.Is(err, context.Canceled) {
		c.line.markEnded()
	}
}

func (c *webrtcLine) disconnect() {
	_ = c.pc.GracefulClose()
	c.work.Wait()
}
