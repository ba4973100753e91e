package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	wire "github.com/pion/webrtc/v4/pkg/media"

	"frontdesk/internal/audiotest"
	"frontdesk/media"
)

const (
	audible     = 60   // least RMS of 5 ms that can be heard, about -55 dBFS
	ducked      = 0.25 // of the usual level, -12 dB, below which a voice counts as ducked
	blockTime   = 5 * time.Millisecond
	firstPause  = 300 * time.Millisecond // before a caller speaks for the first time
	turnPause   = 400 * time.Millisecond // between the end of a reply and the caller's next words
	interruptAt = time.Second            // from the beginning of a reply
	replyWait   = 10 * time.Second       // longest wait for a reply
)

// script is the packets that callers send, in Opus or a telephone's codec.
type script struct {
	room   [][]byte // background noise, sent in a loop
	speech [][]byte
}

func newScript(speech time.Duration, codec string) (*script, error) {
	before, after := roomNoise(time.Second), roomNoise(2*time.Second)
	said := utterance(speech)
	enc, err := newEncoder(codec)
	if err != nil {
		return nil, err
	}
	packets, err := encode(enc, before, said, after)
	if err != nil {
		return nil, err
	}
	from, to := len(before)/media.MouthFrame, (len(before)+len(said))/media.MouthFrame
	return &script{speech: packets[from:to], room: packets[to:]}, nil
}

// caller speaks, listens to the reply, and speaks again; or speaks over the reply.
type caller struct {
	connection
	plan   plan
	script *script
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu           sync.Mutex
	packet       int       // of speech to send next; len(script.speech) when not speaking
	roomPackets  int       // packets of background noise sent since the last speech
	speakBy      time.Time // when to speak even without a reply
	onset        time.Time // of the current or last utterance
	speechEnd    time.Time // of the last utterance; zero while speaking
	replyStart   time.Time // first audible audio of the reply; zero before
	lastAudio    time.Time // end of the last audible audio
	usualLevel   float64   // of the reply
	interrupting bool      // the current utterance interrupts the reply
	isDucked     bool
	found        measurements
	received     latenessMeter
}

// connection is a caller's WebRTC connection or telephone call.
type connection struct {
	pc    *webrtc.PeerConnection
	track *webrtc.TrackLocalStaticSample
	phone *phone        // instead of pc and track
	open  chan struct{} // closed when the data channel is open
}

func newCaller(p plan, s *script) *caller {
	c := &caller{connection: connection{open: make(chan struct{})}, plan: p, script: s, packet: len(s.speech)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// connect makes the call and starts to talk.
func (c *caller) connect(ctx context.Context) error {
	if c.plan.Phone != "" {
		return c.dial(ctx)
	}
	if err := c.newConnection(); err != nil {
		return err
	}
	offer, err := c.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	<-gathered
	answer, err := c.postOffer(ctx, c.pc.LocalDescription().SDP)
	if err != nil {
		return err
	}
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		return err
	}
	select {
	case <-c.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	c.start()
	return nil
}

// start starts to talk.
func (c *caller) start() {
	c.speakBy = time.Now().Add(firstPause)
	c.work.Go(func() { _ = media.NewPlayout(c).Run(c.ctx) }) // it ends with ctx or the connection
}

// newConnection makes the peer connection with its track and data channel.
func (c *caller) newConnection() error {
	var set webrtc.SettingEngine
	set.SetIncludeLoopbackCandidate(true)
	set.SetIPFilter(net.IP.IsLoopback)
	set.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	set.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	var codecs webrtc.MediaEngine
	opus := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	err := codecs.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: opus, PayloadType: opusType}, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return err
	}
	c.pc, err = webrtc.NewAPI(webrtc.WithSettingEngine(set), webrtc.WithMediaEngine(&codecs)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	channel, err := c.pc.CreateDataChannel("oai-events", nil)
	if err != nil {
		return err
	}
	channel.OnOpen(func() { close(c.open) })
	if c.track, err = webrtc.NewTrackLocalStaticSample(opus, "voice", "caller"); err != nil {
		return err
	}
	if _, err = c.pc.AddTrack(c.track); err != nil {
		return err
	}
	decoder, err := media.NewOpusDecoder()
	if err != nil {
		return err
	}
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.receiveTrack(t, decoder) })
	return nil
}

