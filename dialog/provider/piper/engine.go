package piper

import "slices"

// engine runs the two halves of a voice's network. It is safe for concurrent use.
type engine interface {
	// encode turns symbols into the frames of an utterance.
	encode(symbols []int64, scales [3]float32, speaker int64) (*latent, error)
	// decode turns frames [from, to) of l into samples in [-1, 1], equally many for each frame.
	decode(l *latent, from, to int) ([]float32, error)
	close() error
}

// latent is the encoder's output for an utterance.
type latent struct {
	channels, frames int
	data             []float32 // channels × frames
	durations        []float32 // frames of each symbol; nil if the network does not say
	speaker          int64
}

// slice returns a copy of the frames [from, to): channels × (to-from).
func (l *latent) slice(from, to int) []float32 {
	if from == 0 && to == l.frames {
		return slices.Clone(l.data)
	}
	out := make([]float32, 0, l.channels*(to-from))
	for c := range l.channels {
		out = append(out, l.data[c*l.frames+from:c*l.frames+to]...)
	}
	return out
}
