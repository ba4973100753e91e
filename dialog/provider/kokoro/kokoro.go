// Package kokoro gives agents the English voices of Kokoro-82M (StyleTTS 2; Li et al., 2023,
// arXiv 2306.07691), on this machine and without an account. They need about eight times
// the work of Piper's. ONNX Runtime runs the network, and espeak-ng, as a separate program,
// supplies the phonemes. The package imports dialog, media, loudness, workers, cputime, fault,
// onnx, phonemes, spoken and words. Text enters as clauses; audio leaves as mono PCM at
// media.MouthRate, the first piece before the rest is synthesized. The network does not say
// where words end.
package kokoro

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/loudness"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/cputime"
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
	"frontdesk/internal/phonemes"
	"frontdesk/internal/spoken"
	"frontdesk/internal/words"
	"frontdesk/media"
)

const (
	// DefaultVoice is the voice of agents that name none.
	DefaultVoice = "af_heart"
	// firstRuns is how many runs of the network the first audio needs.
	firstRuns   = 1
	minSpeed    = 0.5
	maxSpeed    = 2.0
	networkName = "kokoro.onnx"
	styleSuffix = ".bin"
	// espeakVoice is the English that the network learned its phonemes from.
	espeakVoice = "en-us"
	// calibrationText is what each voice says first. Its loudness decides the gain.
	calibrationText = "0 1 2 3 4 5 6 7 8 9"
)

// Config says where the network is.
type Config struct {
	Runtime *onnx.Runtime
	Dir     string // has kokoro.onnx, and NAME.bin for each voice
	Default string // a voice of Dir; the default is DefaultVoice
	Workers int    // runs of the network at the same time; the default is one for each core
}

// Synthesizer speaks with the voices of Kokoro. All calls share it. It is safe for concurrent
// use.
type Synthesizer struct {
	engine      engine
	phonemizer  *phonemes.Phonemizer
	voices      map[string]*voice
	defaultName string
	workers     *workers.Pool
	load        float64       // CPU time per second of audio, at the start
	clauses     atomic.Uint64 // for Stats
	refused     atomic.Uint64
}

// engine runs the network. It is safe for concurrent use.
type engine interface {
	// run speaks symbols, which begin and end with padding, in a style, as samples in [-1, 1]
	// at media.MouthRate.
	run(symbols []int64, style []float32, speed float32) ([]float32, error)
	close() error
}

var _ dialog.ClauseSynthesizer = (*Synthesizer)(nil)

// Open loads the network and the voices, and speaks once with the default voice, so that the
// first caller need not wait. The error is fault.Invalid and says what is missing.
func Open(c Config) (*Synthesizer, error) {
	s := &Synthesizer{
		defaultName: cmp.Or(c.Default, DefaultVoice), voices: make(map[string]*voice),
		workers: workers.New(cmp.Or(c.Workers, runtime.GOMAXPROCS(0)), firstRuns),
	}
	if err := s.open(c); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Invalid, "Kokoro cannot be opened"), s.Close())
	}
	return s, nil
}

func (s *Synthesizer) open(c Config) error {
	var err error
	if s.phonemizer, err = phonemes.New(espeakVoice); err != nil {
		return err
	}
	if s.engine, err = openEngine(c.Runtime, filepath.Join(c.Dir, networkName)); err != nil {
		return err
	}
	files, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), styleSuffix)
		if !ok {
			continue
		}
		if s.voices[name], err = readVoice(filepath.Join(c.Dir, f.Name())); err != nil {
			return err
		}
	}
	if s.voices[s.defaultName] == nil {
		return fault.New(fault.Invalid, "no voice %q is installed in %s", s.defaultName, c.Dir)
	}
	defer cputime.LockThread()()
	began := cputime.Thread()
	seconds, err := s.calibrate(context.Background(), s.voices[s.defaultName])
	if err != nil {
		return err
	}
	s.load = (cputime.Thread() - began).Seconds() / seconds
	return nil
}

// calibrate sets a voice's gain the first time, when it is its turn to run the network. It
// returns how many seconds it said for that.
func (s *Synthesizer) calibrate(ctx context.Context, v *voice) (seconds float64, err error) {
	select {
	case v.turn <- struct{}{}:
		defer func() { <-v.turn }()
	case <-ctx.Done():
		return 0, fault.From(ctx.Err())
	}
	if v.gain > 0 {
		return 0, nil
	}
	ipa, err := s.phonemizer.Phonemes(ctx, calibrationText)
	if err != nil {
		return 0, err
	}
	var audio []float32
	err = s.workers.Do(ctx, time.Now(), 0, func() (err error) {
		audio, err = s.engine.run(frame(symbols(ipa)), v.style(len(symbols(ipa))), 1)
		return err
	})
	if err != nil {
		return 0, err
	}
	pcm := loudness.Trim(loudness.Limit(audio, loudness.MaxPeak), media.MouthRate)
	loud := loudness.RMS(pcm)
	if loud == 0 {
		return 0, fault.New(fault.Provider, "the voice Kokoro is silent for %q", calibrationText)
	}
	v.gain = loudness.MaxPeak * min(loudness.Target/loud, loudness.MaxGain)
	return float64(len(pcm)) / media.MouthRate, nil
}

