// Package piper gives agents neural voices: those of Piper (github.com/OHF-Voice/piper1-gpl),
// a VITS network for each voice (Kim, Kong & Son, 2021), on this machine and without an
// account. ONNX Runtime runs the network, and espeak-ng, as a separate program, supplies the
// phonemes. The package imports dialog, media, loudness, workers, fault, onnx, phonemes,
// spoken and words.
// Text enters as clauses; audio leaves as mono PCM at media.MouthRate, the first piece before
// the rest is synthesized.
package piper

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/workers"
	"frontdesk/internal/fault"
	"frontdesk/internal/onnx"
	"frontdesk/internal/spoken"
	"frontdesk/internal/words"
)

const (
	entryPrefix    = "piper-" // of a voice's entry in the cache of models
	networkName    = "voice.onnx"
	minSpeed       = 0.5
	maxSpeed       = 2.0
	speakerDivider = "#" // as in en_US-libritts-high#12
	// retryPause is how long a voice that could not be opened is not tried again. Opening one
	// takes about a second of a core, so a damaged file costs 2 % of a core at most.
	retryPause = time.Minute
)

// Config says which voices there are.
type Config struct {
	Runtime *onnx.Runtime
	// Voices maps names to ONNX files, each with its settings (.json) next to it. Installed
	// returns those of the cache of models.
	Voices map[string]string
	// Default is the name of the voice that speaks for agents that ask for no other: a key of
	// Voices, or an ONNX file. A speaker may follow, as in "en_US-libritts-high#12". The
	// default is the first of Voices.
	Default string
	Workers int // runs of networks at the same time; the default is one for each core
}

// Synthesizer speaks with the voices of Piper. All calls share it. It is safe for concurrent
// use.
type Synthesizer struct {
	runtime     *onnx.Runtime
	files       map[string]string
	defaultName string
	workers     *workers.Pool
	clauses     atomic.Uint64 // for Stats
	refused     atomic.Uint64

	isClosed atomic.Bool

	mu     sync.Mutex
	voices map[string]*entry // by name
}

// entry is a voice that is opened when it speaks for the first time.
type entry struct {
	voice atomic.Pointer[voice] // nil until it is open

	mu     sync.Mutex // held while the voice is opened or closed
	err    error      // why it could not be opened
	failed time.Time
}

var errClosed = fault.New(fault.Unavailable, "the voices of Piper are closed")

var _ dialog.ClauseSynthesizer = (*Synthesizer)(nil)

// Installed returns the voices in a folder of models: the entries piper-NAME, by NAME.
func Installed(folder string) map[string]string {
	voices := make(map[string]string)
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		file := filepath.Join(folder, e.Name(), networkName)
		if name, ok := strings.CutPrefix(e.Name(), entryPrefix); ok {
			if _, err := os.Stat(file); err == nil {
				voices[name] = file
			}
		}
	}
	return voices
}

// Has reports whether name is a voice of voices or an ONNX file, with or without a speaker.
func Has(voices map[string]string, name string) bool {
	base, _, _ := strings.Cut(name, speakerDivider)
	if _, ok := voices[base]; ok {
		return true
	}
	info, err := os.Stat(base)
	return err == nil && info.Mode().IsRegular()
}

