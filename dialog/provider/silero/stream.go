//go:build cgo

package silero

import (
	"errors"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/onnx"
	"frontdesk/media"
)

// stream holds the network's input, output and state for one call. The tensors are bound to
// the session once, so that a run allocates nothing here. The slices are the tensors' memory.
type stream struct {
	session *onnx.Session
	binding *ort.IoBinding
	values  []ort.Value

	input            []float32 // context and window
	state, nextState []float32
	probability      []float32 // one number
}

func newStream(session *onnx.Session) (*stream, error) {
	s := &stream{session: session}
	var err error
	if s.binding, err = session.CreateIoBinding(); err != nil {
		return nil, err
	}
	rate, err := ort.NewScalar(int64(media.EarRate))
	if err == nil {
		s.values = append(s.values, rate)
		err = errors.Join(
			s.binding.BindInput("sr", rate),
			s.bind(&s.input, s.binding.BindInput, "input", 1, contextLen+windowLen),
			s.bind(&s.state, s.binding.BindInput, "state", 2, 1, stateLen/2),
			s.bind(&s.nextState, s.binding.BindOutput, "stateN", 2, 1, stateLen/2),
			s.bind(&s.probability, s.binding.BindOutput, "output", 1, 1),
		)
	}
	if err != nil {
		s.free()
		return nil, err
	}
	return s, nil
}

// bind creates a tensor of the given shape, binds it, and sets data to its memory.
func (s *stream) bind(data *[]float32, bind func(string, ort.Value) error, name string, shape ...int64) error {
	t, err := ort.NewEmptyTensor[float32](shape)
	if err != nil {
		return err
	}
	s.values = append(s.values, t)
	*data = t.GetData()
	return bind(name, t)
}

// reset restores the initial state.
func (s *stream) reset() {
	clear(s.input)
	clear(s.state)
}

// run judges the window in input and makes its end the context of the next one.
func (s *stream) run() error {
	if err := s.session.RunWithBinding(s.binding); err != nil {
		return err
	}
	copy(s.state, s.nextState)
	copy(s.input, s.input[windowLen:])
	return nil
}

func (s *stream) free() {
	_ = s.binding.Destroy()
	for _, v := range s.values {
		_ = v.Destroy()
	}
}
