//go:build !cgo

package moonshine

import "frontdesk/internal/fault"

func openEngine(Config) (*engine, error) {
	return nil, fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}
