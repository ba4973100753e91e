package media

import "math"

const (
	fftSize = 512         // real samples
	fftHalf = fftSize / 2 // the complex transform behind it, and the bins it gives
	fftBits = 8           // log2 of fftHalf
)

// Tables of the transform, the same for every detector and never written again.
var (
	fftWindow  [fftSize]float32 // Hann
	fftCos     [fftHalf]float32 // cos(2πk/fftSize)
	fftSin     [fftHalf]float32
	fftReverse [fftHalf]uint8 // k with its bits reversed
)

func init() {
	for i := range fftWindow {
		fftWindow[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/fftSize))
	}
	for k := range fftHalf {
		sin, cos := math.Sincos(2 * math.Pi * float64(k) / fftSize)
		fftCos[k], fftSin[k] = float32(cos), float32(sin)
		for b := range fftBits {
			fftReverse[k] |= uint8(k >> b & 1 << (fftBits - 1 - b))
		}
	}
}

// spectrum is the working memory of a real transform.
type spectrum struct{ re, im [fftHalf]float32 }

// power writes the power of x under a Hann window in bins 0 to fftHalf-1 to out. It is
// a radix-2 transform of half the length, whose parts are the even and odd samples
// (Press et al., Numerical Recipes, section 12.3).
func (s *spectrum) power(out *[fftHalf]float32, x *[fftSize]float32) {
	for k := range fftHalf {
		r := fftReverse[k]
		s.re[r] = x[2*k] * fftWindow[2*k]
		s.im[r] = x[2*k+1] * fftWindow[2*k+1]
	}
	for half := 1; half < fftHalf; half *= 2 {
		stride := fftHalf / half
		for j := range half {
			c, d := fftCos[j*stride], -fftSin[j*stride]
			for a := j; a < fftHalf; a += 2 * half {
				b := a + half
				re, im := s.re[b]*c-s.im[b]*d, s.re[b]*d+s.im[b]*c
				s.re[b], s.im[b] = s.re[a]-re, s.im[a]-im
				s.re[a] += re
				s.im[a] += im
			}
		}
	}
	out[0] = (s.re[0] + s.im[0]) * (s.re[0] + s.im[0])
	for k := 1; k < fftHalf; k++ {
		m := fftHalf - k
		evenRe, evenIm := (s.re[k]+s.re[m])/2, (s.im[k]-s.im[m])/2
		oddRe, oddIm := (s.im[k]+s.im[m])/2, (s.re[m]-s.re[k])/2
		re := evenRe + oddRe*fftCos[k] + oddIm*fftSin[k]
		im := evenIm + oddIm*fftCos[k] - oddRe*fftSin[k]
		out[k] = re*re + im*im
	}
}
