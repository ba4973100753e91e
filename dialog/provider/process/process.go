// Package process synthesizes speech with programs of the operating system, such as flite.
// It runs one process for each clause, which writes a WAV file to its standard output. It
// limits the number and the duration of processes, kills those whose clause is cancelled,
// trims silence and brings all voices to the same loudness. It imports dialog, media,
// loudness, fault and spoken. Text enters as clauses; audio leaves as mono PCM at media.MouthRate.
package process

import (
	"context"
	"iter"

	"frontdesk/dialog"
	"frontdesk/internal/spoken"
)

// Synthesizer speaks by running Program once for each clause. It is safe for concurrent use
// when Choose and Command are.
type Synthesizer struct {
	Program *Program
	Lexicon *spoken.Lexicon // the agent's pronunciation; nil if it has none
	// Choose returns the program's voice for v and the language it speaks (BCP 47).
	Choose func(v dialog.Voice) (voice, language string, err error)
	// Command returns the arguments and the standard input with which the program speaks
	// text and writes it to standard output.
	Command func(voice, text string) (args []string, stdin string)
}

var _ dialog.Synthesizer = (*Synthesizer)(nil)

// Speak yields a clause in one piece, and nothing for text without words.
func (s *Synthesizer) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		voice, language, err := s.Choose(v)
		if err != nil {
			yield(nil, err)
			return
		}
		text := s.Lexicon.Form(text, language)
		if text == "" {
			return
		}
		args, stdin := s.Command(voice, text)
		pcm, err := s.Program.speak(ctx, stdin, args)
		if err != nil || len(pcm) > 0 {
			yield(pcm, err)
		}
	}
}
