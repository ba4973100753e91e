package main

import (
	"fmt"

	"frontdesk/internal/eval"
	"frontdesk/internal/learn"
	"frontdesk/media"
)

// count classifies the frames of s with n.
func count(n *media.VoiceNet, s stream) (t eval.FrameTally) {
	score := float32(-6)
	for i := range s {
		f := &s[i]
		features := &f.features
		if f.silent {
			features = nil
		}
		score = n.Smooth(score, features)
		t.Add(f.FrameLabel, score >= 0)
	}
	return t
}

const folds = 3

// crossValidate trains on some voices and sentences and prints the accuracy on others, in
// whole calls and in single recordings.
func crossValidate(corpus []*eval.Recording) error {
	conditions := eval.Conditions()
	calls, single := make([]eval.FrameTally, len(conditions)), make([]eval.FrameTally, len(conditions))
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
				calls[i].Join(count(net, measureCall(call)))
				for _, s := range measureTurns(call, func() int { return 300 }) {
					single[i].Join(count(net, s))
				}
			}
		}
	}
	for i, c := range conditions {
		fmt.Printf("%-10s calls:  %s\n%-10s single: %s\n", c.Name, rates(&calls[i]), "", rates(&single[i]))
	}
	return nil
}

// rates returns the rates of t in percent.
func rates(t *eval.FrameTally) string {
	d := t.Detection()
	return fmt.Sprintf("correct %5.1f, hits %5.1f, false alarms %5.1f, outside %4.1f, onset in 60 ms %5.1f",
		d.Correct, d.Hits, d.Alarms, d.Outside, d.Prompt)
}
