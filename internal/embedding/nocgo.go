//go:build !cgo

package embedding

import (
	"context"

	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
)

// MiniLM is a network. A build without cgo has none.
type MiniLM struct{}

// OpenMiniLM returns an error, because ONNX Runtime needs cgo.
func OpenMiniLM(*onnx.Runtime, string) (*MiniLM, error) {
	return nil, fault.New(fault.Invalid, "this build cannot load ONNX Runtime (built without cgo)")
}

// Name implements knowledge.Embedder.
func (*MiniLM) Name() string { return "" }

// Close does nothing.
func (*MiniLM) Close() error { return nil }

// Query returns an error.
func (*MiniLM) Query(context.Context, string) ([]float32, error) {
	return nil, fault.New(fault.Unavailable, "this build has no networks")
}

// Passages returns an error.
func (*MiniLM) Passages(context.Context, []string) ([][]float32, error) {
	return nil, fault.New(fault.Unavailable, "this build has no networks")
}
