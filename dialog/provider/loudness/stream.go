package loudness

import (
	"math"

	"frontdesk/media"
)

// limitFrom is the sample value from which peaks are bent: 2 dB below the largest.
const limitFrom = 0.8 * MaxPeak

// Limit converts audio to 16-bit samples of the common loudness. Peaks above limitFrom are
// bent by a hyperbolic tangent, so that none reaches MaxPeak.
func Limit(audio []float32, gain float64) []int16 {
	const room = MaxPeak - limitFrom
	pcm := make([]int16, len(audio))
	for i, x := range audio {
		y := float64(x) * gain
		if a := math.Abs(y); a > limitFrom {
			y = math.Copysign(limitFrom+room*math.Tanh((a-limitFrom)/room), y)
		}
		pcm[i] = int16(math.RoundToEven(y))
	}
	return pcm
}

// Trimmer shortens the silence at the beginning of a clause to Lead and at its end
// to Tail, while its audio passes. Pauses within the clause remain.
type Trimmer struct {
	Silence float64 // RMS of a block below which it is silence
	Rate    int     // of the audio, in Hz
	begun   bool
	dropped int     // samples of the silence at the beginning that are not returned
	partial []int16 // less than a block
	pending []int16 // silence that is not known to be a pause
}

// Dropped returns how many samples of the silence at the beginning are not returned.
func (t *Trimmer) Dropped() int { return t.dropped }

// Add takes further audio and returns what is certain to be needed.
func (t *Trimmer) Add(pcm []int16) []int16 {
	block := int(Block * float64(t.Rate))
	t.partial = append(t.partial, pcm...)
	var out []int16
	for len(t.partial) >= block {
		b := t.partial[:block]
		t.partial = t.partial[block:]
		if media.RMS(b) >= t.Silence {
			out = append(append(out, t.pending...), b...)
			t.pending, t.begun = t.pending[:0], true
			continue
		}
		t.pending = append(t.pending, b...)
		if lead := int(Lead * float64(t.Rate)); !t.begun && len(t.pending) > lead {
			t.dropped += len(t.pending) - lead
			t.pending = t.pending[:copy(t.pending, t.pending[len(t.pending)-lead:])]
		}
	}
	return out
}

// End returns the end of the clause.
func (t *Trimmer) End() []int16 {
	if !t.begun {
		return nil
	}
	rest := append(t.pending, t.partial...)
	return rest[:min(len(rest), int(Tail*float64(t.Rate)))]
}
