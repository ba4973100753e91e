package sip

import (
	"strings"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// codec is one of ours.
type codec struct {
	name    string // in rtpmap, lower case
	payload uint8  // its payload type where a description does not map it (RFC 3551, 6), and in our offers
	clock   int    // of its RTP time stamps, Hz; G.722's is 8000 by an old error that stayed (RFC 3551, 4.5.2)
	rtpmap  string
	fmtp    string
	sparse  bool // silence need not be sent
	narrow  bool // it carries nothing above 4 kHz
	decoder func() (media.Decoder, error)
	encoder func() (encoder, error)
}

// encoder encodes frames at media.MouthRate.
type encoder interface {
	// Encode writes one frame into packet and returns the bytes of it that are used.
	Encode(packet []byte, frame []int16) ([]byte, error)
}

const noisePayload = 13 // comfort noise beside G.711 (RFC 3389)

func g711(name string, payload uint8, decode func([]int16, []byte) []int16, encode func([]byte, []int16) []byte) codec {
	return codec{
		name: name, payload: payload, clock: 8000, narrow: true, rtpmap: strings.ToUpper(name) + "/8000",
		decoder: func() (media.Decoder, error) { return media.NewG711Decoder(decode), nil },
		encoder: func() (encoder, error) { return media.NewG711Encoder(encode), nil },
	}
}

// allCodecs are the codecs that this build can encode, the widest band first, which is
// understood best.
var allCodecs = func() []codec {
	if media.CanEncodeOpus {
		return append([]codec{opus}, telephoneCodecs...)
	}
	return telephoneCodecs
}()

var opus = codec{
	name: "opus", payload: 107, clock: 48000, rtpmap: "opus/48000/2", fmtp: "useinbandfec=1;usedtx=1", sparse: true,
	decoder: func() (media.Decoder, error) { return media.NewOpusDecoder() },
	encoder: func() (encoder, error) { return media.NewOpusEncoder() },
}

var telephoneCodecs = []codec{
	{
		name: "g722", payload: 9, clock: 8000, rtpmap: "G722/8000",
		decoder: func() (media.Decoder, error) { return media.NewG722Decoder(), nil },
		encoder: func() (encoder, error) { return media.NewG722Encoder(), nil },
	},
	g711("pcmu", 0, media.DecodePCMU, media.EncodePCMU),
	g711("pcma", 8, media.DecodePCMA, media.EncodePCMA),
}

// open makes what hears and what speaks by the codec.
func (c codec) open() (media.Decoder, encoder, error) {
	d, err := c.decoder()
	if err != nil {
		return nil, nil, err
	}
	e, err := c.encoder()
	return d, e, err
}

// findCodecs finds codecs by their names; none names all of them.
func findCodecs(names []string) ([]codec, error) {
	if len(names) == 0 {
		return allCodecs, nil
	}
	var found []codec
next:
	for _, name := range names {
		for _, c := range allCodecs {
			if c.name == name {
				found = append(found, c)
				continue next
			}
		}
		if name == opus.name {
			return nil, fault.New(fault.Invalid, "this build has no Opus encoder (built without cgo); use g722, pcmu or pcma")
		}
		return nil, fault.New(fault.Invalid, "%q is no codec: opus, g722, pcmu and pcma are", name)
	}
	return found, nil
}

// frame is how far the clock goes in 20 ms.
func (c codec) frame() uint32 { return uint32(c.clock / 50) }
