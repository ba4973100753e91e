package loudness

import (
	"math"
	"slices"
	"testing"
)

func TestLoudPeaksAreNotClipped(t *testing.T) {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = int16(300 * math.Sin(float64(i)/5))
	}
	pcm[8000] = 20000
	Level(pcm)
	if peak := slices.Max(pcm); peak > int16(MaxPeak)+1 || peak < 20000 {
		t.Errorf("peak %d", peak)
	}
}

func TestSilenceStaysSilent(t *testing.T) {
	if got := Level(Trim(make([]int16, 16000), 16000)); len(got) != 0 {
		t.Errorf("%d samples", len(got))
	}
}
