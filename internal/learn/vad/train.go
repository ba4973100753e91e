package main

import (
	"math"
	"math/rand/v2"

	"frontdesk/media"
)

const (
	epochs    = 16
	batch     = 256
	firstRate = 0.01 // learning rate at the beginning; it falls to 0
	decay     = 1e-5 // weight decay
)

// gradient has the shape of the network, without Release, which is chosen afterwards.
type gradient struct {
	hidden  [len(media.VoiceNet{}.Hidden)][len(media.VoiceFeatures{}) + 1]float64 // weights, then the bias
	out     [len(media.VoiceNet{}.Hidden)]float64
	outBias float64
}

// train minimises the cross-entropy of the network's scores by Adam (Kingma and Ba,
// Adam: A Method for Stochastic Optimization, 2015).
func train(streams []stream) *media.VoiceNet {
	rnd := rand.New(rand.NewPCG(1, 2))
	var frames []*labelledFrame
	for _, s := range streams {
		for i := range s {
			if !s[i].silent {
				frames = append(frames, &s[i])
			}
		}
	}
	net := randomNet(rnd)
	steps := epochs * (len(frames) / batch)
	var a adam
	for range epochs {
		rnd.Shuffle(len(frames), func(i, j int) { frames[i], frames[j] = frames[j], frames[i] })
		for from := 0; from+batch <= len(frames); from += batch {
			var g gradient
			for _, f := range frames[from : from+batch] {
				g.add(net, f)
			}
			a.step(net, &g, firstRate*(1-float64(a.steps)/float64(steps)))
		}
	}
	return net
}

// randomNet returns an untrained network.
func randomNet(rnd *rand.Rand) *media.VoiceNet {
	n := &media.VoiceNet{}
	for _, p := range parameters(n) {
		*p = float32(rnd.NormFloat64() * 0.3)
	}
	return n
}

// parameters returns the parameters of n in the order of gradient.slopes.
func parameters(n *media.VoiceNet) []*float32 {
	var out []*float32
	for i := range n.Hidden {
		u := &n.Hidden[i]
		for k := range u.Weights {
			out = append(out, &u.Weights[k])
		}
		out = append(out, &u.Bias)
	}
	for i := range n.Out {
		out = append(out, &n.Out[i])
	}
	return append(out, &n.Bias)
}

// slopes returns g in the order of parameters.
func (g *gradient) slopes() []float64 {
	var out []float64
	for i := range g.hidden {
		out = append(out, g.hidden[i][:]...)
	}
	return append(append(out, g.out[:]...), g.outBias)
}

// add adds the gradient of the cross-entropy of one frame.
func (g *gradient) add(n *media.VoiceNet, f *labelledFrame) {
	var h [len(n.Hidden)]float32
	score := n.Bias
	for i := range h {
		h[i] = n.Hidden[i].Activate(&f.features)
		score += n.Out[i] * h[i]
	}
	off := 1 / (1 + math.Exp(-float64(score)))
	if f.IsSpeech {
		off--
	}
	if !f.IsInside {
		off *= outsideWeight
	}
	g.outBias += off
	for i, a := range h {
		g.out[i] += off * float64(a)
		flat := 1 - math.Abs(float64(a)) // the derivative of softsign is its square
		slope := off * float64(n.Out[i]) * flat * flat
		row := &g.hidden[i]
		for k, t := range f.features {
			row[k] += slope * float64(t)
		}
		row[len(f.features)] += slope
	}
}

// adam is the state of the optimizer.
type adam struct {
	steps        int
	mean, square []float64
}

func (a *adam) step(n *media.VoiceNet, g *gradient, rate float64) {
	slopes := g.slopes()
	if a.mean == nil {
		a.mean, a.square = make([]float64, len(slopes)), make([]float64, len(slopes))
	}
	a.steps++
	warm1, warm2 := 1-math.Pow(0.9, float64(a.steps)), 1-math.Pow(0.999, float64(a.steps))
	for i, p := range parameters(n) {
		s := slopes[i]/batch + decay*float64(*p)
		a.mean[i] = 0.9*a.mean[i] + 0.1*s
		a.square[i] = 0.999*a.square[i] + 0.001*s*s
		*p -= float32(rate * (a.mean[i] / warm1) / (math.Sqrt(a.square[i]/warm2) + 1e-8))
	}
}

// bestRelease returns the Release with which most frames of recordings are classified
// correctly.
func bestRelease(n *media.VoiceNet, streams []stream) float32 {
	best, most := float32(1), 0
	for r := float32(0.3); r < 1.05; r += 0.1 {
		tried := *n
		tried.Release = r
		correct := 0
		for _, s := range streams {
			t := count(&tried, s)
			correct += t.Correct()
		}
		if correct > most {
			best, most = r, correct
		}
	}
	return best
}
