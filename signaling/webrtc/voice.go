package webrtc

import (
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"frontdesk/media"
)

const (
	trailing     = 4    // frames of silence that are sent, so that the caller's decoder settles in silence
	silenceEvery = 20   // frames between packets of a longer silence: 400 ms, as Opus's own DTX (RFC 6716, 2.1.9)
	maxPayload   = 1500 // bytes
)

// encoder turns one frame (MouthFrame samples at MouthRate) into a payload, for which
// it uses packet (maxPayload bytes).
type encoder interface {
	Encode(packet []byte, frame []int16) ([]byte, error)
}

// voice is the agent's sound on its way out: a media.Sink that is a pion track. Its
// RTP clock goes on in silence, of which little is sent.
type voice struct {
	spoken *media.OpusCache

	mu      sync.Mutex
	out     webrtc.TrackLocalWriter // nil until negotiated, and when the connection ends
	encoder encoder
	header  rtp.Header
	step    uint32 // RTP clock per frame
	quiet   int    // frames of silence since the last sound
	gap     bool   // something was not sent since the last sound
	payload [maxPayload]byte
}

func newVoice(spoken *media.OpusCache) *voice {
	return &voice{spoken: spoken, quiet: trailing + 1, gap: true}
}

// silence is what a nil frame sounds like.
var silence [media.MouthFrame]int16

// WriteFrame implements media.Sink.
func (v *voice) WriteFrame(frame []int16) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.header.Timestamp += v.step
	if v.out == nil {
		return nil
	}
	if frame != nil {
		v.quiet = 0
	} else {
		v.quiet++
		frame = silence[:]
		if v.quiet > trailing {
			v.gap = true
			if v.quiet%silenceEvery != 0 {
				return nil
			}
		}
	}
	payload, err := v.encoder.Encode(v.payload[:], frame)
	if err != nil {
		return err
	}
	v.header.Marker = v.gap && v.quiet == 0 // the first packet of a talkspurt (RFC 3551, 4.1)
	v.gap = v.gap && v.quiet > 0
	_, _ = v.out.WriteRTP(&v.header, payload) // a packet that cannot leave is a packet lost
	v.header.SequenceNumber++
	return nil
}

// Bind implements webrtc.TrackLocal.
func (v *voice) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, codec := range c.CodecParameters() {
		e, err := newEncoder(codec.MimeType, v.spoken)
		if err != nil {
			return webrtc.RTPCodecParameters{}, err
		}
		if e == nil {
			continue
		}
		v.mu.Lock()
		v.out, v.encoder = c.WriteStream(), e
		v.header = rtp.Header{Version: 2, PayloadType: uint8(codec.PayloadType), SSRC: uint32(c.SSRC())}
		v.step = codec.ClockRate / 50
		v.mu.Unlock()
		return codec, nil
	}
	return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
}

// Unbind implements webrtc.TrackLocal.
func (v *voice) Unbind(webrtc.TrackLocalContext) error {
	v.mu.Lock()
	v.out = nil
	v.mu.Unlock()
	return nil
}

// ID implements webrtc.TrackLocal.
func (*voice) ID() string { return "voice" }

// RID implements webrtc.TrackLocal.
func (*voice) RID() string { return "" }

// StreamID implements webrtc.TrackLocal.
func (*voice) StreamID() string { return "agent" }

// Kind implements webrtc.TrackLocal.
func (*voice) Kind() webrtc.RTPCodecType { return webrtc.RTPCodecTypeAudio }
