//go:build cgo

package media

import (
	"errors"
	"fmt"

	"github.com/hraban/opus"
)

const (
	// CanEncodeOpus reports whether this build has an Opus encoder, which needs cgo.
	CanEncodeOpus = true

	opusBitrate = 28000 // bits per second, for speech at 24 kHz
	opusLoss    = 10    // percent of packet loss to expect, which makes the encoder add FEC
)

func newOpusDecoder() (Decoder, error) {
	dec, err := opus.NewDecoder(EarRate, 1)
	if err != nil {
		return nil, fmt.Errorf("make Opus decoder: %w", err)
	}
	return &libopusDecoder{dec: dec, last: EarFrame, silent: true}, nil
}

// libopusDecoder decodes Opus with libopus. It is a Concealer.
type libopusDecoder struct {
	dec    *opus.Decoder
	pcm    [maxOpusSamples]int16
	last   int  // samples in the previous packet
	silent bool // the previous packet carried no audio
}

// Decode implements Decoder. A DTX packet gives silence of the length it claims.
func (d *libopusDecoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	n := opusSamples(packet)
	if n == 0 {
		return dst, ErrCodec
	}
	if len(packet) <= dtxBytes {
		d.last, d.silent = n, true
		return d.silence(dst), nil
	}
	n, err := d.dec.Decode(packet, d.pcm[:])
	if err != nil || n <= 0 || n > maxOpusSamples {
		return dst, ErrCodec
	}
	d.last, d.silent = n, false
	return append(dst, d.pcm[:n]...), nil
}

// Conceal implements Concealer with the in-band FEC of next if it has some (RFC 6716,
// section 2.1.7) and by extrapolation otherwise. A packet lost after a DTX packet is
// taken for another DTX packet.
func (d *libopusDecoder) Conceal(dst []int16, next []byte) ([]int16, error) {
	pcm := d.pcm[:d.last:d.last] // the library uses the capacity
	if len(next) > dtxBytes && opusSamples(next) > 0 {
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

// silence appends a packet's length of silence.
func (d *libopusDecoder) silence(dst []int16) []int16 {
	clear(d.pcm[:d.last])
	return append(dst, d.pcm[:d.last]...)
}

// OpusEncoder encodes MouthRate mono speech as Opus with in-band FEC.
type OpusEncoder struct{ enc *opus.Encoder }

// NewOpusEncoder returns an encoder for one stream.
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

// Encode writes one frame (MouthFrame samples) into packet and returns the part of
// packet that it filled. 1,500 bytes are always enough.
func (e *OpusEncoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	n, err := e.enc.Encode(frame, packet)
	if err != nil {
		return nil, fmt.Errorf("encode Opus: %w", err)
	}
	return packet[:n], nil
}

func (e *OpusEncoder) reset() error { return e.enc.Reset() }
