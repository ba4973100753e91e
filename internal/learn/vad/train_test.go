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

func someLesson(rnd *rand.Rand, n int) lesson {
	l := make(lesson, n)
	for i := range l {
		for k := range l[i].traits {
			l[i].traits[k] = float32(rnd.NormFloat64())
		}
		l[i].inside = i%3 > 0
		l[i].speech = l[i].traits[0]*l[i].traits[1] > 0 // no line divides them
	}
	return l
}

func TestGradientIsTheSlopeOfTheCrossEntropy(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	net := beginning(rnd)
	for _, m := range someLesson(rnd, 6) {
		loss := func() float64 {
			z := float64(net.Score(&m.traits))
			if m.speech {
				z = -z
			}
			l := math.Log1p(math.Exp(z))
			if !m.inside {
				l *= outside
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
				t.Fatalf("parameter %d: slope %v, told %v", i, got, slope)
			}
		}
	}
}

func TestTrainLearnsWhatNoLineDividesAndAlwaysTheSame(t *testing.T) {
	data := []lesson{someLesson(rand.New(rand.NewPCG(5, 6)), 120*batch)}
	net := train(data)
	if *net != *train(data) {
		t.Error("a second time it learned something else")
	}
	right := 0
	fresh := someLesson(rand.New(rand.NewPCG(7, 8)), 1000)
	for i := range fresh {
		if net.Score(&fresh[i].traits) > 0 == fresh[i].speech {
			right++
		}
	}
	if right < 900 {
		t.Errorf("right about %d of 1000", right)
	}
}

func TestNoVoiceAndNoSentenceIsOnBothSides(t *testing.T) {
	var corpus []*eval.Recording
	for _, voice := range []string{"a", "b", "c", "d"} {
		for _, text := range []string{"one", "two", "three", "four", "five"} {
			corpus = append(corpus, &eval.Recording{Voice: voice, Text: text})
		}
	}
	tested := make(map[string]bool)
	for fold := range folds {
		known, unknown := split(corpus, fold)
		for _, u := range unknown {
			tested[u.Voice] = true
			for _, k := range known {
				if k.Voice == u.Voice || k.Text == u.Text {
					t.Fatalf("fold %d: %v and %v", fold, k, u)
				}
			}
		}
	}
	if len(tested) != 4 {
		t.Errorf("tested only on %v", tested)
	}
}

func TestTheSourceIsGo(t *testing.T) {
	text, err := source(&media.VoiceNet{}, []*eval.Recording{{Voice: "a"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), target, text, parser.AllErrors); err != nil {
		t.Error(err)
	}
}
