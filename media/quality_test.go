package media

import (
	"math"
	"testing"
	"time"
)

func TestRatingFollowsTheEModel(t *testing.T) {
	for r, want := range map[float64]float64{93.2: 4.41, 90: 4.34, 80: 4.03, 70: 3.60, 60: 3.10, 50: 2.58, 0: 1, 100: 4.5} { // G.107, table B.1
		if got := mos(r); math.Abs(got-want) > 0.01 {
			t.Errorf("R %v is MOS %.3f, not %v", r, got, want)
		}
	}
	rate := func(loss float64, delay time.Duration) float64 {
		q := Quality{Loss: loss, Delay: delay}
		q.Rate()
		return q.R
	}
	if got := rate(0, 0); got != 93.2 {
		t.Errorf("a perfect call is rated %v", got)
	}
	if a, b := rate(0, 150*time.Millisecond), rate(0, 400*time.Millisecond); a < 89 || a > 90 || b < 58 || b > 61 {
		t.Errorf("delays of 150 and 400 ms are rated %v and %v", a, b)
	}
	if a, b := rate(0.01, 0), rate(0.05, 0); a < 89 || b > 78 || b < 76 {
		t.Errorf("losses of 1 and 5 %% are rated %v and %v", a, b)
	}
	if got := rate(7, time.Hour); got != 0 {
		t.Errorf("absurd values are rated %v", got)
	}
}
