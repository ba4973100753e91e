package mouth

import (
	"context"
	"iter"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// WithSubstitute returns a Synthesizer that speaks with own, and with substitute where own
// fails before its first audio with an error that says to try again, as an overloaded voice
// does. Voice says the rest of such a reply with substitute, so a reply changes its voice at
// most once, and begins the next one with own again. onSubstitute is called for each clause
// that substitute says, with the error of own, or with nil for the rest of a reply. It must be
// safe for concurrent use.
func WithSubstitute(own, substitute dialog.Synthesizer, onSubstitute func(err error)) dialog.ClauseSynthesizer {
	return &substituted{own, substitute, onSubstitute}
}

type substituted struct {
	own, substitute dialog.Synthesizer
	onSubstitute    func(error)
}

// Speak implements dialog.Synthesizer.
func (s *substituted) Speak(ctx context.Context, text string, v dialog.Voice) iter.Seq2[[]int16, error] {
	return dialog.Audio(s.SpeakClause(ctx, dialog.Clause{Text: text, Voice: v}))
}

// SpeakClause implements dialog.ClauseSynthesizer.
func (s *substituted) SpeakClause(ctx context.Context, c dialog.Clause) iter.Seq2[dialog.Speech, error] {
	return func(yield func(dialog.Speech, error) bool) {
		var failure error
		if !c.Substitute {
			hasAudio := false
			for piece, err := range dialog.SpeakClause(ctx, s.own, c) {
				if err != nil && !hasAudio && fault.IsRetryable(err) && ctx.Err() == nil {
					failure = err
					break
				}
				hasAudio = hasAudio || len(piece.PCM) > 0
				if !yield(piece, err) || err != nil {
					return
				}
			}
			if failure == nil {
				return
			}
		}
		s.onSubstitute(failure)
		for piece, err := range dialog.SpeakClause(ctx, s.substitute, c) {
			piece.Substitute = true
			if !yield(piece, err) {
				return
			}
		}
	}
}
