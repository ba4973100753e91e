//go:build cgo

package kokoro

import (
	"errors"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/onnx"
)

// network is the engine with ONNX Runtime.
type network struct{ session *onnx.Session }

func openEngine(runtime *onnx.Runtime, file string) (engine, error) {
	s, err := runtime.Open(onnx.Network{File: file, Inputs: []string{"tokens", "style", "speed"}, Outputs: []string{"audio"}})
	if err != nil {
		return nil, err
	}
	return network{s}, nil
}

func (n network) close() error { return n.session.Close() }

func (n network) run(symbols []int64, style []float32, speed float32) (audio []float32, err error) {
	var tensors []ort.Value
	defer func() {
		for _, t := range tensors {
			err = errors.Join(err, t.Destroy())
		}
	}()
	tokens, err := ort.NewTensor(ort.NewShape(1, int64(len(symbols))), symbols)
	if err != nil {
		return nil, err
	}
	tensors = append(tensors, tokens)
	row, err := ort.NewTensor(ort.NewShape(1, styleWidth), slices.Clone(style))
	if err != nil {
		return nil, err
	}
	tensors = append(tensors, row)
	rate, err := ort.NewTensor(ort.NewShape(1), []float32{speed})
	if err != nil {
		return nil, err
	}
	tensors = append(tensors, rate)
	out := []ort.Value{nil}
	if err := n.session.Run(tensors[:3:3], out); err != nil {
		return nil, err
	}
	tensors = append(tensors, out[0])
	samples, ok := out[0].(*ort.Tensor[float32])
	if !ok {
		return nil, errors.New("the network's output has the wrong type")
	}
	return slices.Clone(samples.GetData()), nil
}
