package main

import (
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"testing"

	"frontdesk/internal/eval"
	"frontdesk/media"
)

// randomStream returns a stream whose labels no linear model can learn.
func randomStream(rnd *rand.Rand, n int) stream {
	l := make(stream, n)
	for i := range l {
		for k := range l[i].features {
			l[i].features[k] = float32(rnd.NormFloat64())
		}
		l[i].IsInside = i%3 > 0
		l[i].IsSpeech = l[i].features[0]*l[i].features[1] > 0
	}
	return l
}

func TestGradientMatchesTheCrossEntropy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	net := randomNet(rnd)
	for _, m := range randomStream(rnd, 6) {
		loss := func() float64 {
			z := float64(net.Score(&m.features))
			if m.IsSpeech {
				z = -z
			}
			l := math.Log1p(math.Exp(z))
			if !m.IsInside {
				l *= outsideWeight
			}
			return l
		}
		var g gradient
		g.add(net, &m)
		for i, slope := range g.slopes() {
			const step = 1e-3
			p := parameters(net)[i]
			was := *p
			*p = was + step
			above := loss()
			*p = was - step
			below := loss()
			*p = was
			if got := (above - below) / (2 * step); math.Abs(got-slope) > 5e-3 {
				t.Fatalf("parameter %d: measured slope %v, computed %v", i, got, slope)
			}
		}
	}
}

func TestTrainIsNonlinearAndReproducible(t *testing.T) {
	data := []stream{randomStream(rand.New(rand.NewPCG(5, 6)), 120*batch)}
	net := train(data)
	if *net != *train(data) {
		t.Error("training again gave other weights")
	}
	correct := 0
	fresh := randomStream(rand.New(rand.NewPCG(7, 8)), 1000)
	for i := range fresh {
		if net.Score(&fresh[i].features) > 0 == fresh[i].IsSpeech {
			correct++
		}
	}
	if correct < 900 {
		t.Errorf("%d of 1000 classified correctly", correct)
	}
}

func TestSourceIsValidGo(t *testing.T) {
	text := source(&media.VoiceNet{}, []*eval.Recording{{Voice: "a"}})
	if _, err := parser.ParseFile(token.NewFileSet(), target, text, parser.AllErrors); err != nil {
		t.Error(err)
	}
}