// postOffer sends the SDP offer and returns the answer.
func (c *caller) postOffer(ctx context.Context, sdp string) (answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.plan.URL+"/v1/realtime/calls?model=desk", bytes.NewReader([]byte(sdp)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer anybody") // any token is valid where no key is configured
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return string(body), err
}

func (c *caller) hangUp() {
	c.cancel()
	if c.phone != nil {
		c.phone.hangUp()
	}
	c.work.Wait()
	if c.pc != nil {
		_ = c.pc.GracefulClose()
	}
}

// WriteFrame implements media.Sink: it is the caller's 20 ms clock.
func (c *caller) WriteFrame([]int16) error {
	if c.phone != nil {
		return c.phone.send(c.next(time.Now()))
	}
	err := c.track.WriteSample(wire.Sample{Data: c.next(time.Now()), Duration: media.FrameTime})
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// next is the packet to send now, which contains the last 20 ms.
func (c *caller) next(now time.Time) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.packet == len(c.script.speech) && c.shouldSpeak(now) {
		c.packet, c.roomPackets = 0, 0
		c.onset, c.speechEnd, c.isDucked = now.Add(-media.FrameTime), time.Time{}, false
		c.interrupting = c.plan.Interrupt && !c.replyStart.IsZero()
		c.replyStart = time.Time{}
	}
	if c.packet == len(c.script.speech) {
		c.roomPackets++
		return c.script.room[(c.roomPackets-1)%len(c.script.room)]
	}
	p := c.script.speech[c.packet]
	if c.packet++; c.packet == len(c.script.speech) {
		c.endUtterance(now)
	}
	return p
}

// shouldSpeak reports whether it is time to speak.
func (c *caller) shouldSpeak(now time.Time) bool {
	switch {
	case now.After(c.speakBy):
		if !c.speechEnd.IsZero() {
			c.found.Problems = append(c.found.Problems, fmt.Sprintf("no reply within %v", replyWait))
		}
		return true
	case c.replyStart.IsZero():
		return false
	case c.plan.Interrupt:
		return now.Sub(c.replyStart) >= interruptAt
	}
	return now.Sub(c.lastAudio) >= turnPause
}

// endUtterance records the end of the utterance, and when the agent fell silent if the
// utterance was an interruption.
func (c *caller) endUtterance(now time.Time) {
	c.speechEnd, c.speakBy = now, now.Add(replyWait)
	if !c.interrupting {
		return
	}
	c.interrupting = false
	silent := c.lastAudio.Sub(c.onset)
	if now.Sub(c.lastAudio) < turnPause {
		c.found.Problems = append(c.found.Problems, "an interruption did not stop the agent")
		return
	}
	c.found.Silent = append(c.found.Silent, silent)
}

// receiveTrack receives the agent's voice until the track ends.
func (c *caller) receiveTrack(track *webrtc.TrackRemote, decoder media.Decoder) {
	buf := make([]byte, 1500)
	var pcm []int16
	var p rtp.Packet
	for {
		n, _, err := track.Read(buf)
		if err != nil {
			return
		}
		now := time.Now()
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		if pcm, err = decoder.Decode(pcm[:0], p.Payload); err == nil {
			c.receive(sentPacket{at: now, sequence: p.SequenceNumber, timestamp: p.Timestamp}, pcm)
		}
	}
}

// receive measures a received packet, whose audio is heard from the moment it arrived.
func (c *caller) receive(s sentPacket, pcm []int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received.add(s)
	const size = media.EarRate / 200
	for i := 0; i+size <= len(pcm); i += size {
		c.measure(audiotest.RMS(pcm[i:i+size]), s.at.Add(time.Duration(i/size)*blockTime))
	}
}

// measure takes the level of 5 ms of the agent's voice.
func (c *caller) measure(level float64, at time.Time) {
	if c.interrupting && !c.isDucked && level < ducked*c.usualLevel {
		c.isDucked = true
		c.found.Ducked = append(c.found.Ducked, at.Sub(c.onset))
	}
	if level < audible {
		return
	}
	c.lastAudio = at.Add(blockTime)
	if c.replyStart.IsZero() && !c.speechEnd.IsZero() {
		c.replyStart, c.usualLevel = at, level
		c.speakBy = at.Add(replyWait)
		c.found.Replies = append(c.found.Replies, at.Sub(c.speechEnd))
	}
	if !c.interrupting {
		c.usualLevel += (level - c.usualLevel) / 20
	}
}

// measured is what the caller measured, to be called after hangUp.
func (c *caller) measured(number int) measurements {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.found.Replies) == 0 {
		c.found.Problems = append(c.found.Problems, "no reply at all")
	}
	for i, p := range c.found.Problems {
		c.found.Problems[i] = fmt.Sprintf("caller %d: %s", number, p)
	}
	c.found.Late = c.received.endTalkspurt()
	return c.found
}
