package dialog

import (
	"context"
	"iter"
	"time"
)

// Clause is what a voice says at a time.
type Clause struct {
	Text  string
	Voice Voice
	// Due is when the caller will have heard everything before the clause; the zero time
	// means now. A voice that calls share serves those first whose audio is due first.
	Due time.Time
	// Substitute asks for the voice that takes the place of the agent's own when that one is
	// overloaded, because the same reply began with it.
	Substitute bool
}

// Speech is a piece of a clause's audio.
type Speech struct {
	PCM []int16 // at MouthRate, of any length, also empty; it belongs to the receiver
	// Words are the ends of words that became known with this piece. They come in the order
	// of the text, each once, at any time before the clause ends.
	Words []WordEnd
	// Substitute says that another voice than the agent's own speaks. It is the same for all
	// pieces of a clause.
	Substitute bool
}

// WordEnd says where a word ends. Words are divided by white space.
type WordEnd struct {
	Text    int // bytes of the clause's text up to the end of the word
	Samples int // samples of the clause's audio up to the end of the word
}

// ClauseSynthesizer is a Synthesizer that can say where words end, and that wants to know
// when audio is due.
type ClauseSynthesizer interface {
	Synthesizer
	// SpeakClause is Speak, with word ends: for a clause all of its words or, if they are not
	// known, none.
	SpeakClause(ctx context.Context, c Clause) iter.Seq2[Speech, error]
}

// SpeakClause lets s say c. If s is not a ClauseSynthesizer, the audio comes without word
// ends.
func SpeakClause(ctx context.Context, s Synthesizer, c Clause) iter.Seq2[Speech, error] {
	if s, ok := s.(ClauseSynthesizer); ok {
		return s.SpeakClause(ctx, c)
	}
	return func(yield func(Speech, error) bool) {
		for pcm, err := range s.Speak(ctx, c.Text, c.Voice) {
			if !yield(Speech{PCM: pcm}, err) {
				return
			}
		}
	}
}

// Audio yields the audio of speech without its word ends, as Synthesizer.Speak does.
func Audio(speech iter.Seq2[Speech, error]) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		for s, err := range speech {
			if (len(s.PCM) > 0 || err != nil) && !yield(s.PCM, err) {
				return
			}
		}
	}
}
