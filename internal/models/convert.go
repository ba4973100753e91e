package models

import (
	"os"
	"path/filepath"
	"runtime/debug"

	"frontdesk/internal/models/quantize"
	"frontdesk/internal/onnx"
)

// convert reads a network in ORT format, which expands its 8-bit weights to floats in each
// run, and writes one in ONNX format whose constant matrix products run in 8 bits. ONNX
// Runtime translates the network to ONNX and then computes the float weights; package quantize
// makes them 8-bit integers again. library is the path of ONNX Runtime; "" searches the
// system. Temporary files are in the folder work. Moonshine's decoder needs 1.2 GB of memory.
func convert(library, from, to, work string) error {
	rt, err := onnx.Load(onnx.Config{Library: library})
	if err != nil {
		return err
	}
	network, folded := filepath.Join(work, "network.onnx"), filepath.Join(work, "folded.onnx")
	defer func() { _, _ = os.Remove(network), os.Remove(folded) }()
	if err := rt.Fold(from, network); err != nil {
		return err
	}
	if err := rewriteFile(network, network, quantize.NameGraphs); err != nil {
		return err
	}
	if err := rt.Fold(network, folded); err != nil {
		return err
	}
	return rewriteFile(folded, to, quantize.Products)
}

func rewriteFile(from, to string, rewrite func([]byte) ([]byte, error)) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	b, err = rewrite(b)
	if err != nil {
		return err
	}
	err = os.WriteFile(to, b, 0o644)
	debug.FreeOSMemory() // so that ONNX Runtime, which allocates next, can use what Go has freed
	return err
}
