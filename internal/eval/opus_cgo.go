//go:build cgo

package eval

import (
	"slices"

	"github.com/hraban/opus"

	"frontdesk/media"
)

// opus16 encodes and decodes Opus at 16 kbit/s.
func opus16(pcm []int16) ([]int16, error) {
	enc, err := opus.NewEncoder(media.EarRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, err
	}
	if err := enc.SetBitrate(16000); err != nil {
		return nil, err
	}
	dec, err := media.NewOpusDecoder()
	if err != nil {
		return nil, err
	}
	packet := make([]byte, 1500)
	var out []int16
	for frame := range slices.Chunk(pcm[:len(pcm)/media.EarFrame*media.EarFrame], media.EarFrame) {
		n, err := enc.Encode(frame, packet)
		if err != nil {
			return nil, err
		}
		if out, err = dec.Decode(out, packet[:n]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
