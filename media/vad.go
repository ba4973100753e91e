package media

import "math"

const (
	vadUnits  = 12
	vadSurest = 6 // the score, log odds, beyond which more says nothing more
)

// Detector tells the caller's speech from other sound, frame by frame: a small network
// judges the VoiceFeatures of each. Where judgement turns against speech the score follows
// within two or three frames, so that what it misses within a word is bridged. Not safe
// for concurrent use.
type Detector struct {
	listener
	score float32
}

// NewDetector makes a detector for one stream. It expects that the stream begins with
// 200 ms or more of background, and finds what it is after a while when it does not.
func NewDetector() *Detector {
	d := &Detector{score: -vadSurest}
	d.background.forget()
	return d
}

// Detect takes the next frame (EarFrame samples at EarRate), which it does not keep,
// and returns the probability that it is speech, 0 to 1.
func (d *Detector) Detect(frame []int16) float32 {
	d.score = vadNet.Follow(d.score, d.Measure(frame))
	return float32(1 / (1 + math.Exp(-float64(d.score))))
}

// VoiceNet is what a Detector has learned: one hidden layer of a few units, and how
// soon it gives speech up. Package internal/learn/vad makes it.
type VoiceNet struct {
	Hidden  [vadUnits]VoiceUnit
	Out     [vadUnits]float32
	Bias    float32
	Release float32 // share of a lower score that is believed in a frame
}

// VoiceUnit weighs traits.
type VoiceUnit struct {
	Weights VoiceFeatures
	Bias    float32
}

// Activate is the softsign of what the unit weighs, -1 to 1.
func (u *VoiceUnit) Activate(t *VoiceFeatures) float32 {
	sum := u.Bias
	for i, w := range u.Weights {
		sum += w * t[i]
	}
	return sum / (1 + max(sum, -sum))
}

// Score is the log odds that a frame with traits t is speech.
func (n *VoiceNet) Score(t *VoiceFeatures) float32 {
	sum := n.Bias
	for i := range n.Hidden {
		sum += n.Out[i] * n.Hidden[i].Activate(t)
	}
	return sum
}

// Follow returns the score of a stream whose score was last, after a frame with traits
// t, nil where it is digital silence.
func (n *VoiceNet) Follow(last float32, t *VoiceFeatures) float32 {
	score := float32(-vadSurest)
	if t != nil {
		score = min(max(n.Score(t), -vadSurest), vadSurest)
	}
	if score < last {
		return last + (score-last)*n.Release
	}
	return score
}
