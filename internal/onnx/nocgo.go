//go:build !cgo

package onnx

import "frontdesk/internal/fault"

// Available reports whether this build can load ONNX Runtime.
const Available = false

// Runtime opens networks. A build without cgo has none.
type Runtime struct{}

// Load returns an error, because ONNX Runtime needs cgo.
func Load(Config) (*Runtime, error) {
	return nil, fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}

// Device returns where networks run.
func (*Runtime) Device() string { return "cpu" }

// Fold returns an error, because ONNX Runtime needs cgo.
func (*Runtime) Fold(string, string) error {
	return fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}
