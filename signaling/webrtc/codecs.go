package webrtc

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"frontdesk/media"
)

const (
	g711Rate = 8000 // Hz, also of its RTP clock
	mimeDTMF = "audio/telephone-event"
)

func isDTMF(mime string) bool { return strings.EqualFold(mime, mimeDTMF) }

// newMediaEngine registers the supported codecs, the preferred one first. SDP always
// describes Opus as stereo at 48 kHz (RFC 7587, 4.1).
func newMediaEngine() (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	for _, c := range []webrtc.RTPCodecParameters{
		{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			},
			PayloadType: 111,
		},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMU, ClockRate: g711Rate}, PayloadType: 0},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypePCMA, ClockRate: g711Rate}, PayloadType: 8},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mimeDTMF, ClockRate: 48000, SDPFmtpLine: "0-15"}, PayloadType: 110},
		{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: mimeDTMF, ClockRate: g711Rate, SDPFmtpLine: "0-15"}, PayloadType: 126},
	} {
		if err := m.RegisterCodec(c, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// newEncoder returns nil for a codec that this build cannot encode; the agent's track then
// uses the next one of the answer. All calls share cache.
func newEncoder(mime string, cache *media.OpusCache) (encoder, error) {
	switch strings.ToLower(mime) {
	case "audio/opus":
		if !media.CanEncodeOpus {
			return nil, nil
		}
		return media.NewCachedOpusEncoder(cache)
	case "audio/pcmu":
		return media.NewG711Encoder(media.EncodePCMU), nil
	case "audio/pcma":
		return media.NewG711Encoder(media.EncodePCMA), nil
	}
	return nil, nil
}

// newReceiver returns nil for an unknown codec.
func newReceiver(mime string) (*media.Receiver, error) {
	switch strings.ToLower(mime) {
	case "audio/opus":
		d, err := media.NewOpusDecoder()
		if err != nil {
			return nil, err
		}
		return media.NewReceiver(d, 48000), nil
	case "audio/pcmu":
		return media.NewReceiver(media.NewG711Decoder(media.DecodePCMU), g711Rate), nil
	case "audio/pcma":
		return media.NewReceiver(media.NewG711Decoder(media.DecodePCMA), g711Rate), nil
	}
	return nil, nil
}
