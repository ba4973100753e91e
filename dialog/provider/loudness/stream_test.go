package loudness

import (
	"math"
	"slices"
	"testing"

	"frontdesk/media"
)

func TestPeaksAreBentAndNeverClipped(t *testing.T) {
	pcm := Limit([]float32{0, 0.25, -0.25, 1, -1, 30, -30}, 32767)
	if pcm[1] != 8192 || pcm[2] != -8192 || float64(pcm[3]) <= limitFrom {
		t.Errorf("got %v", pcm)
	}
	for _, x := range pcm {
		if math.Abs(float64(x)) > MaxPeak {
			t.Errorf("peak %d", x)
		}
	}
}

func TestSilenceAroundAClauseIsShortened(t *testing.T) {
	const rate = 22050
	var audio []int16
	for _, part := range []struct {
		seconds float64
		value   int16
	}{{0.5, 0}, {0.4, 1000}, {0.5, 3}, {0.4, 1000}, {0.5, 3}} {
		audio = append(audio, slices.Repeat([]int16{part.value}, int(part.seconds*rate))...)
	}
	for _, size := range []int{1, 100, 5000, len(audio)} {
		trim := Trimmer{Silence: 50, Rate: rate}
		var got []int16
		for piece := range slices.Chunk(audio, size) {
			got = append(got, trim.Add(piece)...)
		}
		got = append(got, trim.End()...)
		want := Lead + 0.4 + 0.5 + 0.4 + Tail
		if seconds := float64(len(got)) / rate; math.Abs(seconds-want) > 2*Block {
			t.Errorf("pieces of %d: %.3f s, want %.3f s", size, seconds, want)
		}
		if media.RMS(got[:len(got)/2]) < 700 {
			t.Errorf("pieces of %d: the speech is missing", size)
		}
	}
	silent := Trimmer{Silence: 50, Rate: rate}
	if got := append(silent.Add(make([]int16, rate)), silent.End()...); len(got) > 0 {
		t.Errorf("silence: %d samples", len(got))
	}
}
