package app

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"go.uber.org/zap"

	"frontdesk/dialog/provider/kokoro"
	"frontdesk/dialog/provider/piper"
	"frontdesk/internal/onnx"
)

const (
	kokoroEntry = "kokoro-82m"
	loadFile    = "load.json"
	maxLoadFile = 4 << 10
	// maxLoad is the CPU time per second of audio above which Kokoro's first audio is late even
	// for a single caller: a first piece has up to two seconds.
	maxLoad = 0.5
)

// kokoroLoad is what Kokoro costs on a machine.
type kokoroLoad struct {
	CPU  string  `json:"cpu"`  // the processor's name
	Load float64 `json:"load"` // CPU seconds per second of audio
}

// isAffordable reports whether half of the calls can be spoken to at once with half of the
// cores.
func (k kokoroLoad) isAffordable(calls, cores int) bool {
	return calls > 0 && k.Load <= maxLoad && k.Load*float64(calls)/2 <= float64(cores)/2
}

// parseKokoroLoad returns a recorded load. ok is false if it is not one of this processor.
func parseKokoroLoad(b []byte, cpu string) (k kokoroLoad, ok bool) {
	err := json.Unmarshal(b, &k)
	return k, err == nil && k.CPU == cpu && k.Load > 0
}

// processorName returns the name of the processor, or else its architecture. root is /.
func processorName(root fs.FS) string {
	if f, err := root.Open("proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(io.LimitReader(f, 64<<10)); lines.Scan(); {
			if key, value, _ := strings.Cut(lines.Text(), ":"); strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// loadFiles are where it may be recorded what Kokoro costs on this machine: in the folder of its
// files or, if that is read-only, in the data folder.
func (n *neuralSpeech) loadFiles() []string {
	return []string{n.cache.Path(kokoroEntry, loadFile), filepath.Join(n.data, "cache", "kokoro-"+loadFile)}
}

func readKokoroLoad(file, cpu string) (k kokoroLoad, ok bool) {
	f, err := os.Open(file)
	if err != nil {
		return k, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLoadFile))
	if err != nil {
		return k, false
	}
	return parseKokoroLoad(b, cpu)
}

// recordLoad writes k to the first of loadFiles that can be written.
func (n *neuralSpeech) recordLoad(k kokoroLoad) error {
	b, err := json.Marshal(k)
	if err != nil {
		return err
	}
	var errs []error
	for _, file := range n.loadFiles() {
		err := os.MkdirAll(filepath.Dir(file), 0o700)
		if err == nil {
			err = os.WriteFile(file, append(b, '\n'), 0o644)
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// openKokoro returns the voices of Kokoro.
func (n *neuralSpeech) openKokoro() (*kokoro.Synthesizer, error) {
	if n.kokoro == nil && n.failed["Kokoro"] == nil {
		n.try("Kokoro", func(rt *onnx.Runtime) (err error) {
			if n.kokoro, err = n.loadKokoro(rt, n.voice); err == nil {
				n.closers = append(n.closers, n.kokoro.Close)
			}
			return err
		})
	}
	return n.kokoro, n.failed["Kokoro"]
}

func (n *neuralSpeech) loadKokoro(rt *onnx.Runtime, voice string) (*kokoro.Synthesizer, error) {
	if !n.cache.Installed(kokoroEntry) {
		return nil, fmt.Errorf("the network of Kokoro is not installed (run frontdesk models pull %s)", kokoroEntry)
	}
	return kokoro.Open(kokoro.Config{Runtime: rt, Dir: n.cache.Path(kokoroEntry, ""), Default: voice, Workers: n.config.Threads})
}

// measureKokoro returns what Kokoro costs on this machine, as it was recorded, or measures and
// records it.
func (n *neuralSpeech) measureKokoro() (kokoroLoad, error) {
	cpu := processorName(os.DirFS("/"))
	for _, file := range n.loadFiles() {
		if k, ok := readKokoroLoad(file, cpu); ok {
			return k, nil
		}
	}
	if err := n.loadRuntime(); err != nil {
		return kokoroLoad{}, err
	}
	s, err := n.loadKokoro(n.runtime, "")
	if err != nil {
		return kokoroLoad{}, err
	}
	k := kokoroLoad{CPU: cpu, Load: s.Load()}
	if err := s.Close(); err != nil {
		return kokoroLoad{}, err
	}
	if err := n.recordLoad(k); err != nil {
		n.log.Warn("what Kokoro costs cannot be recorded, so the next start measures it again", zap.Error(err))
	}
	return k, nil
}

// prefersKokoro reports whether Kokoro is installed and this machine can afford it. It logs
// the decision, once.
func (n *neuralSpeech) prefersKokoro() bool {
	if n.isKokoroDecided {
		return n.isKokoroPreferred
	}
	n.isKokoroDecided = true
	if !n.cache.Installed(kokoroEntry) || requireFile(n.cache.Path(kokoroEntry, cmp.Or(n.voice, kokoro.DefaultVoice)+".bin")) != nil {
		return false
	}
	k, err := n.measureKokoro()
	if err != nil {
		n.log.Warn("Kokoro does not speak, because what it costs on this machine cannot be measured", zap.Error(err))
		return false
	}
	cores := cmp.Or(n.config.Threads, runtime.GOMAXPROCS(0))
	n.isKokoroPreferred = k.isAffordable(n.calls, cores)
	chosen := "flite"
	switch {
	case n.isKokoroPreferred:
		chosen = "Kokoro"
	case len(piper.Installed(n.cache.Dir())) > 0:
		chosen = "Piper"
	}
	n.log.Info(chosen+" speaks English, by what Kokoro costs on this machine (tts.provider chooses otherwise)",
		zap.Float64("CPU seconds per second of audio", k.Load), zap.Int("limits.calls", n.calls), zap.Int("cores", cores))
	return n.isKokoroPreferred
}
