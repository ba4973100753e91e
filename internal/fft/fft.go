// Package fft is the power spectrum that the detectors of media and dialog/amd share. It
// imports nothing of Frontdesk.
package fft

import "math"

const (
	Size = 512      // real samples
	Bins = Size / 2 // the complex transform behind it, and the bins it gives
	bits = 8        // log2 of fftHalf
)

// Tables of the transform, the same for every detector and never written again.
var (
	window   [Size]float32 // Hann
	cosines  [Bins]float32 // cos(2πk/fftSize)
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

// spectrum is the working memory of a real transform.
type Spectrum struct{ re, im [Bins]float32 }

// power writes the power of x under a Hann window in bins 0 to fftHalf-1 to out. It is
// a radix-2 transform of half the length, whose parts are the even and odd samples
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

// decibel converts the power of a bin: 0 dB is what rounding to samples alone gives.
func Decibel(power float32) float32 {
	return 10*float32(math.Log10(float64(power)+1e-3)) - 12
}
