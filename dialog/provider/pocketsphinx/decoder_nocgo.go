//go:build !cgo

package pocketsphinx

import "frontdesk/internal/fault"

// supported returns an error, because the library needs cgo.
func supported() error {
	return fault.New(fault.Invalid, "this build has no pocketsphinx (built without cgo); set stt.url")
}

type decoder struct{}

type mean struct{}

func convertModel(_, _ string) error { return supported() }

func newDecoder([]string) (*decoder, error) { return nil, supported() }

func (*decoder) close()            {}
func (*decoder) begin(*mean) bool  { return false }
func (*decoder) feed([]int16) bool { return false }
func (*decoder) end() bool         { return false }
func (*decoder) learn(*mean)       {}
func (*decoder) words() []string   { return nil }
