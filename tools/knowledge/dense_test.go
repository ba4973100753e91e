package knowledge

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/require"
)

// fakeEmbedder gives texts about the same topic the same direction.
type fakeEmbedder struct {
	topics map[string]int // index in a vector, by a word that a text contains

	mu      sync.Mutex
	err     error
	spoil   func(v []float32) []float32
	asked   int
	indexed []string
}

func (e *fakeEmbedder) Name() string { return "fake" }

func (e *fakeEmbedder) vector(text string) ([]float32, error) {
	v := make([]float32, 9)
	for word, i := range e.topics {
		if strings.Contains(strings.ToLower(text), word) {
			v[i] = 1
		}
	}
	v[8] = 0.1
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	if e.spoil != nil {
		v = e.spoil(v)
	}
	return v, e.err
}

func (e *fakeEmbedder) Query(_ context.Context, text string) ([]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	return e.vector(text)
}

func (e *fakeEmbedder) Passages(_ context.Context, texts []string) ([][]float32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out [][]float32
	for _, t := range texts {
		v, err := e.vector(t)
		if err != nil {
			return nil, err
		}
		e.indexed = append(e.indexed, t)
		out = append(out, v)
	}
	return out, nil
}

func (e *fakeEmbedder) set(err error, spoil func([]float32) []float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err, e.spoil = err, spoil
}

var petPages = map[string]string{
	"dogs.md":  "# Dogs\n\nPuppies eat three times a day.",
	"cats.md":  "# Cats\n\nKittens sleep for twenty hours.",
	"birds.md": "# Birds\n\nParrots talk.",
}

var petTopics = map[string]int{"dog": 0, "puppies": 0, "hound": 0, "cat": 1, "kitten": 1, "tomcat": 1, "bird": 2, "parrot": 2}

func openWith(t *testing.T, dir string, e Embedder) (*Base, func() []error) {
	t.Helper()
	var mu sync.Mutex
	var problems []error
	k, err := Open(t.Context(), dir, Options{Language: "en", Embedder: e, OnProblem: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, err)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	return k, func() []error {
		mu.Lock()
		defer mu.Unlock()
		return problems
	}
}

func TestPassagesAreFoundByTheirMeaning(t *testing.T) {
	dir := writeFiles(t, petPages)
	k, problems := openWith(t, dir, &fakeEmbedder{topics: petTopics})
	require.NoError(t, k.WaitForVectors(t.Context()))
	if found := search(t, k, "my hound", 1); len(found) != 1 || found[0].File != "dogs.md" {
		t.Errorf("found %+v, want the page about dogs", found)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, "dogs.md")))
	k.refreshing.Lock()
	k.nextCheck = time.Time{}
	k.refreshing.Unlock()
	for _, p := range search(t, k, "my hound", 9) {
		if p.File == "dogs.md" {
			t.Errorf("found %+v, which is gone", p)
		}
	}
	if n := len(k.dense.done); n != 2 {
		t.Errorf("the index keeps %d vectors, want 2", n)
	}
	if p := problems(); len(p) > 0 {
		t.Errorf("got problems %v", p)
	}
}

func TestPassagesWithVectorsAreNotPreferredWhileOthersWait(t *testing.T) {
	k, _ := openWith(t, writeFiles(t, petPages), &fakeEmbedder{topics: petTopics})
	require.NoError(t, k.WaitForVectors(t.Context()))
	if k.dense.query(t.Context(), "my hound") == nil {
		t.Fatal("a complete index is not used")
	}
	k.dense.mu.Lock()
	k.dense.pending = []densePassage{{id: 99}}
	k.dense.mu.Unlock()
	if k.dense.query(t.Context(), "my hound") != nil {
		t.Error("an index in which one of four passages has no vector is used")
	}
}

func TestSearchGoesOnByWordsWhenTheModelFails(t *testing.T) {
	for what, test := range map[string]struct {
		err   error
		spoil func([]float32) []float32
	}{
		"an error":              {errors.New("away"), nil},
		"a longer vector":       {nil, func(v []float32) []float32 { return append(v, 0) }},
		"no vector":             {nil, func([]float32) []float32 { return nil }},
		"a vector of no length": {nil, func(v []float32) []float32 { return make([]float32, len(v)) }},
		"a vector of NaN":       {nil, func(v []float32) []float32 { v[0] = float32(math.NaN()); return v }},
	} {
		t.Run(what, func(t *testing.T) {
			e := &fakeEmbedder{topics: petTopics}
			k, problems := openWith(t, writeFiles(t, petPages), e)
			require.NoError(t, k.WaitForVectors(t.Context()))
			e.set(test.err, test.spoil)
			for range 3 {
				if found := search(t, k, "parrots", 1); len(found) != 1 || found[0].File != "birds.md" {
					t.Errorf("found %+v, want the page about birds", found)
				}
			}
			if p := problems(); len(p) != 1 {
				t.Errorf("got problems %v, want one", p)
			}
		})
	}
}

func TestIndexWaitsForAModelThatFails(t *testing.T) {
	e := &fakeEmbedder{topics: petTopics, err: errors.New("away")}
	k, problems := openWith(t, writeFiles(t, petPages), e)
	for len(problems()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if found := search(t, k, "parrots", 1); len(found) != 1 || found[0].Confidence == 0 {
		t.Errorf("found %+v, want the page about birds", found)
	}
	if e.asked > 0 {
		t.Error("a question was sent to the model though no passage has a vector")
	}
}