// Open loads the default voice and speaks with it once, so that the first caller need not
// wait. Other voices are loaded when they are asked for. The error says what is missing.
func Open(c Config) (*Synthesizer, error) {
	s := &Synthesizer{
		runtime: c.Runtime, files: maps.Clone(c.Voices), defaultName: c.Default, voices: make(map[string]*entry),
		workers: workers.New(cmp.Or(c.Workers, runtime.GOMAXPROCS(0)), firstRuns),
	}
	if s.files == nil {
		s.files = make(map[string]string)
	}
	name, _, _ := strings.Cut(s.defaultName, speakerDivider)
	if names := slices.Sorted(maps.Keys(s.files)); name == "" && len(names) > 0 {
		name, s.defaultName = names[0], names[0]
	}
	if _, ok := s.files[name]; !ok {
		if _, err := os.Stat(name); err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "no voice %q is installed (want one of %s, or an ONNX file)",
				name, strings.Join(slices.Sorted(maps.Keys(s.files)), ", "))
		}
		s.files[name] = name
	}
	v, err := s.load(name)
	if err == nil {
		_, err = v.speaker(s.defaultName)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close frees the voices and stops espeak-ng. It waits for runs of networks in progress.
// Clauses that are not complete fail.
func (s *Synthesizer) Close() error {
	s.isClosed.Store(true) // so that load opens no voice any more
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, e := range s.voices {
		e.mu.Lock()
		if v := e.voice.Swap(nil); v != nil {
			err = errors.Join(err, v.close())
		}
		e.mu.Unlock()
	}
	return err
}

// entry returns the entry of a voice.
func (s *Synthesizer) entry(name string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.voices[name]
	if e == nil {
		e = &entry{}
		s.voices[name] = e
	}
	return e
}

// load returns a voice of files, which it opens unless it is open. A voice that could not be
// opened is tried again after retryPause.
func (s *Synthesizer) load(name string) (*voice, error) {
	e := s.entry(name)
	if v := e.voice.Load(); v != nil {
		return v, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	v := e.voice.Load() // somebody else may have opened it until now
	switch {
	case v != nil:
		return v, nil
	case s.isClosed.Load():
		return nil, errClosed
	case e.err != nil && time.Since(e.failed) < retryPause:
		return nil, e.err
	}
	if v, e.err = openVoice(s.runtime, name, s.files[name]); e.err != nil {
		e.failed = time.Now()
		return nil, e.err
	}
	e.voice.Store(v)
	return v, nil
}

// Speaks reports whether there is a voice for a language (BCP 47), by the languages that the
// names of voices begin with and by that of the default voice.
func (s *Synthesizer) Speaks(language string) bool {
	_, ok := s.choose(dialog.Voice{Language: language})
	return ok
}

// choose returns the voice that is asked for, else the default one, else the first by name,
// that speaks the language. Clients may ask for voices of other services, so names that are
// unknown are skipped.
func (s *Synthesizer) choose(v dialog.Voice) (name string, ok bool) {
	for _, want := range slices.Concat([]string{v.Name, s.defaultName}, slices.Sorted(maps.Keys(s.files))) {
		base, _, _ := strings.Cut(want, speakerDivider)
		if _, ok := s.files[base]; ok && (v.Language == "" || sameLanguage(s.language(base), v.Language)) {
			return want, true
		}
	}
	return "", false
}

// language returns the language of a voice: of its espeak-ng voice if it is loaded, else that
// with which its name begins, as in en_US-joe-medium.
func (s *Synthesizer) language(name string) string {
	if v := s.entry(name).voice.Load(); v != nil {
		return v.settings.Espeak.Voice
	}
	return filepath.Base(name)
}

// sameLanguage reports whether two tags have the same primary language.
func sameLanguage(a, b string) bool {
	return words.Language(a) == words.Language(b)
}

// Speak implements dialog.Synthesizer at the voice's own speed.
func (s *Synthesizer) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return dialog.Audio(s.speak(ctx, dialog.Clause{Text: text, Voice: v}, spoken.Style{}))
}

// SpeakClause implements dialog.ClauseSynthesizer at the voice's own speed.
func (s *Synthesizer) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return s.speak(ctx, c, spoken.Style{})
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
	return dialog.Audio(s.speak(ctx, dialog.Clause{Text: text, Voice: v}, s.style))
}

func (s *styled) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return s.speak(ctx, c, s.style)
}

func (s *Synthesizer) speak(ctx context.Context, said dialog.Clause, style spoken.Style) iter.Seq2[dialog.Speech, error] {
	return func(yield func(dialog.Speech, error) bool) {
		s.clauses.Add(1)
		c, utterances, err := s.prepare(ctx, said, style)
		if err == nil {
			err = c.speak(ctx, utterances, func(p dialog.Speech) bool { return yield(p, nil) })
		}
		if err != nil {
			if workers.IsRefusal(err) {
				s.refused.Add(1)
			}
			yield(dialog.Speech{}, err)
		}
	}
}

// prepare chooses the voice of a clause, and translates the text to phonemes.
func (s *Synthesizer) prepare(ctx context.Context, said dialog.Clause, style spoken.Style) (*clause, [][]symbol, error) {
	name, ok := s.choose(said.Voice)
	if !ok {
		return nil, nil, fault.New(fault.Invalid, "no voice of Piper is installed for the language %q", said.Voice.Language)
	}
	base, _, _ := strings.Cut(name, speakerDivider)
	voice, err := s.load(base)
	if err != nil { // another voice may speak meanwhile
		return nil, nil, fault.Wrap(err, fault.Unavailable, "the voice %s cannot speak", filepath.Base(base)).Retryable(retryPause)
	}
	speaker, err := voice.speaker(name)
	if err != nil {
		return nil, nil, err
	}
	due := said.Due
	if now := time.Now(); due.Before(now) {
		due = now
	}
	language := cmp.Or(said.Voice.Language, voice.settings.Espeak.Voice)
	utterances, err := voice.utterances(ctx, style.Lexicon.Parts(said.Text, language))
	if err != nil {
		return nil, nil, err
	}
	speed := float32(min(max(cmp.Or(style.Speed, 1), minSpeed), maxSpeed))
	return &clause{
		voice: voice, workers: s.workers, speaker: speaker, speed: speed, due: due,
		timing: newTiming(voice, said.Text, language, style.Lexicon, utterances),
	}, utterances, nil
}
