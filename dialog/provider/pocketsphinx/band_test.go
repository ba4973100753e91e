package pocketsphinx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"frontdesk/media"
)

// voiced is n frames of a voice's harmonics in a room with a little noise.
func voiced(frames int) []int16 {
	rnd := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, frames*media.EarFrame)
	for i := range out {
		x := 40 * rnd.NormFloat64()
		for k := 1.0; k <= 18; k++ {
			x += 2000 / k * math.Sin(2*math.Pi*150*k*float64(i)/media.EarRate)
		}
		out[i] = int16(x)
	}
	return out
}

func TestATelephonesBandIsFoldedAndAWideOneLeft(t *testing.T) {
	wide := voiced(100)
	down, up := media.NewResampler(media.EarRate, 8000), media.NewResampler(8000, media.EarRate)
	narrow := up.Process(nil, media.DecodePCMU(nil, media.EncodePCMU(nil, down.Process(nil, wide))))
	folds := func(pcm []int16) (folded int) {
		var b band
		for frame := range slices.Chunk(pcm, media.EarFrame) {
			if out := b.fold(frame); len(out) != len(frame) {
				t.Fatalf("%d samples of %d", len(out), len(frame))
			} else if out[1] == 0 && out[3] == 0 && out[2] != frame[2] {
				folded++
			}
		}
		return folded
	}
	if n := folds(wide); n != 0 {
		t.Errorf("%d frames of a wide band are folded", n)
	}
	if n := folds(narrow); n < 60 {
		t.Errorf("%d frames of a telephone's band are folded", n)
	}
	if n := folds(make([]int16, 100*media.EarFrame)); n != 0 {
		t.Errorf("%d frames of silence are folded", n)
	}
}
