package moonshine

import "testing"

func TestUnlikelyReadingsAreNotBelieved(t *testing.T) {
	for _, c := range []struct {
		text    string
		logProb float64
		isRetry bool
		want    bool
	}{
		{"Where is my order?", -0.1, false, true},
		{"Ampersand.", -0.7, false, true},
		{"Thanks for watching.", -1.5, false, false},
		{"Yes.", -0.3, true, true},
		{"I've heard it.", -0.69, true, false},
		{"♪♪♪", -0.1, false, false},
		{"この", -0.1, false, false},
		{"47329", -0.1, false, true},
	} {
		if got := believes(c.text, c.logProb, c.isRetry); got != c.want {
			t.Errorf("%q with %v, again %v: %v", c.text, c.logProb, c.isRetry, got)
		}
	}
}
