// Package audiotest makes and measures audio for tests: tones, a voice, noise and levels.
// It imports nothing of Frontdesk, so that the tests of every package can use it.
package audiotest

import (
	"cmp"
	"math"
	"math/rand/v2"
)

// Tone returns n samples of a sine of hz.
func Tone(hz float64, rate, n int, amplitude float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// Voice returns n samples that resemble a vowel with a pitch of hz, four syllables a second.
// hz must be a whole number, because the first second is repeated.
func Voice(hz float64, rate, n int, amplitude float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		if i >= rate {
			out[i] = out[i-rate]
			continue
		}
		at := float64(i) / float64(rate)
		for k := 1.0; k*hz < 3500; k++ {
			formants := 1/(1+math.Pow((k*hz-600)/250, 2)) + 0.4/(1+math.Pow((k*hz-1700)/300, 2))
			out[i] += amplitude * formants * math.Sin(2*math.Pi*k*hz*at)
		}
		out[i] *= 0.6 - 0.4*math.Cos(2*math.Pi*4*at)
	}
	return out
}

// WhiteNoise returns n samples of white noise with a power of about 1.
func WhiteNoise(r *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = r.NormFloat64()
	}
	return out
}

// PinkNoise returns n samples of pink noise with a power of 1 (Paul Kellet's filter).
func PinkNoise(r *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	var b0, b1, b2 float64
	for i, w := range WhiteNoise(r, n) {
		b0 = 0.99765*b0 + w*0.0990460
		b1 = 0.96300*b1 + w*0.2965164
		b2 = 0.57000*b2 + w*1.0526913
		out[i] = b0 + b1 + b2 + w*0.1848
	}
	scale := 1 / cmp.Or(RMS(out), 1)
	for i := range out {
		out[i] *= scale
	}
	return out
}

// Level returns the amplitude of the tone of hz in pcm (Goertzel's algorithm).
func Level(pcm []int16, hz float64, rate int) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var s0, s1, s2 float64
	for _, x := range pcm {
		s0 = float64(x) + c*s1 - s2
		s2, s1 = s1, s0
	}
	return 2 * math.Sqrt(s1*s1+s2*s2-c*s1*s2) / float64(len(pcm))
}

// ToneShare returns which share of pcm's energy is the tone of hz, from 0 to 1; 0 if pcm is
// silent.
func ToneShare(pcm []int16, hz float64, rate int) float64 {
	level, rms := Level(pcm, hz, rate), RMS(pcm)
	if rms == 0 {
		return 0
	}
	return level * level / (2 * rms * rms)
}

// RMS returns the root of the mean square of x; 0 if x is empty.
func RMS[T int16 | float64](x []T) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(x))))
}
