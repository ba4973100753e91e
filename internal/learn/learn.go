// Package learn is what the trainers in its subfolders share: the command line, the folds
// of cross-validation, parallel work on conditions, and generated Go files. The trainers
// are development tools; no product code imports them.
package learn

import (
	"fmt"
	"go/format"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"frontdesk/internal/eval"
)

// Main runs a trainer with the arguments of the program and exits with status 1 after an
// error.
func Main(run func(args []string) error) {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "learn:", err)
		os.Exit(1)
	}
}

// WriteGo formats source and writes it to file.
func WriteGo(file string, source []byte) error {
	source, err := format.Source(source)
	if err != nil {
		return err
	}
	return os.WriteFile(file, source, 0o644)
}

// ForEachCondition calls f for each condition, in parallel, and joins the results in the
// order of the conditions.
func ForEachCondition[T any](conditions []eval.Condition, f func(eval.Condition) ([]T, error)) ([]T, error) {
	results := make([][]T, len(conditions))
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range conditions {
		work.Go(func() (err error) {
			results[i], err = f(c)
			return err
		})
	}
	err := work.Wait()
	return slices.Concat(results...), err
}

// Voices returns the voices of a corpus, sorted.
func Voices(corpus []*eval.Recording) []string {
	return distinct(corpus, func(r *eval.Recording) string { return r.Voice }, true)
}

// Split returns the recordings to train on and to test on in one of several folds. No
// voice and no sentence is in both.
func Split(corpus []*eval.Recording, fold, folds int) (train, test []*eval.Recording) {
	voices := Voices(corpus)
	texts := distinct(corpus, func(r *eval.Recording) string { return r.Text }, false)
	for _, r := range corpus {
		voiceInFold := slices.Index(voices, r.Voice)*folds/len(voices) == fold
		textInFold := slices.Index(texts, r.Text)%2 == fold%2
		switch {
		case voiceInFold && textInFold:
			test = append(test, r)
		case !voiceInFold && !textInFold:
			train = append(train, r)
		}
	}
	return train, test
}

// distinct returns the different values of a field, sorted or in the order of the corpus.
func distinct(corpus []*eval.Recording, field func(*eval.Recording) string, sorted bool) []string {
	var list []string
	for _, r := range corpus {
		if v := field(r); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	if sorted {
		slices.Sort(list)
	}
	return list
}
