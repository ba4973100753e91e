package retrieval

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk/internal/require"
	"frontdesk/tools/knowledge"
)

// pagesOf returns the folder of the pages of a built-in set.
func pagesOf(t *testing.T, b BuiltIn) string {
	t.Helper()
	if !b.HasPages() {
		return filepath.Join("../../../agents", b.Name, "knowledge")
	}
	dir := t.TempDir()
	require.NoError(t, b.WritePages(dir))
	return dir
}

// openPages opens the pages of a built-in set.
func openPages(t *testing.T, b BuiltIn) *knowledge.Base {
	t.Helper()
	k, err := knowledge.Open(t.Context(), pagesOf(t, b), knowledge.Options{Language: b.Language})
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	return k
}

func searchIn(k *knowledge.Base) Search {
	return func(ctx context.Context, query string, limit int) ([]Hit, error) {
		found, err := k.Search(ctx, query, limit)
		var hits []Hit
		for _, p := range found {
			hits = append(hits, Hit{p.File, p.Heading, p.Confidence, p.IsAnswer})
		}
		return hits, err
	}
}

// floor is what a search must reach on the held-out half of a set, lower than measured by a
// few points, so that small changes do not fail.
type floor struct{ at3, mrr, target float64 }

var floors = map[string]floor{
	"demo":    {0.74, 0.67, 0.33},
	"utility": {0.84, 0.79, 0.45},
	"factory": {0.68, 0.65, 0.14},
}

func TestSearchReachesItsFloors(t *testing.T) {
	sets, err := BuiltIns()
	require.NoError(t, err)
	for _, b := range sets {
		t.Run(b.Name, func(t *testing.T) {
			heldOut := slices.DeleteFunc(slices.Clone(b.Questions), func(q Question) bool { return q.Half() == Dev })
			results, err := Run(t.Context(), b.Name, heldOut, searchIn(openPages(t, b)))
			require.NoError(t, err)
			s, want := Scores(results)[0], floors[b.Name]
			t.Logf("%d questions, R@3 %.3f, MRR %.3f, A@3%% %.3f", s.Questions, s.At3, s.MRR, s.AnsweredAtTarget)
			if s.At3 < want.at3 || s.MRR < want.mrr || s.AnsweredAtTarget < want.target {
				t.Errorf("R@3 %.3f, MRR %.3f, A@3%% %.3f, want at least %+v", s.At3, s.MRR, s.AnsweredAtTarget, want)
			}
		})
	}
}

func TestLabelsNameSections(t *testing.T) {
	sets, err := BuiltIns()
	require.NoError(t, err)
	for _, b := range sets {
		dir := pagesOf(t, b)
		checked := make(map[string]bool)
		for _, q := range b.Questions {
			for _, label := range slices.Concat(q.Parts...) {
				if !checked[label] && !isSection(t, dir, label) {
					t.Errorf("%s: %q: no section %s", b.Name, q.Text, label)
				}
				checked[label] = true
			}
		}
	}
}

// isSection reports whether a label names a page, or a heading of one.
func isSection(t *testing.T, dir, label string) bool {
	t.Helper()
	file, heading, hasHeading := strings.Cut(label, "#")
	paths, err := filepath.Glob(filepath.Join(dir, file))
	require.NoError(t, err)
	isFound := len(paths) > 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		isFound = isFound && (!hasHeading || strings.Contains(string(text), "# "+heading+"\n"))
	}
	return isFound
}

func TestQuestionsAreDifferent(t *testing.T) {
	sets, err := BuiltIns()
	require.NoError(t, err)
	for _, b := range sets {
		seen := make(map[string]bool)
		for _, q := range b.Questions {
			if seen[q.Text] {
				t.Errorf("%s: %q is there twice", b.Name, q.Text)
			}
			seen[q.Text] = true
		}
	}
}

func TestFactoryHasSevenHundredPages(t *testing.T) {
	pages, err := factoryPages()
	require.NoError(t, err)
	if len(pages) != 700 {
		t.Errorf("got %d pages, want 700", len(pages))
	}
	texts := make(map[string]string)
	for name, text := range pages {
		if strings.ContainsAny(text, "{}") || strings.Contains(text, "\n\n\n") {
			t.Errorf("%s: a value is missing: %s", name, text)
		}
		if other := texts[text]; other != "" {
			t.Errorf("%s and %s are the same", name, other)
		}
		texts[text] = name
	}
}
