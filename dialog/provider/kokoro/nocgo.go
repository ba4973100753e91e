//go:build !cgo

package kokoro

import (
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
)

// openEngine returns an error, because ONNX Runtime needs cgo.
func openEngine(*onnx.Runtime, string) (engine, error) {
	return nil, fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}
