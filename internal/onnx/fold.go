//go:build cgo

package onnx

import (
	"errors"

	ort "github.com/yalue/onnxruntime_go"
)

// Fold loads a network (ONNX or ORT format), computes what does not depend on its inputs, and
// writes the result as an ONNX file. It uses ONNX Runtime's basic optimizations, whose output
// any CPU can run.
func (r *Runtime) Fold(from, to string) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	err = errors.Join(
		options.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableBasic),
		options.SetOptimizedModelFilePath(to),
		options.SetIntraOpNumThreads(1),
		options.AddSessionConfigEntry("session.disable_prepacking", "1"), // nothing is run
	)
	if err != nil {
		return err
	}
	// Opening a session writes the file. This function opens one, and needs no names.
	_, _, err = ort.GetInputOutputInfoWithOptions(from, options)
	return err
}
