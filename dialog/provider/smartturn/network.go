//go:build cgo

package smartturn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
)

const maxModelSize = 128 << 20 // bytes

// Network is a loaded model. It is safe for concurrent use.
type Network struct {
	session *ort.DynamicAdvancedSession
	workers []*worker
	idle    chan *worker
	waiting atomic.Int32
}

// Open loads the library and the model and runs the model once. The error says what is
// missing or wrong.
func Open(c Config) (*Network, error) {
	info, err := os.Stat(c.Model)
	if err != nil {
		return nil, fmt.Errorf("turn detector: %w", err)
	}
	if info.Size() > maxModelSize {
		return nil, fmt.Errorf("turn detector: %s is not Smart Turn, because it is larger than %d MB", c.Model, maxModelSize>>20)
	}
	rt, err := onnx.Load(onnx.Config{Library: c.Library})
	if err != nil {
		return nil, fmt.Errorf("turn detector: %w", err)
	}
	s, err := rt.Open(onnx.Network{File: c.Model, Inputs: []string{"input_features"}, Outputs: []string{"logits"}})
	if err != nil {
		return nil, unsuitable(c.Model, err)
	}
	n := &Network{session: s, idle: make(chan *worker, max(1, c.Workers))}
	for range cap(n.idle) {
		w, err := newWorker(s)
		if err != nil {
			_ = n.Close()
			return nil, unsuitable(c.Model, err)
		}
		n.workers = append(n.workers, w)
		n.idle <- w
	}
	if _, err := n.TurnProbability(context.Background(), nil); err != nil {
		_ = n.Close()
		return nil, unsuitable(c.Model, err)
	}
	return n, nil
}

func unsuitable(model string, err error) error {
	return fmt.Errorf("turn detector: %s is not a model of Smart Turn version 3: %w", model, err)
}

var errBusy = fault.New(fault.Limited, "the turn detector is busy")

// TurnProbability implements dialog.TurnDetector. It hears the last 8 s of pcm. While too
// many requests wait, or after 0.3 s of waiting, it returns fault.Limited.
func (n *Network) TurnProbability(ctx context.Context, pcm []int16) (float32, error) {
	if n.waiting.Add(1) > int32(len(n.workers)*(1+maxWaiting)) {
		n.waiting.Add(-1)
		return 0, errBusy
	}
	defer n.waiting.Add(-1)
	ctx, cancel := context.WithTimeoutCause(ctx, maxWait, errBusy)
	defer cancel()
	select {
	case w := <-n.idle:
		defer func() { n.idle <- w }()
		return w.run(pcm)
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// Close waits for the running requests and frees the network. It must not be used
// afterwards.
func (n *Network) Close() error {
	var errs []error
	for range n.workers {
		errs = append(errs, (<-n.idle).free())
	}
	n.workers = nil
	return errors.Join(append(errs, n.session.Destroy())...)
}

// worker judges one turn at a time. Its tensors are bound to the session once.
type worker struct {
	extractor
	session     *ort.DynamicAdvancedSession
	binding     *ort.IoBinding
	in, out     *ort.Tensor[float32]
	probability []float32 // one number
}

func newWorker(session *ort.DynamicAdvancedSession) (*worker, error) {
	w := &worker{session: session}
	var err error
	if w.binding, err = session.CreateIoBinding(); err != nil {
		return nil, err
	}
	w.in, err = ort.NewEmptyTensor[float32](ort.NewShape(1, bands, frames))
	if err == nil {
		err = w.binding.BindInput("input_features", w.in)
	}
	if err == nil {
		w.out, err = ort.NewEmptyTensor[float32](ort.NewShape(1, 1))
	}
	if err == nil {
		err = w.binding.BindOutput("logits", w.out)
	}
	if err != nil {
		return nil, errors.Join(err, w.free())
	}
	w.probability = w.out.GetData()
	return w, nil
}

// run returns the network's output for pcm. It is a probability, although the network
// calls it logits.
func (w *worker) run(pcm []int16) (float32, error) {
	w.features(w.in.GetData(), pcm)
	if err := w.session.RunWithBinding(w.binding); err != nil {
		return 0, fmt.Errorf("turn detector: %w", err)
	}
	p := w.probability[0]
	if !(p >= 0 && p <= 1) {
		return 0, fmt.Errorf("turn detector: the network returned %v, want a probability", p)
	}
	return p, nil
}

func (w *worker) free() error {
	err := w.binding.Destroy()
	for _, t := range []*ort.Tensor[float32]{w.in, w.out} {
		if t != nil {
			err = errors.Join(err, t.Destroy())
		}
	}
	return err
}
