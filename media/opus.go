package media

import (
	"errors"
	"fmt"

	"github.com/hraban/opus"
)

const (
	// MaxOpusPacket is the longest Opus packet, in bytes (RFC 6716, section 3.4).
	MaxOpusPacket = 1275*6 + 100
	// opusLongest is the longest stretch of sound in one packet: 120 ms at EarRate.
	opusLongest = EarRate * 120 / 1000
	opusBitrate = 28000 // per second, for speech at 24 kHz
	opusLoss    = 10    // percent expected, which makes the encoder add FEC
)

// ErrCodec says that a packet does not hold what its codec allows.
var ErrCodec = errors.New("malformed packet")

// Decoder turns packets of a codec into PCM at EarRate. Not safe for concurrent use.
type Decoder interface {
	// Decode appends the sound of one packet to dst. A malformed packet gives ErrCodec
	// and appends nothing.
	Decode(dst []int16, packet []byte) ([]int16, error)
}

// Concealer is what a Decoder may do besides: make up for a lost packet itself.
type Concealer interface {
	// Conceal appends a packet's worth of sound in place of the one that was lost. next
	// is the packet that followed it, which may carry a copy of its sound, or empty when
	// it has not come; it is still to be decoded. ErrCodec appends nothing.
	Conceal(dst []int16, next []byte) ([]int16, error)
}

// OpusDecoder decodes Opus (RFC 6716) straight to EarRate mono. It is a Concealer.
type OpusDecoder struct {
	dec    *opus.Decoder
	pcm    [opusLongest]int16
	last   int  // samples in the packet before
	silent bool // the packet before carried no sound
}

// NewOpusDecoder makes a decoder for one stream.
func NewOpusDecoder() (*OpusDecoder, error) {
	dec, err := opus.NewDecoder(EarRate, 1)
	if err != nil {
		return nil, fmt.Errorf("make Opus decoder: %w", err)
	}
	return &OpusDecoder{dec: dec, last: EarFrame, silent: true}, nil
}

// Decode implements Decoder. Packets of one or two bytes carry no sound (DTX) and
// give silence as long as they say.
func (d *OpusDecoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	n := opusLength(packet)
	if n == 0 || n > opusLongest || len(packet) > MaxOpusPacket {
		return dst, ErrCodec
	}
	if len(packet) <= 2 {
		d.last, d.silent = n, true
		return d.silence(dst), nil
	}
	n, err := d.dec.Decode(packet, d.pcm[:])
	if err != nil || n <= 0 || n > opusLongest {
		return dst, ErrCodec
	}
	d.last, d.silent = n, false
	return append(dst, d.pcm[:n]...), nil
}

// Conceal implements Concealer, with the in-band FEC of next where there is some (RFC
// 6716, section 2.1.7) and by extrapolation otherwise. What is lost among packets
// without sound is taken to be one of them.
func (d *OpusDecoder) Conceal(dst []int16, next []byte) ([]int16, error) {
	pcm := d.pcm[:d.last:d.last] // the library goes by the capacity
	if n := opusLength(next); len(next) > 2 && len(next) <= MaxOpusPacket && n > 0 && n <= opusLongest {
		if d.dec.DecodeFEC(next, pcm) == nil {
			return append(dst, pcm...), nil
		}
	}
	if d.silent {
		return d.silence(dst), nil
	}
	if d.dec.DecodePLC(pcm) != nil {
		return dst, ErrCodec
	}
	return append(dst, pcm...), nil
}

// silence appends a packet's worth of it.
func (d *OpusDecoder) silence(dst []int16) []int16 {
	clear(d.pcm[:d.last])
	return append(dst, d.pcm[:d.last]...)
}

// opusLength is how many samples at EarRate a packet says it holds (RFC 6716, section
// 3.1 and 3.2); none in an empty one.
func opusLength(packet []byte) int {
	const ms = EarRate / 1000
	if len(packet) == 0 {
		return 0
	}
	config, frame := packet[0]>>3, 0
	switch {
	case config < 12: // SILK
		frame = [...]int{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		frame = [...]int{10 * ms, 20 * ms}[config&1]
	default: // CELT
		frame = [...]int{5 * ms / 2, 5 * ms, 10 * ms, 20 * ms}[config&3]
	}
	switch packet[0] & 3 {
	case 0:
		return frame
	case 3:
		if len(packet) < 2 {
			return frame
		}
		return frame * int(packet[1]&0x3f)
	}
	return 2 * frame
}

// OpusEncoder encodes MouthRate mono speech as Opus with in-band FEC.
type OpusEncoder struct{ enc *opus.Encoder }

// NewOpusEncoder makes an encoder for one stream.
func NewOpusEncoder() (*OpusEncoder, error) {
	enc, err := opus.NewEncoder(MouthRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("make Opus encoder: %w", err)
	}
	err = errors.Join(enc.SetComplexity(5), enc.SetBitrate(opusBitrate), enc.SetInBandFEC(true), enc.SetPacketLossPerc(opusLoss))
	if err != nil {
		return nil, fmt.Errorf("set up Opus encoder: %w", err)
	}
	return &OpusEncoder{enc: enc}, nil
}

// Encode writes one frame (MouthFrame samples) into packet and returns the bytes of
// it that are used. 1,500 bytes are always enough.
func (e *OpusEncoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	n, err := e.enc.Encode(frame, packet)
	if err != nil {
		return nil, fmt.Errorf("encode Opus: %w", err)
	}
	return packet[:n], nil
}

// maxSamples bounds a packet of a codec of 8 bytes a millisecond: 120 ms.
const maxSamples = 8 * 120

// G711Decoder decodes G.711 to EarRate.
type G711Decoder struct {
	expand func([]int16, []byte) []int16
	pcm    []int16
	up     *Resampler
}

// NewG711Decoder makes a decoder for one stream of DecodePCMU's or DecodePCMA's law.
func NewG711Decoder(law func(dst []int16, src []byte) []int16) *G711Decoder {
	return &G711Decoder{expand: law, up: NewResampler(8000, EarRate)}
}

// Decode implements Decoder.
func (d *G711Decoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	if len(packet) == 0 || len(packet) > maxSamples {
		return dst, ErrCodec
	}
	d.pcm = d.expand(d.pcm[:0], packet)
	return d.up.Process(dst, d.pcm), nil
}
