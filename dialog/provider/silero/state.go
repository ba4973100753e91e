//go:build cgo

package silero

import (
	"errors"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/media"
)

// state is what the network reads and writes for one stream, bound to it once, so that
// a run allocates nothing here. The slices are the tensors' own memory.
type state struct {
	session *ort.DynamicAdvancedSession
	binding *ort.IoBinding
	values  []ort.Value

	sound         []float32 // context and window
	memory, after []float32
	speech        []float32 // one probability
}

func newState(session *ort.DynamicAdvancedSession) (*state, error) {
	s := &state{session: session}
	var err error
	if s.binding, err = session.CreateIoBinding(); err != nil {
		return nil, err
	}
	rate, err := ort.NewScalar(int64(media.EarRate))
	if err == nil {
		s.values = append(s.values, rate)
		err = errors.Join(
			s.binding.BindInput("sr", rate),
			s.tensor(&s.sound, s.binding.BindInput, "input", 1, context+window),
			s.tensor(&s.memory, s.binding.BindInput, "state", 2, 1, memory/2),
			s.tensor(&s.after, s.binding.BindOutput, "stateN", 2, 1, memory/2),
			s.tensor(&s.speech, s.binding.BindOutput, "output", 1, 1),
		)
	}
	if err != nil {
		s.destroy()
		return nil, err
	}
	return s, nil
}

// tensor makes a tensor of that shape, binds it, and sets data to its memory.
func (s *state) tensor(data *[]float32, bind func(string, ort.Value) error, name string, shape ...int64) error {
	t, err := ort.NewEmptyTensor[float32](shape)
	if err != nil {
		return err
	}
	s.values = append(s.values, t)
	*data = t.GetData()
	return bind(name, t)
}

// forget makes it as new.
func (s *state) forget() {
	clear(s.sound)
	clear(s.memory)
}

// run judges the window in sound and makes its end the next one's context.
func (s *state) run() error {
	if err := s.session.RunWithBinding(s.binding); err != nil {
		return err
	}
	copy(s.memory, s.after)
	copy(s.sound, s.sound[window:])
	return nil
}

func (s *state) destroy() {
	_ = s.binding.Destroy()
	for _, v := range s.values {
		_ = v.Destroy()
	}
}
