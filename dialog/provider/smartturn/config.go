// Package smartturn judges by its audio whether a caller's turn is over, with the neural
// network Smart Turn, version 3: a Whisper encoder with a classifier, which hears how
// people end and interrupt their sentences, in 23 languages. The operator provides its ONNX
// file and the ONNX Runtime library. One Network serves all calls. The package imports
// media, internal/onnx and internal/fault. The end of a turn's audio enters, a probability
// leaves.
package smartturn

import "time"

// Config names the files to load and bounds the work.
type Config struct {
	Model   string // ONNX file of Smart Turn 3
	Library string // ONNX Runtime, 1.24 or later; "" searches the system's library folders
	// Workers is how many turns are judged at once; default 1. Each takes one processor for
	// less than 0.1 s.
	Workers int
}

const (
	// maxWaiting is how many requests may wait for each worker. With 60 ms for each, the last
	// one is answered before a caller would notice the silence; more would come too late.
	maxWaiting = 4
	// maxWait is how long one request may wait for a worker. After that time the words and
	// the silence have decided.
	maxWait = 300 * time.Millisecond
)
