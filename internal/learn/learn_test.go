package learn

import (
	"testing"

	"frontdesk/internal/eval"
)

func TestSplitSeparatesVoicesAndSentences(t *testing.T) {
	var corpus []*eval.Recording
	for _, voice := range []string{"a", "b", "c", "d"} {
		for _, text := range []string{"one", "two", "three", "four", "five"} {
			corpus = append(corpus, &eval.Recording{Voice: voice, Text: text})
		}
	}
	const folds = 3
	tested := make(map[string]bool)
	for fold := range folds {
		known, unknown := Split(corpus, fold, folds)
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
