//go:build !cgo

package media

import "errors"

// CanEncodeOpus reports whether this build has an Opus encoder, which needs cgo.
const CanEncodeOpus = false

var errNoOpusEncoder = errors.New("this build has no Opus encoder (built without cgo); use g722, pcmu or pcma")

func newOpusDecoder() (Decoder, error) { return newPionOpusDecoder() }

// OpusEncoder encodes Opus. This build has none.
type OpusEncoder struct{}

// NewOpusEncoder returns an error, because this build has no encoder.
func NewOpusEncoder() (*OpusEncoder, error) { return nil, errNoOpusEncoder }

// Encode returns an error, because this build has no encoder.
func (*OpusEncoder) Encode([]byte, []int16) ([]byte, error) { return nil, errNoOpusEncoder }

func (*OpusEncoder) reset() error { return errNoOpusEncoder }
