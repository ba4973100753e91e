// Package onnx loads ONNX Runtime, a shared library that runs neural networks, and opens
// networks with it. The library is loaded by Load, not at the start of the process. A build
// without cgo cannot load it. The package imports only internal/fault; providers use it.
package onnx

// Config says which library to load and where networks run.
type Config struct {
	Library string // ONNX Runtime, 1.24 or later; "" searches the system's library folders
	// Device is where networks run: "cpu" (the default), "cuda", or "auto": CUDA if this
	// machine and the library have it, else the CPU.
	Device string
}

// Network says which network to open.
type Network struct {
	File    string // ONNX or ORT format
	Data    []byte // the content, if set: File is then only a name for errors
	Inputs  []string
	Outputs []string
}
