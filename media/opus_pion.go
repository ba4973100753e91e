package media

import (
	"fmt"

	"github.com/pion/opus"
)

// pionOpusDecoder decodes Opus in Go, for builds without cgo. Every build compiles it,
// so that one test holds both decoders to the same behaviour.
type pionOpusDecoder struct {
	dec opus.Decoder
	pcm [maxOpusSamples]int16 // the library needs room for 120 ms, however long the packet is
}

func newPionOpusDecoder() (*pionOpusDecoder, error) {
	dec, err := opus.NewDecoderWithOutput(EarRate, 1)
	if err != nil {
		return nil, fmt.Errorf("make Opus decoder: %w", err)
	}
	return &pionOpusDecoder{dec: dec}, nil
}

// Decode implements Decoder. A DTX packet gives silence of the length it claims and does
// not reach the library, whose state it would corrupt.
func (d *pionOpusDecoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	n := opusSamples(packet)
	if n == 0 {
		return dst, ErrCodec
	}
	if len(packet) <= dtxBytes {
		clear(d.pcm[:n])
		return append(dst, d.pcm[:n]...), nil
	}
	n, err := d.dec.DecodeToInt16(packet, d.pcm[:])
	if err != nil || n <= 0 || n > maxOpusSamples {
		return dst, ErrCodec
	}
	return append(dst, d.pcm[:n]...), nil
}
