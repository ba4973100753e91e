package models

import (
	"os"
	"path/filepath"
	"runtime/debug"

	"frontdesk/internal/models/quantize"
	"frontdesk/internal/onnx"
)

// convert makes a network whose constant products run in 8 bits from one in ORT format that
// expands its 8-bit weights in each run. library is ONNX Runtime; "" searches the system.
// ONNX Runtime writes the network as ONNX, reads that, which computes the weights, and then
// the products are quantized again. Temporary files are in the folder work. Moonshine's decoder
// needs 1.2 GB of memory for this.
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
	debug.FreeOSMemory() // ONNX Runtime, which allocates next, cannot use what Go has freed
	return err
}
