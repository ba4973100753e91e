//go:build !cgo

package piper

import (
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
)

// openEngine returns an error, because ONNX Runtime needs cgo.
func openEngine(*onnx.Runtime, string, bool) (engine, error) {
	return nil, fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}
