package media

import "math"

const (
	vadUnits    = 12
	vadMaxScore = 6 // log odds; the score is clipped to -vadMaxScore and vadMaxScore
)

// Detector is a voice activity detector: it tells the caller's speech from other audio,
// frame by frame. A small neural network scores the VoiceFeatures of each frame. When the
// scores fall, the result follows within two or three frames, which bridges gaps in a
// word. It is not safe for concurrent use.
type Detector struct {
	voiceAnalyzer
	score float32
}

// NewDetector returns a detector for one stream. It expects at least 200 ms of background
// at the beginning of the stream; otherwise it learns the background later.
func NewDetector() *Detector {
	d := &Detector{score: -vadMaxScore}
	d.background.reset()
	return d
}

// Detect returns the probability, 0 to 1, that the next frame (EarFrame samples at
// EarRate) is speech. It does not keep frame and does not allocate.
func (d *Detector) Detect(frame []int16) float32 {
	d.score = vadNet.Smooth(d.score, d.Measure(frame))
	return float32(1 / (1 + math.Exp(-float64(d.score))))
}

// VoiceNet is the network of a Detector, with one hidden layer. internal/learn/vad trains
// it.
type VoiceNet struct {
	Hidden  [vadUnits]VoiceUnit
	Out     [vadUnits]float32
	Bias    float32
	Release float32 // share by which the result follows a falling score per frame
}

// VoiceUnit is a unit of the hidden layer.
type VoiceUnit struct {
	Weights VoiceFeatures
	Bias    float32
}

// Activate returns the softsign of the weighted features, -1 to 1.
func (u *VoiceUnit) Activate(f *VoiceFeatures) float32 {
	sum := u.Bias
	for i, w := range u.Weights {
		sum += w * f[i]
	}
	return sum / (1 + max(sum, -sum))
}

// Score returns the log odds that a frame with features f is speech.
func (n *VoiceNet) Score(f *VoiceFeatures) float32 {
	sum := n.Bias
	for i := range n.Hidden {
		sum += n.Out[i] * n.Hidden[i].Activate(f)
	}
	return sum
}

// Smooth returns the score of a stream whose previous score was last, after a frame with features
// f. f is nil for digital silence.
func (n *VoiceNet) Smooth(last float32, f *VoiceFeatures) float32 {
	score := float32(-vadMaxScore)
	if f != nil {
		score = min(max(n.Score(f), -vadMaxScore), vadMaxScore)
	}
	if score < last {
		return last + (score-last)*n.Release
	}
	return score
}
