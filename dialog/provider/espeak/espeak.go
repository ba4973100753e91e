// Package espeak gives agents the voices of espeak-ng, which speaks about a hundred
// languages: one process per clause, no account, no network. espeak-ng is under the
// GPL; it runs as a program of its own and is never linked. The package imports dialog
// and the programs and texts that voices of this kind share.
package espeak

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/program"
	"frontdesk/internal/fault"
	"frontdesk/internal/spoken"
)

const (
	defaultLanguage = "en-us"
	maxList         = 64 << 10 // bytes of the list of voices
	wordsPerMinute  = 165      // a little calmer than espeak's 175
)

// Config is how to speak.
type Config struct {
	// Voice is one of Voices, with a variant if wanted, such as "en-gb+f3". It is used
	// for its own language; default is the voice of the language being spoken.
	Voice string
}

// Synthesizer speaks through espeak-ng. It is safe for concurrent use.
type Synthesizer struct {
	program *program.Program
	voices  voices
	voice   string
}

var _ dialog.Synthesizer = (*Synthesizer)(nil)

// New finds the program and its voices. The error says what to install, or that there
// is no such voice.
func New(c Config) (*Synthesizer, error) {
	p, err := program.Find("espeak-ng", "espeak-ng")
	if err != nil {
		return nil, err
	}
	list, err := p.Run(context.Background(), maxList, "", "--voices")
	if err != nil {
		return nil, err
	}
	s := &Synthesizer{program: p, voices: parseVoices(string(list)), voice: c.Voice}
	if c.Voice != "" && !s.voices.has(c.Voice) {
		return nil, fault.New(fault.Invalid, "espeak-ng has no voice %q; run espeak-ng --voices for a list", c.Voice)
	}
	return s, nil
}

// Voices are the names of the installed voices, each the BCP 47 tag of its language.
func (s *Synthesizer) Voices() []string { return s.voices.names() }

// Speak yields a clause in one piece, in the named voice, else the configured one,
// else one of the language. A name that espeak-ng does not have is passed over, since
// clients ask for voices of other services.
func (s *Synthesizer) Speak(ctx context.Context, text string, voice dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		name, err := s.choose(voice)
		if err != nil {
			yield(nil, err)
			return
		}
		text := spoken.Text(text, name)
		if text == "" {
			return
		}
		pcm, err := s.program.Speak(ctx, text,
			"-v", name, "-s", strconv.Itoa(wordsPerMinute), "-b", "1", "-z", "--stdin", "--stdout")
		if err != nil || len(pcm) > 0 {
			yield(pcm, err)
		}
	}
}

// choose finds the voice for what is wanted.
func (s *Synthesizer) choose(voice dialog.Voice) (string, error) {
	language := voice.Language
	if language == "" {
		language = defaultLanguage
	}
	for _, name := range []string{voice.Name, s.voice} {
		if name != "" && s.voices.has(name) && (voice.Language == "" || sameLanguage(name, language)) {
			return strings.ToLower(name), nil
		}
	}
	if name, ok := s.voices.find(language); ok {
		return name, nil
	}
	return "", fault.New(fault.Invalid, "espeak-ng has no voice for the language %q", language)
}

func sameLanguage(a, b string) bool { return slices.Contains(wider(a), primary(b)) }
