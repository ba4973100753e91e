// Package silero detects speech with the neural network Silero VAD, version 5 or 6. The
// operator provides its ONNX file and the ONNX Runtime library. One Network serves all calls;
// each call has a detector with its own state. The package imports dialog, media,
// internal/onnx and internal/fault. Audio enters as frames at media.EarRate; probabilities
// of speech leave.
package silero

// Config names the files to load.
type Config struct {
	Model   string // ONNX file of Silero VAD
	Library string // ONNX Runtime, 1.24 or later; "" searches the system's library folders
	// OnFailure, if set, is called when the network fails in a call, by the call's goroutine.
	// The call goes on with a media.Detector.
	OnFailure func(error)
}
