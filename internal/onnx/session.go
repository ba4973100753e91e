//go:build cgo

package onnx

import (
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/fault"
)

var errClosed = fault.New(fault.Unavailable, "the network is closed")

// Session is an open network. It is safe for concurrent use, also while it is closed.
type Session struct {
	mu       sync.RWMutex // held for reading while the network runs
	network  *ort.DynamicAdvancedSession
	isClosed bool
	isFreed  bool
}

// Run runs the network. in and out are in the order of Network.Inputs and Network.Outputs; a
// nil output is allocated. After Stop it returns an error.
func (s *Session) Run(in, out []ort.Value) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isClosed {
		return errClosed
	}
	return s.network.Run(in, out)
}

// RunWithBinding runs the network with the inputs and outputs of b. After Stop it returns an
// error and does not touch b.
func (s *Session) RunWithBinding(b *ort.IoBinding) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isClosed {
		return errClosed
	}
	return s.network.RunWithBinding(b)
}

// CreateIoBinding returns a binding, which must be destroyed before Close. After Stop it
// returns an error.
func (s *Session) CreateIoBinding() (*ort.IoBinding, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.isClosed {
		return nil, errClosed
	}
	return s.network.CreateIoBinding()
}

// Stop waits for the runs in progress, each of which ends by itself; later runs fail.
func (s *Session) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isClosed = true
}

// Close is Stop, and then frees the network. A second Close does nothing.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isClosed = true
	if s.isFreed {
		return nil
	}
	s.isFreed = true
	return s.network.Destroy()
}
