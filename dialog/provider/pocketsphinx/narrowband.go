package pocketsphinx

import (
	"math"

	"frontdesk/media"
)

const (
	interpolatorTaps = 8     // pairs of samples from which the one between them is estimated
	loudRMS          = 200   // a frame must be this loud to be measured
	narrowShare      = 0.003 // share of audio above 4 kHz below which a frame is narrowband (1 % of wideband frames are)
	wideShare        = 0.2   // share that no narrowband line reaches
	minLoudFrames    = 25    // loud frames before a decision; four of five must be narrowband
	maxLoudFrames    = 200   // after this many, the caller is known to be wideband
)

// bandFolder finds out whether one caller's audio ends below 4 kHz, as on a telephone. If
// so, it mirrors the audio into the upper half (spectral folding), because the acoustic model
// expects the noise of consonants there: it recognizes a quarter more words than with an
// empty upper half.
type bandFolder struct {
	loud     int // frames measured
	narrow   int // of them, frames without audio above 4 kHz
	isNarrow bool
	isKnown  bool // isNarrow is final
	last     [2 * interpolatorTaps]int16
	folded   [media.EarFrame]int16
}

// interpolator holds the weights of a half-band interpolator: sin(x)/x with a Hann window.
var interpolator = func() (w [interpolatorTaps]float64) {
	for i := range w {
		k := float64(2*i + 1)
		w[i] = 2 * math.Sin(math.Pi*k/2) / (math.Pi * k) * (0.5 + 0.5*math.Cos(math.Pi*k/(2*interpolatorTaps+1)))
	}
	return w
}()

// fold returns frame or its mirrored copy, which is valid until the next call.
func (b *bandFolder) fold(frame []int16) []int16 {
	if !b.isKnown {
		b.measure(frame)
	}
	if !b.isNarrow {
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

// measure estimates the audio above 4 kHz: the part of each sample that cannot be
// interpolated from the samples around it.
func (b *bandFolder) measure(frame []int16) {
	pcm := append(b.last[:len(b.last):len(b.last)], frame...)
	total, high := 0.0, 0.0
	for i := 2*interpolatorTaps - 1; i < len(pcm)-2*interpolatorTaps+1; i++ {
		x := float64(pcm[i])
		estimate := 0.0
		for k, w := range interpolator {
			estimate += w * (float64(pcm[i-2*k-1]) + float64(pcm[i+2*k+1]))
		}
		total += x * x
		high += (x - estimate) * (x - estimate) / 4
	}
	copy(b.last[:], frame[max(0, len(frame)-len(b.last)):])
	if n := float64(len(pcm)); total < n*loudRMS*loudRMS {
		return
	}
	b.loud++
	if high < total*narrowShare*narrowShare {
		b.narrow++
	}
	b.isNarrow = b.loud >= minLoudFrames && 5*b.narrow >= 4*b.loud
	b.isKnown = b.isNarrow || b.loud == maxLoudFrames || high > total*wideShare*wideShare
}
