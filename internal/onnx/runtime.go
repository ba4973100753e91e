//go:build cgo

package onnx

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"frontdesk/internal/fault"
)

// Available reports whether this build can load ONNX Runtime.
const Available = true

// Runtime opens networks on one device. It is safe for concurrent use.
type Runtime struct{ cuda bool }

// libraryMu guards loading the library. A process loads it once and never unloads it.
var libraryMu sync.Mutex

// Load loads the library unless it is loaded already. The error is fault.Invalid.
func Load(c Config) (*Runtime, error) {
	if err := loadLibrary(c.Library); err != nil {
		return nil, err
	}
	switch c.Device {
	case "", "cpu":
		return &Runtime{}, nil
	case "auto":
		return &Runtime{cuda: checkCUDA() == nil}, nil
	case "cuda":
		if err := checkCUDA(); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "CUDA cannot be used: install the CUDA build of ONNX Runtime, or set the device to auto or cpu")
		}
		return &Runtime{cuda: true}, nil
	}
	return nil, fault.New(fault.Invalid, "unknown device %q (want auto, cpu or cuda)", c.Device)
}

func loadLibrary(path string) error {
	libraryMu.Lock()
	defer libraryMu.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	paths := []string{path}
	if path == "" {
		paths = []string{"libonnxruntime.so.1", "libonnxruntime.so", "libonnxruntime.dylib"}
	}
	var errs []error
	for _, p := range paths {
		err := checkLibrary(p)
		if err == nil {
			ort.SetSharedLibraryPath(p)
			err = ort.InitializeEnvironment(ort.WithLogLevelError())
		}
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", p, err))
	}
	return fault.Wrap(errors.Join(errs...), fault.Invalid, "cannot load the ONNX Runtime library (want version 1.24 or later)")
}

// checkLibrary returns an error if the file at path is incomplete: loading it would end the
// process with SIGBUS. A name without a folder, which the system searches, is not checked.
func checkLibrary(path string) error {
	if runtime.GOOS != "linux" || !strings.Contains(path, "/") {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	e, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	for _, p := range e.Progs {
		if end := p.Off + p.Filesz; end < p.Off || end > uint64(info.Size()) {
			return fmt.Errorf("it is damaged: it ends after %d of at least %d bytes", info.Size(), end)
		}
	}
	return nil
}

// checkCUDA returns why networks cannot run with CUDA.
func checkCUDA() error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	return errors.Join(appendCUDA(options), options.Destroy())
}

func appendCUDA(options *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	return errors.Join(options.AppendExecutionProviderCUDA(cuda), cuda.Destroy())
}

// Device returns where networks run: "cpu" or "cuda".
func (r *Runtime) Device() string {
	if r.cuda {
		return "cuda"
	}
	return "cpu"
}

// Open opens a network. The error says which input or output the file does not have.
func (r *Runtime) Open(n Network) (*Session, error) {
	in, out, err := inputsAndOutputs(n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.File, err)
	}
	if err := errors.Join(requireNames("input", n.Inputs, in), requireNames("output", n.Outputs, out)); err != nil {
		return nil, fmt.Errorf("%s: %w", n.File, err)
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	err = errors.Join(
		// One thread for each run, because calls run in parallel.
		options.SetIntraOpNumThreads(1),
		options.SetInterOpNumThreads(1),
	)
	if err == nil && r.cuda {
		err = appendCUDA(options)
	}
	if err != nil {
		return nil, err
	}
	var s *ort.DynamicAdvancedSession
	if n.Data != nil {
		s, err = ort.NewDynamicAdvancedSessionWithONNXData(n.Data, n.Inputs, n.Outputs, options)
	} else {
		s, err = ort.NewDynamicAdvancedSession(n.File, n.Inputs, n.Outputs, options)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.File, err)
	}
	return &Session{network: s}, nil
}

func inputsAndOutputs(n Network) (in, out []ort.InputOutputInfo, err error) {
	if n.Data != nil {
		return ort.GetInputOutputInfoWithONNXData(n.Data)
	}
	return ort.GetInputOutputInfo(n.File)
}

func requireNames(kind string, want []string, have []ort.InputOutputInfo) error {
	for _, name := range want {
		if !slices.ContainsFunc(have, func(i ort.InputOutputInfo) bool { return i.Name == name }) {
			return fmt.Errorf("the network has no %s %q", kind, name)
		}
	}
	return nil
}
