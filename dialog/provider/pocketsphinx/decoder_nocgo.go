//go:build !cgo

package pocketsphinx

import "frontdesk/internal/fault"

// Available reports whether this build has the pocketsphinx library.
const Available = false

// requireLibrary returns an error, because the library needs cgo.
func requireLibrary() error {
	return fault.New(fault.Invalid, "this build has no pocketsphinx (built without cgo); set stt.url")
}

type decoder struct{}

type cepstralMean struct{}

func convertModel(_, _ string) error { return requireLibrary() }

func newDecoder([]string) (*decoder, error) { return nil, requireLibrary() }

func (*decoder) close()                   {}
func (*decoder) begin(*cepstralMean) bool { return false }
func (*decoder) feed([]int16) bool        { return false }
func (*decoder) end() bool                { return false }
func (*decoder) saveMean(*cepstralMean)   {}
func (*decoder) words() []string          { return nil }
