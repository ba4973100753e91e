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
	connectTime = 8 * time.Second // for ICE, DTLS and the data channel
	lostAfter   = 5 * time.Second // without a sign of the server
)

// dialRTC opens a line over WebRTC, with sound if voiced.
func (s *server) dialRTC(ctx context.Context, voiced bool) (*line, error) {
	pc, err := newPeer()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "WebRTC cannot be set up")
	}
	c := &rtc{line: newLine(), pc: pc, open: make(chan struct{}), failed: make(chan struct{})}
	c.line.hang = c.hang
	if err := c.connect(ctx, s, voiced); err != nil {
		c.line.hangUp()
		return nil, err
	}
	if !voiced {
		if err := c.line.textOnly(); err != nil {
			c.line.hangUp()
			return nil, err
		}
	}
	return c.line, nil
}

func newPeer() (*webrtc.PeerConnection, error) {
	var m webrtc.MediaEngine
	for _, codec := range []webrtc.RTPCodecParameters{opusCodec, pcmuCodec} {
		if err := m.RegisterCodec(codec, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true) // the server may be on this machine, without a network
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetNetworkTypes([]webrtc.NetworkType{
		webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6,
	})
	set.SetICETimeouts(lostAfter/2, lostAfter, time.Second)
	return webrtc.NewAPI(webrtc.WithMediaEngine(&m), webrtc.WithSettingEngine(set)).NewPeerConnection(webrtc.Configuration{})
}

// rtc is a line over WebRTC.
type rtc struct {
	line    *line
	pc      *webrtc.PeerConnection
	channel *webrtc.DataChannel
	open    chan struct{} // closed when the data channel is open
	failed  chan struct{} // closed when the connection has failed
	once    sync.Once
	work    sync.WaitGroup // playing and listening
}

func (c *rtc) connect(ctx context.Context, s *server, voiced bool) error {
	if err := c.prepare(voiced); err != nil {
		return fault.Wrap(err, fault.Internal, "WebRTC cannot be set up")
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	offer, err := c.pc.CreateOffer(nil)
	if err == nil {
		err = c.pc.SetLocalDescription(offer)
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "WebRTC cannot be set up")
	}
	late := time.NewTimer(connectTime)
	defer late.Stop()
	select {
	case <-gathered:
	case <-late.C: // what was gathered until now has to do
	case <-ctx.Done():
		return ctx.Err()
	}
	answer, err := s.offer(ctx, c.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return s.foreign()
	}
	late.Reset(connectTime)
	select {
	case <-c.open:
		return nil
	case <-c.failed:
	case <-late.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return fault.Wrap(errNoMedia, fault.Unavailable, "%s answers, but sound does not get through: is its UDP port open?", s.url)
}

// prepare adds the data channel and, if voiced, the phone.
func (c *rtc) prepare(voiced bool) error {
	var err error
	if c.channel, err = c.pc.CreateDataChannel("oai-events", nil); err != nil {
		return err
	}
	c.channel.OnOpen(func() { close(c.open) })
	c.channel.OnMessage(func(m webrtc.DataChannelMessage) { c.line.take(m.Data) })
	c.channel.OnClose(c.line.ended)
	c.line.send = func(b []byte) error { return c.channel.SendText(string(b)) }
	c.pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed || state == webrtc.PeerConnectionStateClosed {
			c.once.Do(func() { close(c.failed) })
			c.line.ended()
		}
	})
	if !voiced {
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
	c.line.phone = newPhone(sender(track, enc))
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
			c.line.phone.ear.listen(t)
		case <-c.line.live.Done():
		}
	})
	c.work.Go(c.play)
	return nil
}

// play keeps the mouthpiece sending.
func (c *rtc) play() {
	select {
	case <-c.open:
	case <-c.line.live.Done():
		return
	}
	if err := media.NewPlayout(c.line.phone.mouth).Run(c.line.live); err != nil && !errors.Is(err, context.Canceled) {
		c.line.ended()
	}
}

func (c *rtc) hang() {
	_ = c.pc.GracefulClose()
	c.work.Wait()
}
