//go:build cgo

package silero

import (
	"math"

	"frontdesk/dialog"
	"frontdesk/media"
)

const (
	// Where the network's log odds of speech are below vetoBelow, the difference times
	// vetoWeight lowers the log odds of the built-in detector.
	vetoBelow  = 0
	vetoWeight = 2

	sleepBelow  = 0.1 // probability of the built-in detector below which the network is not needed
	sleepFrames = 25  // frames below sleepBelow after which the network pauses
	warmup      = 16  // earlier frames that the network is given when it resumes
)

// fused combines the built-in detector, which follows the background and is the more exact
// one at the beginning and end of words, with the network, which knows that music, traffic
// and other changing noise are not speech. While the built-in detector hears nothing, the
// network does not run, which saves CPU time.
type fused struct {
	builtIn *media.Detector
	network *detector
	quiet   int // frames below sleepBelow
	recent  [warmup][media.EarFrame]int16
	next    int // index in recent
}

// Fused returns a detector for one call that combines a media.Detector with the network.
func (n *Network) Fused() dialog.VoiceDetector {
	d, ok := n.Detector().(*detector)
	if !ok {
		return media.NewDetector()
	}
	return &fused{builtIn: media.NewDetector(), network: d, quiet: sleepFrames}
}

// Detect implements dialog.VoiceDetector.
func (f *fused) Detect(frame []int16) float32 {
	p := f.builtIn.Detect(frame)
	defer f.remember(frame)
	if f.network.fallback != nil {
		return p
	}
	isAwake := f.quiet < sleepFrames
	if p >= sleepBelow {
		f.quiet = 0
	} else {
		f.quiet++
	}
	switch {
	case !isAwake && f.quiet > 0:
		return p
	case !isAwake:
		f.network.reset()
		for i := range warmup {
			f.network.Detect(f.recent[(f.next+i)%warmup][:])
		}
	}
	heard := f.network.Detect(frame)
	if f.network.fallback != nil {
		return p
	}
	z := logOdds(p) + vetoWeight*min(logOdds(heard)-vetoBelow, 0)
	return float32(1 / (1 + math.Exp(-z)))
}

func (f *fused) remember(frame []int16) {
	copy(f.recent[f.next][:], frame)
	f.next = (f.next + 1) % warmup
}

// logOdds returns the log odds of p, limited to 6 in both directions.
func logOdds(p float32) float64 {
	q := min(max(float64(p), 1/(1+math.Exp(6))), 1/(1+math.Exp(-6)))
	return math.Log(q / (1 - q))
}
