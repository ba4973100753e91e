//go:build !cgo

package smartturn

import (
	"context"

	"frontdesk/internal/fault"
)

var errNoRuntime = fault.New(fault.Invalid, "this build has no ONNX Runtime (built without cgo); turns end by words and silence only")

// Network is a loaded model. A build without cgo cannot load any.
type Network struct{}

// Open returns an error, because the ONNX Runtime needs cgo.
func Open(Config) (*Network, error) { return nil, errNoRuntime }

// TurnProbability returns an error.
func (*Network) TurnProbability(context.Context, []int16) (float32, error) { return 0, errNoRuntime }

// Close does nothing.
func (*Network) Close() error { return nil }
