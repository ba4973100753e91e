package pocketsphinx

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"frontdesk/media"
)

// vowel returns frames with the harmonics of a voice and a little noise.
func vowel(frames int) []int16 {
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

func TestNarrowbandAudioIsFoldedAndWidebandIsNot(t *testing.T) {
	wide := vowel(100)
	down, up := media.NewResampler(media.EarRate, 8000), media.NewResampler(8000, media.EarRate)
	narrow := up.Process(nil, media.DecodePCMU(nil, media.EncodePCMU(nil, down.Process(nil, wide))))
	countFolded := func(pcm []int16) (folded int) {
		var b bandFolder
		for frame := range slices.Chunk(pcm, media.EarFrame) {
			if out := b.fold(frame); len(out) != len(frame) {
				t.Fatalf("%d samples, want %d", len(out), len(frame))
			} else if out[1] == 0 && out[3] == 0 && out[2] != frame[2] {
				folded++
			}
		}
		return folded
	}
	if n := countFolded(wide); n != 0 {
		t.Errorf("%d wideband frames are folded", n)
	}
	if n := countFolded(narrow); n < 60 {
		t.Errorf("only %d narrowband frames are folded", n)
	}
	if n := countFolded(make([]int16, 100*media.EarFrame)); n != 0 {
		t.Errorf("%d silent frames are folded", n)
	}
}
