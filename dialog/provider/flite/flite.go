// Package flite gives agents the English voices of flite, a small synthesizer that
// Debian packages: one process per clause, no account, no network. It imports dialog
// and the programs and texts that voices of this kind share.
package flite

import (
	"context"
	"iter"
	"slices"
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/program"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
)

const (
	defaultVoice = "slt"
	clockVoice   = "awb_time" // can tell the time of day and nothing else
	maxList      = 4 << 10    // bytes of the list of voices
)

// Config is how to speak.
type Config struct {
	Voice string // one of Voices; default "slt"
}

// Synthesizer speaks English through flite. It is safe for concurrent use.
type Synthesizer struct {
	program *program.Program
	voices  []string
	voice   string
}

var _ dialog.Synthesizer = (*Synthesizer)(nil)

// New finds the program and its voices. The error says what to install, or which
// voices there are.
func New(c Config) (*Synthesizer, error) {
	p, err := program.Find("flite", "flite")
	if err != nil {
		return nil, err
	}
	list, err := p.Run(context.Background(), maxList, "", "-lv")
	if err != nil {
		return nil, err
	}
	s := &Synthesizer{program: p, voices: parseVoices(string(list)), voice: c.Voice}
	if s.voice == "" {
		s.voice = defaultVoice
	}
	if !slices.Contains(s.voices, s.voice) {
		return nil, fault.New(fault.Invalid, "flite has no voice %q; it has %s", s.voice, strings.Join(s.voices, ", "))
	}
	return s, nil
}

// parseVoices reads "Voices available: kal awb_time kal16 awb rms slt".
func parseVoices(list string) []string {
	_, names, _ := strings.Cut(list, ":")
	return slices.DeleteFunc(strings.Fields(names), func(name string) bool { return name == clockVoice })
}

// Voices are the names of the installed voices.
func (s *Synthesizer) Voices() []string { return slices.Clone(s.voices) }

// Speak yields a clause in one piece. A voice that flite does not have, such as one of
// another service that a client asks for, is replaced by the configured one.
func (s *Synthesizer) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		text := spoken.Text(text, "en")
		if text == "" {
			return
		}
		name := s.voice
		if slices.Contains(s.voices, voice.Name) {
			name = voice.Name
		}
		// The text follows -t as an argument of its own; no shell sees it.
		pcm, err := s.program.Speak(ctx, "", "-voice", name, "-o", "/dev/stdout", "-t", text)
		if err != nil || len(pcm) > 0 {
			yield(pcm, err)
		}
	}
}
