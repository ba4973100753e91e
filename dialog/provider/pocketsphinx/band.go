package pocketsphinx

import (
	"math"

	"frontdesk/media"
)

const (
	bandTaps   = 8     // pairs of samples that one between them is told from
	bandLoud   = 200   // RMS of a frame that tells something
	bandNarrow = 0.003 // share of it above 4 kHz that a telephone line hardly passes (1 % of wide-band frames have less)
	bandWide   = 0.2   // and that one never does
	bandFrames = 25    // such frames that decide, when four of five are narrow
	bandGiveUp = 200   // or do not any more
)

// band finds out whether a caller's sound ends below 4 kHz, as telephones' does, and then
// mirrors it above (spectral folding): the acoustic model expects the noise of consonants
// there, and understands a quarter more than of a half that is empty. It is one call's.
type band struct {
	loud   int // frames looked at
	narrow int // of them without sound above 4 kHz
	is     bool
	done   bool // it is known
	last   [2 * bandTaps]int16
	folded [media.EarFrame]int16
}

// between are the weights of a half-band interpolator: a Hann window on sin(x)/x.
var between = func() (w [bandTaps]float64) {
	for i := range w {
		k := float64(2*i + 1)
		w[i] = 2 * math.Sin(math.Pi*k/2) / (math.Pi * k) * (0.5 + 0.5*math.Cos(math.Pi*k/(2*bandTaps+1)))
	}
	return w
}()

// fold returns frame, or its mirrored copy, which is b's until the next call.
func (b *band) fold(frame []int16) []int16 {
	if !b.done {
		b.look(frame)
	}
	if !b.is {
		return frame
	}
	for i, x := range frame {
		b.folded[i] = 0
		if i%2 == 0 {
			b.folded[i] = int16(min(max(2*int(x), math.MinInt16), math.MaxInt16))
		}
	}
	return b.folded[:len(frame)]
}

// look measures what is above 4 kHz: what cannot be told from the samples around.
func (b *band) look(frame []int16) {
	sound := append(b.last[:len(b.last):len(b.last)], frame...)
	total, high := 0.0, 0.0
	for i := 2*bandTaps - 1; i < len(sound)-2*bandTaps+1; i++ {
		x := float64(sound[i])
		guess := 0.0
		for k, w := range between {
			guess += w * (float64(sound[i-2*k-1]) + float64(sound[i+2*k+1]))
		}
		total += x * x
		high += (x - guess) * (x - guess) / 4
	}
	copy(b.last[:], frame[max(0, len(frame)-len(b.last)):])
	if n := float64(len(sound)); total < n*bandLoud*bandLoud {
		return
	}
	b.loud++
	if high < total*bandNarrow*bandNarrow {
		b.narrow++
	}
	b.is = b.loud >= bandFrames && 5*b.narrow >= 4*b.loud
	b.done = b.is || b.loud == bandGiveUp || high > total*bandWide*bandWide
}
