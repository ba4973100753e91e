//go:build cgo

package onnx

import (
	"errors"
	"fmt"

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
	)
	if err != nil {
		return err
	}
	// A session needs the name of at least one input and output.
	in, out, err := ort.GetInputOutputInfo(from)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	names := func(infos []ort.InputOutputInfo) (list []string) {
		for _, i := range infos {
			list = append(list, i.Name)
		}
		return list
	}
	s, err := ort.NewDynamicAdvancedSession(from, names(in), names(out), options)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return s.Destroy()
}
