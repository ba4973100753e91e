package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/kokoro"
	"frontdesk/dialog/provider/moonshine"
	"frontdesk/dialog/provider/piper"
	"frontdesk/internal/config"
	"frontdesk/internal/embedding"
	"frontdesk/internal/models"
	"frontdesk/internal/onnx"
	"frontdesk/internal/phrasebook"
)

// minMemory is the memory in bytes that must be available before the first network is
// opened: recognizer and voice together take 600 MB.
const minMemory = 1 << 30

// neuralSpeech opens the neural networks that all agents share, each when the first agent
// needs it. It is used by one goroutine.
type neuralSpeech struct {
	config   config.Speech
	provider string // tts.provider
	voice    string // for agents that name none
	calls    int    // at once; 0: any number
	data     string // folder
	cache    *models.Cache
	log      *zap.Logger
	closers  []func() error

	runtime    *onnx.Runtime
	recognizer *moonshine.Recognizer
	voices     *piper.Synthesizer
	kokoro     *kokoro.Synthesizer
	miniLM     *embedding.MiniLM
	failed     map[string]error // why a part cannot be used, by its name

	isKokoroDecided, isKokoroPreferred bool // by prefersKokoro

	substitutes substitutes
}

func newNeuralSpeech(c config.Config, log *zap.Logger) (*neuralSpeech, error) {
	cache, err := openModelCache(c.Speech)
	return &neuralSpeech{
		config: c.Speech, provider: c.TTS.Provider, voice: c.TTS.Voice, calls: c.Limits.Calls, data: c.Data, cache: cache, log: log,
		failed: make(map[string]error), substitutes: substitutes{log: log},
	}, err
}

// openModelCache returns the configured folder of installed models.
func openModelCache(c config.Speech) (*models.Cache, error) {
	if c.Models != "" {
		return models.Open(c.Models), nil
	}
	dir, err := models.Dir()
	if err != nil {
		return nil, misuse{err}
	}
	return models.Open(dir), nil
}

// openRecognizer returns a recognizer for callers who speak of what an agent knows. All
// agents share its network.
func (n *neuralSpeech) openRecognizer(expected phrasebook.Knowledge) (dialog.Recognizer, error) {
	if n.recognizer == nil && n.failed["Moonshine"] == nil {
		n.try("Moonshine", func(rt *onnx.Runtime) (err error) {
			if err = requireFile(n.cache.Path("moonshine-base-en", "decoder_model_merged.onnx")); err != nil {
				return err
			}
			n.recognizer, err = moonshine.Open(moonshine.Config{
				Runtime: rt, Dir: n.cache.Path("moonshine-base-en", ""), Workers: n.config.Threads,
			})
			if err == nil {
				n.closers = append(n.closers, n.recognizer.Close)
			}
			return err
		})
	}
	if err := n.failed["Moonshine"]; err != nil {
		return nil, err
	}
	if !n.config.Bias {
		return n.recognizer, nil
	}
	vocabulary, err := n.recognizer.NewVocabulary(expected)
	if err != nil {
		return nil, err
	}
	return n.recognizer.For(vocabulary), nil
}

// openVoices returns the installed voices of Piper.
func (n *neuralSpeech) openVoices() (*piper.Synthesizer, error) {
	if n.voices == nil && n.failed["Piper"] == nil {
		n.try("Piper", func(rt *onnx.Runtime) (err error) {
			installed, voice := piper.Installed(n.cache.Dir()), n.voice
			if n.provider != "piper" && !piper.Has(installed, voice) {
				voice = "" // it is a voice of another program
			}
			if len(installed) == 0 && voice == "" {
				return errors.New("no voice is installed (run frontdesk models pull)")
			}
			n.voices, err = piper.Open(piper.Config{Runtime: rt, Voices: installed, Default: voice, Workers: n.config.Threads})
			if err == nil {
				n.closers = append(n.closers, n.voices.Close)
			}
			return err
		})
	}
	return n.voices, n.failed["Piper"]
}

// try opens a part with the runtime. It remembers why that failed.
func (n *neuralSpeech) try(part string, open func(*onnx.Runtime) error) {
	err := n.loadRuntime()
	if err == nil {
		err = open(n.runtime)
	}
	n.failed[part] = err
}

// warn logs, in one line, which parts cannot be used and why.
func (n *neuralSpeech) warn() {
	var parts, reasons []string
	for _, part := range slices.Sorted(maps.Keys(n.failed)) {
		err := n.failed[part]
		if err == nil || part == meanings {
			continue
		}
		parts = append(parts, part)
		if !slices.Contains(reasons, err.Error()) {
			reasons = append(reasons, err.Error())
		}
	}
	if len(parts) > 0 {
		n.log.Warn("pocketsphinx, flite or espeak-ng takes the place of "+strings.Join(parts, " and "),
			zap.String("error", strings.Join(reasons, "; ")))
	}
}

// loadRuntime loads ONNX Runtime unless it is loaded.
func (n *neuralSpeech) loadRuntime() (err error) {
	if n.runtime != nil {
		return nil
	}
	if available, ok := availableMemory(os.DirFS("/")); ok && available < minMemory {
		return fmt.Errorf("%d MB of memory are available (want %d MB)", available>>20, minMemory>>20)
	}
	if onnx.Available {
		if err := requireFile(n.library()); err != nil {
			return err
		}
	}
	if n.runtime, err = onnx.Load(onnx.Config{Library: n.library(), Device: n.config.Device}); err != nil {
		return err
	}
	n.warnOfOpenFolder()
	return nil
}

// warnOfOpenFolder logs, in one line, that others can make this process run their code.
func (n *neuralSpeech) warnOfOpenFolder() {
	if path := n.cache.WorldWritable(); path != "" {
		n.log.Warn("every user of this machine can change the neural networks and the library that runs them: run chmod -R o-w "+n.cache.Dir(),
			zap.String("path", path))
	}
}

// library returns the path of ONNX Runtime.
func (n *neuralSpeech) library() string {
	return cmp.Or(n.config.Library, n.cache.Path("onnxruntime", "libonnxruntime.so"))
}

func requireFile(path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s is not installed (run frontdesk models pull)", path)
	}
	return nil
}

// Close closes what was opened.
func (n *neuralSpeech) Close() error {
	var errs []error
	for _, f := range n.closers {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}