// Load returns the CPU time in seconds per second of audio that the network took when it was
// opened.
func (s *Synthesizer) Load() float64 { return s.load }

// Close stops espeak-ng and frees the network. It waits for runs of the network in progress.
// Clauses that are not complete fail.
func (s *Synthesizer) Close() error {
	var err error
	if s.phonemizer != nil {
		err = s.phonemizer.Close()
	}
	if s.engine != nil {
		err = errors.Join(err, s.engine.close())
	}
	return err
}

// Speaks reports whether there is a voice for a language (BCP 47).
func (s *Synthesizer) Speaks(language string) bool { return words.IsEnglish(language) }

// Speak implements dialog.Synthesizer at the voice's own speed.
func (s *Synthesizer) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return s.With(spoken.Style{}).Speak(ctx, text, v)
}

// SpeakClause implements dialog.ClauseSynthesizer at the voice's own speed, without word ends.
func (s *Synthesizer) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return s.With(spoken.Style{}).SpeakClause(ctx, c)
}

// Stats returns the counts since the Synthesizer was opened.
func (s *Synthesizer) Stats() workers.Stats {
	return workers.Stats{Clauses: s.clauses.Load(), Refused: s.refused.Load(), Waiting: s.workers.Waiting()}
}

// With returns a Synthesizer that speaks with s in a style.
func (s *Synthesizer) With(style spoken.Style) dialog.ClauseSynthesizer { return &styled{s, style} }

type styled struct {
	*Synthesizer
	style spoken.Style
}

func (s *styled) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return dialog.Audio(s.SpeakClause(ctx, dialog.Clause{Text: text, Voice: v}))
}

func (s *styled) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return func(yield func(dialog.Speech, error) bool) {
		s.clauses.Add(1)
		if err := s.speak(ctx, c, func(pcm []int16) bool { return yield(dialog.Speech{PCM: pcm}, nil) }); err != nil {
			if workers.IsRefusal(err) {
				s.refused.Add(1)
			}
			yield(dialog.Speech{}, err)
		}
	}
}

// speak passes the audio of a clause, in pieces, to yield until it returns false. The error is
// a fault.Error.
func (s *styled) speak(ctx context.Context, said dialog.Clause, yield func([]int16) bool) error {
	if !s.Speaks(said.Voice.Language) {
		return fault.New(fault.Invalid, "Kokoro does not speak the language %q", said.Voice.Language)
	}
	v := s.voices[said.Voice.Name] // clients may ask for voices of other services
	if v == nil {
		v = s.voices[s.defaultName]
	}
	if _, err := s.calibrate(ctx, v); err != nil {
		return fault.Wrap(err, fault.Provider, "the voice Kokoro cannot speak").Retryable(0)
	}
	due := said.Due
	if now := time.Now(); due.Before(now) {
		due = now
	}
	pieces, err := s.pieces(ctx, s.style.Lexicon.Parts(said.Text, cmp.Or(said.Voice.Language, espeakVoice)))
	if err != nil {
		return err
	}
	speed := float32(min(max(cmp.Or(s.style.Speed, 1), minSpeed), maxSpeed))
	left := firstRuns
	for i, p := range pieces {
		var audio []float32
		err := s.workers.Do(ctx, due, left, func() (err error) {
			if audio, err = s.engine.run(frame(p.symbols), v.style(len(p.symbols)), speed); err != nil {
				return fault.Wrap(err, fault.Provider, "the voice Kokoro cannot speak").Retryable(0)
			}
			return nil
		})
		if err != nil {
			return err
		}
		pcm := slices.Clone(loudness.Trim(loudness.Limit(audio, v.gain), media.MouthRate))
		if len(pcm) == 0 {
			continue
		}
		if left = 0; i < len(pieces)-1 {
			pcm = append(pcm, make([]int16, pause(p.mark))...)
		}
		due = due.Add(time.Duration(len(pcm)) * time.Second / media.MouthRate)
		if !yield(pcm) {
			return nil
		}
	}
	return nil
}

// pause returns the samples of silence between two pieces, in addition to loudness.Lead and
// loudness.Tail: the network itself pauses for about 0.3 s between sentences, and for 0.1 s at
// a comma.
func pause(mark string) int {
	if phonemes.EndsSentence(mark) {
		return media.MouthRate / 5
	}
	return 0
}
