//go:build cgo

package silero

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	window  = 512         // samples judged at a time, at media.EarRate
	context = 64          // samples before them, which the network is shown too
	memory  = 2 * 1 * 128 // of the network, numbers
	maxFile = 64 << 20
)

// Network is a loaded model. It is safe for concurrent use.
type Network struct {
	session *ort.DynamicAdvancedSession
	failed  func(error)

	mu   sync.Mutex
	all  []*state
	free []*state
}

// Open loads the library and the model and tries it once. The error says what is
// missing or wrong.
func Open(c Config) (*Network, error) {
	info, err := os.Stat(c.Model)
	if err != nil {
		return nil, fmt.Errorf("voice detector: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("voice detector: %s is larger than %d MB: this is not Silero VAD", c.Model, maxFile>>20)
	}
	file, err := os.ReadFile(c.Model)
	if err != nil {
		return nil, fmt.Errorf("voice detector: %w", err)
	}
	if err := openLibrary(c.Library); err != nil {
		return nil, err
	}
	n := &Network{failed: c.Failed}
	if n.failed == nil {
		n.failed = func(error) {}
	}
	if n.session, err = newSession(file); err != nil {
		return nil, fmt.Errorf("voice detector: %s is no Silero VAD version 5 model: %w", c.Model, err)
	}
	s, err := n.take()
	if err == nil {
		err = s.run()
		n.give(s)
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("voice detector: %s is no Silero VAD version 5 model: %w", c.Model, err)
	}
	return n, nil
}

var library sync.Mutex // there is one per process, never unloaded

func openLibrary(path string) error {
	library.Lock()
	defer library.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	paths := []string{path}
	if path == "" {
		paths = []string{"libonnxruntime.so.1", "libonnxruntime.so", "libonnxruntime.dylib"}
	}
	var errs []error
	for _, p := range paths {
		ort.SetSharedLibraryPath(p)
		err := ort.InitializeEnvironment(ort.WithLogLevelError())
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", p, err))
	}
	return fmt.Errorf("voice detector: it needs the ONNX Runtime library, version 1.24 or later: %w", errors.Join(errs...))
}

func newSession(file []byte) (*ort.DynamicAdvancedSession, error) {
	in, out, err := ort.GetInputOutputInfoWithONNXData(file)
	if err != nil {
		return nil, err
	}
	for _, want := range []string{"input", "state", "sr"} {
		if !has(in, want) {
			return nil, fmt.Errorf("it takes no %q", want)
		}
	}
	for _, want := range []string{"output", "stateN"} {
		if !has(out, want) {
			return nil, fmt.Errorf("it gives no %q", want)
		}
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	// Calls run beside each other; one needs no more than a thread.
	if err := errors.Join(options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1)); err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(file, []string{"input", "state", "sr"}, []string{"output", "stateN"}, options)
}

func has(list []ort.InputOutputInfo, name string) bool {
	return slices.ContainsFunc(list, func(i ort.InputOutputInfo) bool { return i.Name == name })
}

// Detector makes a detector for one stream. Its memory is used again once it is garbage.
func (n *Network) Detector() dialog.VoiceDetector {
	s, err := n.take()
	if err != nil {
		n.failed(err)
		return media.NewDetector()
	}
	d := &detector{state: s, failed: n.failed}
	runtime.AddCleanup(d, n.give, s)
	return d
}

// take returns a state that has heard nothing.
func (n *Network) take() (*state, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		s := n.free[last]
		n.free = n.free[:last]
		s.forget()
		return s, nil
	}
	s, err := newState(n.session)
	if err == nil {
		n.all = append(n.all, s)
	}
	return s, err
}

func (n *Network) give(s *state) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.free = append(n.free, s)
}

// Close gives the memory back. No detector may be used any more.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.all {
		s.destroy()
	}
	n.all, n.free = nil, nil
	return n.session.Destroy()
}

// detector regroups frames to windows.
type detector struct {
	state  *state
	have   int // samples of the next window
	speech float32
	failed func(error)
	spare  *media.Detector // since the network failed
}

// Detect implements dialog.VoiceDetector. A frame that completes no window is judged as
// the one before.
func (d *detector) Detect(frame []int16) float32 {
	if d.spare != nil {
		return d.spare.Detect(frame)
	}
	for _, v := range frame {
		d.state.sound[context+d.have] = float32(v) / 32768
		if d.have++; d.have < window {
			continue
		}
		d.have = 0
		if err := d.state.run(); err != nil {
			d.failed(fmt.Errorf("voice detector: %w", err))
			d.spare = media.NewDetector()
			return d.spare.Detect(frame)
		}
		d.speech = d.state.speech[0]
	}
	return d.speech
}
