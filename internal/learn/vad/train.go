package main

import (
	"math"
	"math/rand/v2"

	"frontdesk/media"
)

const (
	epochs    = 16
	batch     = 256
	firstRate = 0.01 // of learning; it falls to 0
	decay     = 1e-5 // of weights
)

// gradient has the shape of the network. Its Release stays 0: it is chosen afterwards.
type gradient struct {
	hidden  [len(media.VoiceNet{}.Hidden)][len(media.VoiceFeatures{}) + 1]float64 // the bias behind the weights
	out     [len(media.VoiceNet{}.Hidden)]float64
	outBias float64
}

// train minimises the cross-entropy of the network's scores by Adam (Kingma and Ba,
// Adam: A Method for Stochastic Optimization, 2015).
func train(lessons []lesson) *media.VoiceNet {
	rnd := rand.New(rand.NewPCG(1, 2))
	var moments []*moment
	for _, l := range lessons {
		for i := range l {
			if !l[i].silent {
				moments = append(moments, &l[i])
			}
		}
	}
	net := beginning(rnd)
	steps := epochs * (len(moments) / batch)
	var a adam
	for range epochs {
		rnd.Shuffle(len(moments), func(i, j int) { moments[i], moments[j] = moments[j], moments[i] })
		for from := 0; from+batch <= len(moments); from += batch {
			var g gradient
			for _, m := range moments[from : from+batch] {
				g.add(net, m)
			}
			a.step(net, &g, firstRate*(1-float64(a.steps)/float64(steps)))
		}
	}
	return net
}

// beginning is a network that knows nothing.
func beginning(rnd *rand.Rand) *media.VoiceNet {
	n := &media.VoiceNet{}
	for _, p := range parameters(n) {
		*p = float32(rnd.NormFloat64() * 0.3)
	}
	return n
}

// parameters are those of n in the order of gradient.slopes.
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

// slopes are g in the order of parameters.
func (g *gradient) slopes() []float64 {
	var out []float64
	for i := range g.hidden {
		out = append(out, g.hidden[i][:]...)
	}
	return append(append(out, g.out[:]...), g.outBias)
}

// add adds the slope of a frame's cross-entropy.
func (g *gradient) add(n *media.VoiceNet, m *moment) {
	var h [len(n.Hidden)]float32
	score := n.Bias
	for i := range h {
		h[i] = n.Hidden[i].Activate(&m.traits)
		score += n.Out[i] * h[i]
	}
	off := 1 / (1 + math.Exp(-float64(score)))
	if m.speech {
		off--
	}
	if !m.inside {
		off *= outside
	}
	g.outBias += off
	for i, a := range h {
		g.out[i] += off * float64(a)
		flat := 1 - math.Abs(float64(a)) // the slope of softsign is its square
		slope := off * float64(n.Out[i]) * flat * flat
		row := &g.hidden[i]
		for k, t := range m.traits {
			row[k] += slope * float64(t)
		}
		row[len(m.traits)] += slope
	}
}

// adam is the optimiser's memory.
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

// bestRelease is the release by which the most frames of recordings are judged right.
func bestRelease(n *media.VoiceNet, lessons []lesson) float32 {
	best, most := float32(1), 0
	for r := float32(0.3); r < 1.05; r += 0.1 {
		tried := *n
		tried.Release = r
		var t tally
		for _, l := range lessons {
			t.count(&tried, l)
		}
		if right := t.hits + t.rejections; right > most {
			best, most = r, right
		}
	}
	return best
}
