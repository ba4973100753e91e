package main

import (
	"fmt"
	"slices"
	"strings"

	"frontdesk/internal/eval"
	"frontdesk/media"
)

// tally counts frames of recordings, and of the background around them.
type tally struct {
	hits, misses, alarms, rejections int
	around, aroundAlarms             int
	onsets, promptOnsets             int // noticed within 60 ms
}

// count judges l by n.
func (t *tally) count(n *media.VoiceNet, l lesson) {
	score := float32(-6)
	waiting := -1 // frames since an onset that was not noticed
	for i := range l {
		m := &l[i]
		traits := &m.traits
		if m.silent {
			traits = nil
		}
		score = n.Follow(score, traits)
		heard := score >= 0
		switch {
		case !m.inside:
			t.around++
			if heard {
				t.aroundAlarms++
			}
		case m.speech && heard:
			t.hits++
		case m.speech:
			t.misses++
		case heard:
			t.alarms++
		default:
			t.rejections++
		}
		if m.onset {
			t.onsets++
			waiting = 0
		}
		if waiting >= 0 && heard {
			if waiting < 3 {
				t.promptOnsets++
			}
			waiting = -1
		} else if waiting >= 0 {
			waiting++
		}
	}
}

// String tells them in percent.
func (t *tally) String() string {
	of := func(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }
	return fmt.Sprintf("right %5.1f, heard %5.1f, false %5.1f, around it %4.1f, onset in 60 ms %5.1f",
		of(t.hits+t.rejections, t.hits+t.misses+t.alarms+t.rejections), of(t.hits, t.hits+t.misses),
		of(t.alarms, t.alarms+t.rejections), of(t.aroundAlarms, t.around), of(t.promptOnsets, t.onsets))
}

const folds = 3

// crossValidate learns from some voices and sentences and prints how right that is
// about the others: in whole calls, and in single recordings.
func crossValidate(corpus []*eval.Recording) error {
	conditions := eval.Conditions()
	calls, single := make([]tally, len(conditions)), make([]tally, len(conditions))
	for fold := range folds {
		known, unknown := split(corpus, fold)
		if len(known) == 0 || len(unknown) == 0 {
			return fmt.Errorf("%d recordings of %d voices cannot be divided", len(corpus), len(voices(corpus)))
		}
		net, err := learn(known)
		if err != nil {
			return err
		}
		for i, c := range conditions {
			all, err := eval.Calls(unknown, c)
			if err != nil {
				return err
			}
			for _, call := range all {
				calls[i].count(net, whole(call))
				for _, l := range singles(call, func() int { return 300 }) {
					single[i].count(net, l)
				}
			}
		}
	}
	for i, c := range conditions {
		fmt.Printf("%-10s calls:  %v\n%-10s single: %v\n", c.Name, &calls[i], "", &single[i])
	}
	return nil
}

// split divides a corpus so that no voice and no sentence is on both sides.
func split(corpus []*eval.Recording, fold int) (known, unknown []*eval.Recording) {
	names := voices(corpus)
	var texts []string
	for _, r := range corpus {
		if !slices.Contains(texts, r.Text) {
			texts = append(texts, r.Text)
		}
	}
	for _, r := range corpus {
		other := slices.Index(names, r.Voice)*folds/len(names) == fold
		odd := slices.Index(texts, r.Text)%2 == fold%2
		switch {
		case other && odd:
			unknown = append(unknown, r)
		case !other && !odd:
			known = append(known, r)
		}
	}
	return known, unknown
}

// voices are the names of the corpus's voices in order.
func voices(corpus []*eval.Recording) []string {
	var names []string
	for _, r := range corpus {
		if !slices.Contains(names, r.Voice) {
			names = append(names, r.Voice)
		}
	}
	slices.SortFunc(names, strings.Compare)
	return names
}
