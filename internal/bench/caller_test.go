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

	"frontdesk/media"
)

const (
	audible     = 60   // RMS of 5 ms, about -55 dB of full scale
	lowered     = 0.25 // of the usual loudness, -12 dB, from which a voice counts as ducked
	blockTime   = 5 * time.Millisecond
	firstPause  = 300 * time.Millisecond // until a caller speaks for the first time
	turnPause   = 400 * time.Millisecond // between the end of a reply and the caller's next words
	interruptAt = time.Second            // of a reply
	replyWait   = 10 * time.Second
)

// script is what callers send, in Opus or a telephone's codec.
type script struct {
	room   [][]byte // silence, over and over
	speech [][]byte
}

func newScript(speech time.Duration, codec string) (*script, error) {
	before, after := room(time.Second), room(2*time.Second)
	said := utterance(speech)
	enc, err := encoderOf(codec)
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
	plan   plan
	script *script
	pc     *webrtc.PeerConnection
	track  *webrtc.TrackLocalStaticSample
	phone  *phone // in place of pc and track
	open   chan struct{}
	life   context.Context
	end    context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	packet   int       // of speech to send next; len(script.speech) when not speaking
	resting  int       // packets of room sent
	due      time.Time // to speak in any case
	onset    time.Time // of the utterance
	ended    time.Time // the utterance before; zero while speaking
	replied  time.Time // the reply's first sound; zero before
	last     time.Time // the latest sound's end
	usual    float64   // loudness of the reply
	over     bool      // the utterance under way interrupts
	ducked   bool
	found    findings
	received clockwork
}

func newCaller(p plan, s *script) *caller {
	c := &caller{plan: p, script: s, open: make(chan struct{}), packet: len(s.speech)}
	c.life, c.end = context.WithCancel(context.Background())
	return c
}

// connect makes the call and begins to talk.
func (c *caller) connect(ctx context.Context) error {
	if c.plan.Phone != "" {
		return c.dial(ctx)
	}
	if err := c.prepare(); err != nil {
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
	answer, err := c.offer(ctx, c.pc.LocalDescription().SDP)
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
	c.begin()
	return nil
}

// begin begins to talk.
func (c *caller) begin() {
	c.due = time.Now().Add(firstPause)
	c.work.Go(func() { _ = media.NewPlayout(c).Run(c.life) }) // it ends with life, or the connection
}

func (c *caller) prepare() error {
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
	c.pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { c.listen(t, decoder) })
	return nil
}

func (c *caller) offer(ctx context.Context, sdp string) (answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.plan.URL+"/v1/realtime/calls?model=desk", bytes.NewReader([]byte(sdp)))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer anybody") // will do where no key is configured
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
	c.end()
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

// next is the packet to send now, which holds the 20 ms before.
func (c *caller) next(now time.Time) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.packet == len(c.script.speech) && c.turn(now) {
		c.packet, c.resting = 0, 0
		c.onset, c.ended, c.ducked = now.Add(-media.FrameTime), time.Time{}, false
		c.over = c.plan.Interrupt && !c.replied.IsZero()
		c.replied = time.Time{}
	}
	if c.packet == len(c.script.speech) {
		c.resting++
		return c.script.room[(c.resting-1)%len(c.script.room)]
	}
	p := c.script.speech[c.packet]
	if c.packet++; c.packet == len(c.script.speech) {
		c.said(now)
	}
	return p
}

// turn reports whether it is time to speak.
func (c *caller) turn(now time.Time) bool {
	switch {
	case now.After(c.due):
		if !c.ended.IsZero() {
			c.found.Missing = append(c.found.Missing, fmt.Sprintf("no reply within %v", replyWait))
		}
		return true
	case c.replied.IsZero():
		return false
	case c.plan.Interrupt:
		return now.Sub(c.replied) >= interruptAt
	}
	return now.Sub(c.last) >= turnPause
}

// said ends the utterance.
func (c *caller) said(now time.Time) {
	c.ended, c.due = now, now.Add(replyWait)
	if !c.over {
		return
	}
	c.over = false
	silent := c.last.Sub(c.onset)
	if now.Sub(c.last) < turnPause {
		c.found.Missing = append(c.found.Missing, "an interruption did not stop the agent")
		return
	}
	c.found.Silent = append(c.found.Silent, silent)
}

// listen takes the agent's voice until it ends. What is in a packet sounds from when it came.
func (c *caller) listen(track *webrtc.TrackRemote, decoder *media.OpusDecoder) {
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
			c.take(sending{at: now, number: p.SequenceNumber, stamp: p.Timestamp}, pcm)
		}
	}
}

// take takes a packet that came.
func (c *caller) take(s sending, pcm []int16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received.add(s)
	const size = media.EarRate / 200
	for i := 0; i+size <= len(pcm); i += size {
		c.hear(rms(pcm[i:i+size]), s.at.Add(time.Duration(i/size)*blockTime))
	}
}

// hear takes 5 ms of the agent's voice.
func (c *caller) hear(level float64, at time.Time) {
	if c.over && !c.ducked && level < lowered*c.usual {
		c.ducked = true
		c.found.Ducked = append(c.found.Ducked, at.Sub(c.onset))
	}
	if level < audible {
		return
	}
	c.last = at.Add(blockTime)
	if c.replied.IsZero() && !c.ended.IsZero() {
		c.replied, c.usual = at, level
		c.due = at.Add(replyWait)
		c.found.Replies = append(c.found.Replies, at.Sub(c.ended))
	}
	if !c.over {
		c.usual += (level - c.usual) / 20
	}
}

// findings is what was measured; nothing may run any more.
func (c *caller) findings(number int) findings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.found.Replies) == 0 {
		c.found.Missing = append(c.found.Missing, "no reply at all")
	}
	for i, m := range c.found.Missing {
		c.found.Missing[i] = fmt.Sprintf("caller %d: %s", number, m)
	}
	c.found.Late = c.received.end()
	return c.found
}
