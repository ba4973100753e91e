//go:build cgo

package silero

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"frontdesk/dialog"
	"frontdesk/internal/onnx"
	"frontdesk/media"
)

const (
	windowLen    = 512         // samples that the network judges at a time, at media.EarRate
	contextLen   = 64          // samples before the window that are part of the input, too
	stateLen     = 2 * 1 * 128 // numbers
	maxModelSize = 64 << 20    // bytes
)

// Network is a loaded model. It is safe for concurrent use.
type Network struct {
	session   *onnx.Session
	onFailure func(error)

	mu   sync.Mutex
	all  []*stream
	idle []*stream // not used by a detector
}

// Open loads the library and the model and runs the model once. The error says what is
// missing or wrong.
func Open(c Config) (*Network, error) {
	info, err := os.Stat(c.Model)
	if err != nil {
		return nil, fmt.Errorf("voice detector: %w", err)
	}
	if info.Size() > maxModelSize {
		return nil, fmt.Errorf("voice detector: %s is not Silero VAD, because it is larger than %d MB", c.Model, maxModelSize>>20)
	}
	rt, err := onnx.Load(onnx.Config{Library: c.Library})
	if err != nil {
		return nil, fmt.Errorf("voice detector: %w", err)
	}
	n := &Network{onFailure: c.OnFailure}
	if n.onFailure == nil {
		n.onFailure = func(error) {}
	}
	n.session, err = rt.Open(onnx.Network{File: c.Model, Inputs: []string{"input", "state", "sr"}, Outputs: []string{"output", "stateN"}})
	if err != nil {
		return nil, unsuitable(c.Model, err)
	}
	s, err := n.acquire()
	if err == nil {
		err = s.run()
		n.release(s)
	}
	if err != nil {
		n.Close()
		return nil, unsuitable(c.Model, err)
	}
	return n, nil
}

func unsuitable(model string, err error) error {
	return fmt.Errorf("voice detector: %s is not a model of Silero VAD version 5 or 6: %w", model, err)
}

// Detector returns a detector for one call. Its tensors are reused after it is garbage
// collected.
func (n *Network) Detector() dialog.VoiceDetector {
	s, err := n.acquire()
	if err != nil {
		n.onFailure(err)
		return media.NewDetector()
	}
	d := &detector{stream: s, onFailure: n.onFailure}
	runtime.AddCleanup(d, n.release, s)
	return d
}

// acquire returns a stream in its initial state.
func (n *Network) acquire() (*stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.idle) - 1; last >= 0 {
		s := n.idle[last]
		n.idle = n.idle[:last]
		s.reset()
		return s, nil
	}
	s, err := newStream(n.session)
	if err == nil {
		n.all = append(n.all, s)
	}
	return s, err
}

func (n *Network) release(s *stream) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = append(n.idle, s)
}

// Close frees the network. Detectors that are used afterwards fail, and go on with a
// media.Detector.
func (n *Network) Close() error {
	n.session.Stop() // so that no detector uses what is freed next
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.all {
		s.free()
	}
	n.all, n.idle = nil, nil
	return n.session.Close()
}

// detector regroups frames into windows.
type detector struct {
	stream      *stream
	filled      int // samples of the next window
	probability float32
	onFailure   func(error)
	fallback    *media.Detector // set once the network has failed
}

// reset forgets what was heard.
func (d *detector) reset() {
	d.stream.reset()
	d.filled, d.probability = 0, 0
}

// Detect implements dialog.VoiceDetector. For a frame that completes no window, it returns
// the same probability as before.
func (d *detector) Detect(frame []int16) float32 {
	if d.fallback != nil {
		return d.fallback.Detect(frame)
	}
	for _, v := range frame {
		d.stream.input[contextLen+d.filled] = float32(v) / 32768
		if d.filled++; d.filled < windowLen {
			continue
		}
		d.filled = 0
		if err := d.stream.run(); err != nil {
			d.onFailure(fmt.Errorf("voice detector: %w", err))
			d.fallback = media.NewDetector()
			return d.fallback.Detect(frame)
		}
		d.probability = d.stream.probability[0]
	}
	return d.probability
}
