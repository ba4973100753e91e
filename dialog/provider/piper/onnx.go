//go:build cgo

package piper

import (
	"errors"
	"fmt"
	"os"
	"slices"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/onnx"
)

const maxNetwork = 1 << 30 // bytes

// sessions is the engine with ONNX Runtime.
type sessions struct {
	encoder, decoder *onnx.Session
	hasSpeakers      bool // the networks have the input sid
	hasDurations     bool // the encoder has them as its second output
	decoderSpeakers  bool
}

// openEngine opens the network in file.
func openEngine(runtime *onnx.Runtime, file string, hasSpeakers bool) (engine, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxNetwork {
		return nil, fmt.Errorf("larger than the limit of %d MB", maxNetwork>>20)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	h, err := divide(data)
	if err != nil {
		return nil, err
	}
	s := &sessions{hasSpeakers: hasSpeakers, hasDurations: h.durations != ""}
	outputs := []string{h.latent}
	if s.hasDurations {
		outputs = append(outputs, h.durations)
	}
	inputs := []string{"input", "input_lengths", "scales"}
	if hasSpeakers {
		inputs = append(inputs, "sid")
	}
	s.encoder, err = runtime.Open(onnx.Network{
		File: "encoder", Data: h.encoder, Inputs: inputs, Outputs: outputs,
	})
	if err != nil {
		return nil, err
	}
	inputs = []string{h.latent}
	if s.decoderSpeakers = h.decoderHasSpeakers; s.decoderSpeakers {
		inputs = append(inputs, "sid")
	}
	s.decoder, err = runtime.Open(onnx.Network{
		File: "decoder", Data: h.decoder, Inputs: inputs, Outputs: []string{h.audio},
	})
	if err != nil {
		return nil, errors.Join(err, s.encoder.Close())
	}
	return s, nil
}

func (s *sessions) close() error { return errors.Join(s.encoder.Close(), s.decoder.Close()) }

func (s *sessions) encode(symbols []int64, scales [3]float32, speaker int64) (*latent, error) {
	var in values
	defer in.free()
	addTensor(&in, symbols, 1, int64(len(symbols)))
	addTensor(&in, []int64{int64(len(symbols))}, 1)
	addTensor(&in, scales[:], 3)
	if s.hasSpeakers {
		addTensor(&in, []int64{speaker}, 1)
	}
	out := values{list: make([]ort.Value, 1)}
	if s.hasDurations {
		out.list = append(out.list, nil)
	}
	defer out.free()
	if in.err != nil {
		return nil, in.err
	}
	if err := s.encoder.Run(in.list, out.list); err != nil {
		return nil, err
	}
	z, ok := out.list[0].(*ort.Tensor[float32])
	if !ok || len(z.GetShape()) != 3 || z.GetShape()[0] != 1 {
		return nil, errors.New("the encoder's output has the wrong type or shape")
	}
	shape := z.GetShape()
	l := &latent{channels: int(shape[1]), frames: int(shape[2]), data: slices.Clone(z.GetData()), speaker: speaker}
	if s.hasDurations {
		if d, ok := out.list[1].(*ort.Tensor[float32]); ok && len(d.GetData()) == len(symbols) {
			l.durations = slices.Clone(d.GetData())
		}
	}
	return l, nil
}

func (s *sessions) decode(l *latent, from, to int) ([]float32, error) {
	var in values
	defer in.free()
	addTensor(&in, l.slice(from, to), 1, int64(l.channels), int64(to-from))
	if s.decoderSpeakers {
		addTensor(&in, []int64{l.speaker}, 1)
	}
	out := values{list: make([]ort.Value, 1)}
	defer out.free()
	if in.err != nil {
		return nil, in.err
	}
	if err := s.decoder.Run(in.list, out.list); err != nil {
		return nil, err
	}
	audio, ok := out.list[0].(*ort.Tensor[float32])
	if !ok || len(audio.GetData())%(to-from) != 0 {
		return nil, errors.New("the decoder's output has the wrong type or length")
	}
	return slices.Clone(audio.GetData()), nil
}

// values are tensors of one run.
type values struct {
	list []ort.Value
	err  error // of the first tensor that could not be created
}

func addTensor[T ort.TensorData](v *values, data []T, shape ...int64) {
	t, err := ort.NewTensor(ort.NewShape(shape...), data)
	if err != nil {
		v.err = errors.Join(v.err, err)
		return
	}
	v.list = append(v.list, t)
}

func (v *values) free() {
	for _, t := range v.list {
		if t != nil {
			_ = t.Destroy()
		}
	}
}
