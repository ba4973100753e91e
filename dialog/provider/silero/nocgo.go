//go:build !cgo

package silero

import (
	"frontdesk/dialog"
	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Network is a loaded model. A build without cgo cannot load any.
type Network struct{}

// Open returns an error, because the ONNX Runtime needs cgo.
func Open(Config) (*Network, error) {
	return nil, fault.New(fault.Invalid, "this build has no ONNX Runtime (built without cgo); remove vad.model to use the built-in detector")
}

// Detector returns the built-in detector.
func (*Network) Detector() dialog.VoiceDetector { return media.NewDetector() }

// Fused returns the built-in detector.
func (*Network) Fused() dialog.VoiceDetector { return media.NewDetector() }

// Close does nothing.
func (*Network) Close() error { return nil }
