package caller

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"frontdesk/media"
)

var (
	opusCodec = webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
	}, PayloadType: 111}
	pcmuCodec = webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypePCMU, ClockRate: 8000,
	}, PayloadType: 0}
)

// encoder encodes frames at media.MouthRate.
type encoder interface {
	// Encode writes one frame into packet and returns the part of packet that it filled.
	Encode(packet []byte, frame []int16) ([]byte, error)
}

// newEncoder returns the caller's encoder and codec: Opus, or PCMU in a build without an
// Opus encoder.
func newEncoder() (encoder, webrtc.RTPCodecCapability, error) {
	if !media.CanEncodeOpus {
		return media.NewG711Encoder(media.EncodePCMU), pcmuCodec.RTPCodecCapability, nil
	}
	enc, err := media.NewOpusEncoder()
	return enc, opusCodec.RTPCodecCapability, err
}

// newDecoder returns a decoder for the agent's codec.
func newDecoder(mime string) (media.Decoder, error) {
	if strings.EqualFold(mime, webrtc.MimeTypePCMU) {
		return media.NewG711Decoder(media.DecodePCMU), nil
	}
	return media.NewOpusDecoder()
}
