package media

import "errors"

// ErrCodec reports a packet that its codec cannot decode.
var ErrCodec = errors.New("malformed packet")

// Decoder decodes the packets of one stream to mono PCM at EarRate. It is not safe for
// concurrent use.
type Decoder interface {
	// Decode appends the audio of one packet to dst. For a malformed packet it returns
	// ErrCodec and appends nothing.
	Decode(dst []int16, packet []byte) ([]int16, error)
}

// Concealer is a Decoder with packet loss concealment of its own.
type Concealer interface {
	// Conceal appends as much audio as the previous packet held, in place of a lost one.
	// next is the packet after the lost one, which may carry a copy of the lost audio
	// (in-band FEC); it is empty when that packet has not arrived, and the caller still
	// decodes it afterwards. With ErrCodec nothing is appended.
	Conceal(dst []int16, next []byte) ([]int16, error)
}
