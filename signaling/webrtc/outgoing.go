package webrtc

import (
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"frontdesk/media"
)

const (
	trailingSilence = 4    // frames of silence sent after speech, so that the caller's decoder fades out
	silenceInterval = 20   // frames between packets of a longer silence: 400 ms, as Opus's DTX (RFC 6716, 2.1.9)
	maxPayload      = 1500 // bytes
)

// encoder encodes one frame (MouthFrame samples at MouthRate). The payload may be a part
// of packet, which has maxPayload bytes.
type encoder interface {
	Encode(packet []byte, frame []int16) ([]byte, error)
}

// outgoingAudio is the agent's audio: a media.Sink that is a pion track. Its RTP timestamp
// advances during silence, although few packets are sent then.
type outgoingAudio struct {
	cache *media.OpusCache

	mu           sync.Mutex
	out          webrtc.TrackLocalWriter // nil until negotiated, and after the connection has ended
	encoder      encoder
	header       rtp.Header
	ticks        uint32 // of the RTP clock, per frame
	silentFrames int    // since the last frame of speech
	hasGap       bool   // a frame was not sent since then
	payload      [maxPayload]byte
}

func newOutgoingAudio(cache *media.OpusCache) *outgoingAudio {
	return &outgoingAudio{cache: cache, silentFrames: trailingSilence + 1, hasGap: true}
}

// silence is encoded for a nil frame.
var silence [media.MouthFrame]int16

// WriteFrame implements media.Sink.
func (a *outgoingAudio) WriteFrame(frame []int16) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.header.Timestamp += a.ticks
	if a.out == nil {
		return nil
	}
	if frame != nil {
		a.silentFrames = 0
	} else {
		a.silentFrames++
		frame = silence[:]
		if a.silentFrames > trailingSilence {
			a.hasGap = true
			if a.silentFrames%silenceInterval != 0 {
				return nil
			}
		}
	}
	payload, err := a.encoder.Encode(a.payload[:], frame)
	if err != nil {
		return err
	}
	a.header.Marker = a.hasGap && a.silentFrames == 0 // the first packet of a talkspurt (RFC 3551, 4.1)
	a.hasGap = a.hasGap && a.silentFrames > 0
	_, _ = a.out.WriteRTP(&a.header, payload) // an error is a lost packet
	a.header.SequenceNumber++
	return nil
}

// Bind implements webrtc.TrackLocal.
func (a *outgoingAudio) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range c.CodecParameters() {
		e, err := newEncoder(codec.MimeType, a.cache)
		if err != nil {
			return webrtc.RTPCodecParameters{}, err
		}
		if e == nil {
			continue
		}
		a.mu.Lock()
		a.out, a.encoder = c.WriteStream(), e
		a.header = rtp.Header{Version: 2, PayloadType: uint8(codec.PayloadType), SSRC: uint32(c.SSRC())}
		a.ticks = codec.ClockRate / 50
		a.mu.Unlock()
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind implements webrtc.TrackLocal.
func (a *outgoingAudio) Unbind(webrtc.TrackLocalContext) error {
	a.mu.Lock()
	a.out = nil
	a.mu.Unlock()
	return nil
}

// ID implements webrtc.TrackLocal.
func (*outgoingAudio) ID() string { return "voice" }

// RID implements webrtc.TrackLocal.
func (*outgoingAudio) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (*outgoingAudio) StreamID() string { return "agent" }

// Kind implements webrtc.TrackLocal.
func (*outgoingAudio) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }
