// Package fft computes the power spectrum of a window of samples, for the detectors in
// media and dialog/amd. It imports nothing of Frontdesk.
package fft

import "math"

const (
	Size = 512      // real samples of a window
	Bins = Size / 2 // of the spectrum, and the size of the complex transform that computes it
	bits = 8        // log2 of Bins
)

// Tables of the transform; constant after init.
var (
	window   [Size]float32 // Hann
	cosines  [Bins]float32 // cos(2πk/Size)
	sines    [Bins]float32
	reversed [Bins]uint8 // k with its bits reversed
)

func init() {
	for i := range window {
		window[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/Size))
	}
	for k := range Bins {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / Size)
		cosines[k], sines[k] = float32(cos), float32(sin)
		for b := range bits {
			reversed[k] |= uint8(k >> b & 1 << (bits - 1 - b))
		}
	}
}

// Spectrum is the working memory of the transform.
type Spectrum struct{ re, im [Bins]float32 }

// Power writes the power of x under a Hann window to out. It runs a radix-2 transform of
// half the length, with the even samples as real and the odd ones as imaginary parts
// (Press et al., Numerical Recipes, section 12.3).
func (s *Spectrum) Power(out *[Bins]float32, x *[Size]float32) {
	for k := range Bins {
		r := reversed[k]
		s.re[r] = x[2*k] * window[2*k]
		s.im[r] = x[2*k+1] * window[2*k+1]
	}
	for half := 1; half < Bins; half *= 2 {
		stride := Bins / half
		for j := range half {
			c, d := cosines[j*stride], -sines[j*stride]
			for a := j; a < Bins; a += 2 * half {
				b := a + half
				re, im := s.re[b]*c-s.im[b]*d, s.re[b]*d+s.im[b]*c
				s.re[b], s.im[b] = s.re[a]-re, s.im[a]-im
				s.re[a] += re
				s.im[a] += im
			}
		}
	}
	out[0] = (s.re[0] + s.im[0]) * (s.re[0] + s.im[0])
	for k := 1; k < Bins; k++ {
		m := Bins - k
		evenRe, evenIm := (s.re[k]+s.re[m])/2, (s.im[k]-s.im[m])/2
		oddRe, oddIm := (s.im[k]+s.im[m])/2, (s.re[m]-s.re[k])/2
		re := evenRe + oddRe*cosines[k] + oddIm*sines[k]
		im := evenIm + oddIm*cosines[k] - oddRe*sines[k]
		out[k] = re*re + im*im
	}
}

// Decibel converts the power of a bin to dB. 0 dB is the noise of rounding to samples.
func Decibel(power float32) float32 {
	return 10*float32(math.Log10(float64(power)+1e-3)) - 12
}
