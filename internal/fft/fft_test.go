package fft

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestPowerMatchesTheDefinitionOfTheTransform(t *testing.T) {
	var s Spectrum
	var x [Size]float32
	var got [Bins]float32
	r := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i] = float32(r.NormFloat64() * 1000)
	}
	s.Power(&got, &x)
	for k := range got {
		var re, im float64
		for i := range x {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) * float64(i) / Size)
			re, im = re+float64(x[i]*window[i])*cos, im-float64(x[i]*window[i])*sin
		}
		if a, b := math.Sqrt(float64(got[k])), math.Hypot(re, im); math.Abs(a-b) > 1 {
			t.Errorf("amplitude of bin %d: %v, want %v", k, a, b)
		}
	}
}
