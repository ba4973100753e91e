// Package silero hears speech by the neural network of Silero VAD, version 5, where the
// operator gives its ONNX file and has the ONNX Runtime library. One network serves
// all calls; each has its own state. It imports dialog and media.
package silero

// Config is where things are.
type Config struct {
	Model   string      // ONNX file of Silero VAD
	Library string      // ONNX Runtime, 1.24 or later; "": where the system looks for libraries
	Failed  func(error) // told when the network fails in a call, which goes on with a media.Detector; may be nil
}
