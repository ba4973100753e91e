package main

import (
	"fmt"

	"frontdesk/internal/eval"
	"frontdesk/internal/learn"
	"frontdesk/media"
)

// tally counts frames of recordings, and of the background around them.
type tally struct {
	hits, misses, alarms, rejections int
	outside, outsideAlarms           int
	onsets, promptOnsets             int // promptOnsets were detected within 60 ms
}

// count classifies the frames of s with n.
func (t *tally) count(n *media.VoiceNet, s stream) {
	score := float32(-6)
	waiting := -1 // frames since an onset that was not detected yet
	for i := range s {
		f := &s[i]
		features := &f.features
		if f.silent {
			features = nil
		}
		score = n.Smooth(score, features)
		detected := score >= 0
		switch {
		case !f.inside:
			t.outside++
			if detected {
				t.outsideAlarms++
			}
		case f.speech && detected:
			t.hits++
		case f.speech:
			t.misses++
		case detected:
			t.alarms++
		default:
			t.rejections++
		}
		if f.onset {
			t.onsets++
			waiting = 0
		}
		if waiting >= 0 && detected {
			if waiting < 3 {
				t.promptOnsets++
			}
			waiting = -1
		} else if waiting >= 0 {
			waiting++
		}
	}
}

// String returns the rates in percent.
func (t *tally) String() string {
	percent := func(n, of int) float64 { return 100 * float64(n) / float64(max(of, 1)) }
	return fmt.Sprintf("correct %5.1f, hits %5.1f, false alarms %5.1f, outside %4.1f, onset in 60 ms %5.1f",
		percent(t.hits+t.rejections, t.hits+t.misses+t.alarms+t.rejections), percent(t.hits, t.hits+t.misses),
		percent(t.alarms, t.alarms+t.rejections), percent(t.outsideAlarms, t.outside), percent(t.promptOnsets, t.onsets))
}

const folds = 3

// crossValidate trains on some voices and sentences and prints the accuracy on others, in
// whole calls and in single recordings.
func crossValidate(corpus []*eval.Recording) error {
	conditions := eval.Conditions()
	calls, single := make([]tally, len(conditions)), make([]tally, len(conditions))
	for fold := range folds {
		known, unknown := learn.Split(corpus, fold, folds)
		if len(known) == 0 || len(unknown) == 0 {
			return fmt.Errorf("%d recordings of %d voices are too few for %d folds", len(corpus), len(learn.Voices(corpus)), folds)
		}
		net, err := trainOn(known)
		if err != nil {
			return err
		}
		for i, c := range conditions {
			all, err := eval.Calls(unknown, c)
			if err != nil {
				return err
			}
			for _, call := range all {
				calls[i].count(net, measureCall(call))
				for _, s := range measureTurns(call, func() int { return 300 }) {
					single[i].count(net, s)
				}
			}
		}
	}
	for i, c := range conditions {
		fmt.Printf("%-10s calls:  %v\n%-10s single: %v\n", c.Name, &calls[i], "", &single[i])
	}
	return nil
}
