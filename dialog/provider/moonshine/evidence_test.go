package moonshine

import "testing"

func TestUnlikelyReadingsAreNotBelieved(t *testing.T) {
	for _, c := range []struct {
		text    string
		logProb float64
		want    bool
	}{
		{"Where is my order?", -0.1, true},
		{"Ampersand.", -0.7, true},
		{"Thanks for watching.", -1.5, false},
		{"♪♪♪", -0.1, false},
		{"この", -0.1, false},
		{"47329", -0.1, true},
	} {
		if got := believes(c.text, c.logProb); got != c.want {
			t.Errorf("%q with %v: %v", c.text, c.logProb, got)
		}
	}
}

// TestRetriedReadingsMustBeLikelyForAWord has log probabilities of recordings.
func TestRetriedReadingsMustBeLikelyForAWord(t *testing.T) {
	for _, c := range []struct {
		text  string
		total float32 // log probability of the reading, of two tokens
		empty float32 // of silence
		want  bool
	}{
		{"One.", -2.19, -0.17, true},
		{"Forty.", -3.3, -0.12, true},
		{"Location", -1.19, -0.83, true},
		{"Oh no", -4.85, -0.06, false},                   // a monkey
		{"You", -0.98, -0.51, false},                     // music
		{"Thank you very much.", -9.3, -0.03, false},     // a monkey
		{"I've heard it.", -5, -0.5, false},              // a hum
		{"♪", -0.1, -0.5, false},                         // music
		{"The north wind and the sun", -0.9, -0.4, true}, // a long utterance
	} {
		h := Hypothesis{LogProbs: []float32{c.total / 2, c.total / 2}, Ended: true}
		if got := believesRetry(c.text, h, c.empty); got != c.want {
			t.Errorf("%q: %v", c.text, got)
		}
	}
}
