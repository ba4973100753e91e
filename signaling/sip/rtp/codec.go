package rtp

import (
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Codec is an audio codec that this build can encode and decode.
type Codec struct {
	Name       string // lower case, as in rtpmap attributes
	Narrowband bool   // carries nothing above 4 kHz

	payload    uint8  // payload type in our offers, and where SDP does not map it (RFC 3551, 6)
	clock      int    // of RTP timestamps, Hz; G.722 says 8000 for historical reasons (RFC 3551, 4.5.2)
	rtpmap     string // value of the attribute, without the payload type
	fmtp       string
	hasDTX     bool // silence need not be sent
	newDecoder func() (media.Decoder, error)
	newEncoder func() (encoder, error)
}

// encoder encodes frames of media.MouthFrame samples at media.MouthRate.
type encoder interface {
	// Encode encodes one frame into packet and returns the used part of packet.
	Encode(packet []byte, frame []int16) ([]byte, error)
}

const comfortNoisePayload = 13 // for 8 kHz codecs (RFC 3389)

func g711(name string, payload uint8, decode func([]int16, []byte) []int16, encode func([]byte, []int16) []byte) Codec {
	return Codec{
		Name: name, Narrowband: true, payload: payload, clock: 8000, rtpmap: strings.ToUpper(name) + "/8000",
		newDecoder: func() (media.Decoder, error) { return media.NewG711Decoder(decode), nil },
		newEncoder: func() (encoder, error) { return media.NewG711Encoder(encode), nil },
	}
}

// allCodecs are the codecs that this build can encode, in order of preference. Recognizers
// understand wideband audio better.
var allCodecs = func() []Codec {
	if media.CanEncodeOpus {
		return append([]Codec{opus}, telephoneCodecs...)
	}
	return telephoneCodecs
}()

var opus = Codec{
	Name: "opus", payload: 107, clock: 48000, rtpmap: "opus/48000/2", fmtp: "useinbandfec=1;usedtx=1", hasDTX: true,
	newDecoder: func() (media.Decoder, error) { return media.NewOpusDecoder() },
	newEncoder: func() (encoder, error) { return media.NewOpusEncoder() },
}

var telephoneCodecs = []Codec{
	{
		Name: "g722", payload: 9, clock: 8000, rtpmap: "G722/8000",
		newDecoder: func() (media.Decoder, error) { return media.NewG722Decoder(), nil },
		newEncoder: func() (encoder, error) { return media.NewG722Encoder(), nil },
	},
	g711("pcmu", 0, media.DecodePCMU, media.EncodePCMU),
	g711("pcma", 8, media.DecodePCMA, media.EncodePCMA),
}

// FindCodecs returns the codecs with the given names, in their order, or all codecs if
// there are no names. The error is Invalid.
func FindCodecs(names []string) ([]Codec, error) {
	if len(names) == 0 {
		return allCodecs, nil
	}
	var found []Codec
next:
	for _, name := range names {
		for _, c := range allCodecs {
			if c.Name == name {
				found = append(found, c)
				continue next
			}
		}
		if name == opus.Name {
			return nil, fault.New(fault.Invalid, "this build has no Opus encoder (built without cgo); use g722, pcmu or pcma")
		}
		return nil, fault.New(fault.Invalid, "unknown codec %q (want opus, g722, pcmu or pcma)", name)
	}
	return found, nil
}

// open returns a new decoder and encoder.
func (c Codec) open() (media.Decoder, encoder, error) {
	d, err := c.newDecoder()
	if err != nil {
		return nil, nil, err
	}
	e, err := c.newEncoder()
	return d, e, err
}

// frameTicks returns by how much the RTP clock advances in one frame of 20 ms.
func (c Codec) frameTicks() uint32 { return uint32(c.clock / 50) }

// matches reports whether a payload type stands for c. rtpmaps maps payload types to the
// names of rtpmap attributes.
func (c Codec) matches(payload uint8, rtpmaps map[uint8]string) bool {
	if name, ok := rtpmaps[payload]; ok {
		return isSameRTPMap(name, c.rtpmap)
	}
	return payload < 96 && payload == c.payload
}
