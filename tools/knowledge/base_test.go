package knowledge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/tools"
)

func openKnowledge(t testing.TB, dir string) *Base {
	t.Helper()
	k, err := Open(t.Context(), dir, Options{Language: "en"})
	require.NoError(t, err)
	t.Cleanup(func() { k.Close() })
	return k
}

func search(t testing.TB, k *Base, query string, limit int) []Passage {
	t.Helper()
	found, err := k.Search(t.Context(), query, limit)
	if err != nil {
		t.Fatalf("Search(%q): %v", query, err)
	}
	return found
}

// writeFiles writes files to a new folder and returns its path.
func writeFiles(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestSearchFindsPagesOfEveryFormat(t *testing.T) {
	k := openKnowledge(t, writeFiles(t, map[string]string{
		"returns.md":             "# Returns\n\n## Deadline\n\nSend *everything* back within [30 days](x.html).\n",
		"deep/er/press.MARKDOWN": "# Press room\n\n## Logos\n\nOur **logo** is purple.",
		"opening_hours.txt":      "We are open at noon.",
		".hidden.md":             "# Secret\n\nnoon purple everything",
		".git/page.md":           "# Secret\n\nnoon purple everything",
		"image.png":              "noon purple everything",
	}))
	for query, want := range map[string]Passage{
		"return everything":   {Page: "Returns", File: "returns.md", Heading: "Deadline", Text: "Send everything back within 30 days."},
		"what is your logo's": {Page: "Press room", File: "deep/er/press.MARKDOWN", Heading: "Logos", Text: "Our logo is purple."},
		"OPEN AT NOON?":       {Page: "opening hours", File: "opening_hours.txt", Text: "We are open at noon."},
	} {
		found := search(t, k, query, 5)
		if len(found) != 1 {
			t.Errorf("Search(%q) = %+v, want one passage", query, found)
			continue
		}
		want.Score, want.Confidence, want.IsAnswer = 1, found[0].Confidence, found[0].IsAnswer
		if found[0] != want {
			t.Errorf("Search(%q) = %+v, want %+v", query, found[0], want)
		}
	}
	want := []string{"Press room", "Logos", "Our logo is purple.", "opening hours", "We are open at noon.",
		"Returns", "Deadline", "Send everything back within 30 days."}
	if got := k.Texts(); !slices.Equal(got, want) {
		t.Errorf("Texts() = %q", got)
	}
}

func TestUnreadablePagesAreReportedAndIgnored(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"good.md":   "# Good\n\nBananas are yellow.",
		"binary.md": "# Bad\x00\n\nbananas",
		"latin.txt": "bananas caf\xe9",
		"large.txt": strings.Repeat("bananas ", maxPage/8+1),
	})
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(dir, "dangling.md")))
	require.NoError(t, os.Symlink(filepath.Join(dir, "good.md"), filepath.Join(dir, "linked.md")))
	k := openKnowledge(t, dir)
	var files []string
	for _, p := range k.Problems() {
		if _, ok := errors.AsType[*fault.Error](p.Err); !ok {
			t.Errorf("%s: %v is not a fault.Error", p.File, p.Err)
		}
		files = append(files, p.File)
	}
	if want := []string{"binary.md", "dangling.md", "large.txt", "latin.txt"}; !slices.Equal(files, want) {
		t.Errorf("got problems with %q, want %q", files, want)
	}
	if found := search(t, k, "bananas", 9); len(found) != 2 || k.Pages() != 2 {
		t.Errorf("found %+v in %d pages, want the valid page and the link to it", found, k.Pages())
	}
}

func TestMissingFolderIsAnEmptyKnowledgeBase(t *testing.T) {
	k := openKnowledge(t, filepath.Join(t.TempDir(), "nowhere"))
	if found := search(t, k, "anything", 3); len(found) > 0 || len(k.Problems()) > 0 {
		t.Errorf("found %v, problems %v", found, k.Problems())
	}
}

func TestSearchFollowsChangesOfTheFolder(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.md": "# A\n\nThe sky is blue.", "b.md": "# B\n\nGrass is green.", "broken.md": "\x00"})
	synctest.Test(t, func(t *testing.T) {
		k := openKnowledge(t, dir)
		wantText := func(query, want string) {
			t.Helper()
			text := ""
			if found := search(t, k, query, 1); len(found) > 0 {
				text = found[0].Text
			}
			if text != want {
				t.Errorf("Search(%q) = %q, want %q", query, text, want)
			}
		}
		wantText("sky", "The sky is blue.")
		writeFile(t, filepath.Join(dir, "a.md"), "# A\n\nThe sky is orange tonight.")
		writeFile(t, filepath.Join(dir, "broken.md"), "# C\n\nSnow is white.")
		require.NoError(t, os.Remove(filepath.Join(dir, "b.md")))
		wantText("sky", "The sky is blue.") // the next check is not due yet
		time.Sleep(checkInterval)
		wantText("sky", "The sky is orange tonight.")
		wantText("blue", "")
		wantText("grass", "")
		wantText("snow", "Snow is white.")
		if p := k.Problems(); len(p) > 0 {
			t.Errorf("got problems %v, want none", p)
		}
		writeFile(t, filepath.Join(dir, "a.md"), "\x00")
		time.Sleep(checkInterval)
		wantText("sky", "")
		if p := k.Problems(); len(p) != 1 || p[0].File != "a.md" {
			t.Errorf("got problems %v, want one with a.md", p)
		}
		want := map[string]int{"c": 1, "snow": 1, "white": 1}
		if !maps.Equal(k.counts, want) || len(k.passages) != 1 {
			t.Errorf("the index keeps terms %v and %d passages, want %v and 1", k.counts, len(k.passages), want)
		}
	})
}

func TestConcurrentSearchesDuringAChange(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.md": "# A\n\nThe sky is blue."})
	k := openKnowledge(t, dir)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				if i == 10 { // make the next check due
					k.refreshing.Lock()
					k.nextCheck = time.Time{}
					k.refreshing.Unlock()
				}
				found, err := k.Search(t.Context(), "sky", 1)
				if err != nil || len(found) != 1 {
					t.Errorf("found %v, %v", found, err)
				}
			}
		})
	}
	writeFile(t, filepath.Join(dir, "b.md"), "# B\n\nGrass is green.")
	wg.Wait()
}

func TestSearchWithCancelledContext(t *testing.T) {
	k := openKnowledge(t, writeFiles(t, map[string]string{"a.md": "# A\n\nThe sky is blue."}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Search(ctx, "sky", 1); fault.From(err).Code != fault.Unavailable {
		t.Errorf("got error %v, want %s", err, fault.Unavailable)
	}
	if found := search(t, k, "sky", 1); len(found) != 1 {
		t.Errorf("the next search: got %v", found)
	}
}

func TestKnowledgeToolReturnsItsSource(t *testing.T) {
	k := openKnowledge(t, writeFiles(t, map[string]string{"a.md": "# Weather\n\nThe sky is blue."}))
	r, err := tools.NewRegistry(Tool(k))
	require.NoError(t, err)
	got := r.DoAsOperator(t.Context(), tools.Call{ID: "1", Name: "search_knowledge", Arguments: json.RawMessage(`{"query":"the sky"}`)})
	var out struct{ Passages []Passage }
	require.NoError(t, json.Unmarshal(got.Output, &out))
	if len(out.Passages) != 1 || out.Passages[0].Page != "Weather" || out.Passages[0].File != "a.md" {
		t.Errorf("the model reads %s", got.Output)
	}
	if want := (tools.Note{Kind: "source", ID: "a.md", Title: "Weather", Text: "The sky is blue."}); len(got.Notes) != 1 || got.Notes[0] != want {
		t.Errorf("got notes %+v", got.Notes)
	}
	got = r.DoAsOperator(t.Context(), tools.Call{ID: "3", Name: "search_knowledge", Arguments: json.RawMessage(`{"query":"does the sky have elephants and giraffes"}`)})
	if got.Failed || len(got.Notes) > 0 || !strings.Contains(string(got.Output), "uncertain") || !strings.Contains(string(got.Output), "blue") {
		t.Errorf("an uncertain passage: got %s %v, want it without a source", got.Output, got.Notes)
	}
	got = r.DoAsOperator(t.Context(), tools.Call{ID: "2", Name: "search_knowledge", Arguments: json.RawMessage(`{"query":"elephants"}`)})
	if got.Failed || len(got.Notes) > 0 || !strings.Contains(string(got.Output), "nothing") {
		t.Errorf("nothing found: got %s %v", got.Output, got.Notes)
	}
}

func FuzzSearch(f *testing.F) {
	k := openKnowledge(f, writeFiles(f, map[string]string{"a.md": "# Weather\n\nThe sky is blue, café.\n\n中文 字 １２３ ⅷ"}))
	for _, q := range []string{`"`, `sky" OR "`, "NEAR(a b)", "sky*", "title:sky", "-sky", "AND OR NOT", "café's", "中文", "\x00\xff", "ⅷ ² ꟸ 𞤀", "{sky}", "a:b^2"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		found, err := k.Search(t.Context(), query, 3)
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		for _, p := range found {
			if !(p.Score > 0 && p.Score <= 1 && p.Confidence > 0 && p.Confidence < 1) {
				t.Errorf("Search(%q) has score %v and confidence %v, want 0 to 1", query, p.Score, p.Confidence)
			}
		}
	})
}

// writeLibrary writes n pages of 180 random words, a few more than the demo's pages have,
// and returns their folder and questions about them.
func writeLibrary(b *testing.B, n int) (string, []string) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string { // a few words are frequent, as in a real language
		return fmt.Sprintf("word%c%d", 'a'+rune(random.IntN(10)), int(1000*math.Pow(random.Float64(), 3)))
	}
	files := make(map[string]string)
	for i := range n {
		var page strings.Builder
		fmt.Fprintf(&page, "# Page %s %s\n", word(), word())
		for range 3 {
			fmt.Fprintf(&page, "\n## About %s %s\n\n", word(), word())
			for range 58 {
				page.WriteString(word() + " ")
			}
			page.WriteString("\n")
		}
		files[fmt.Sprintf("page%d.md", i)] = page.String()
	}
	var questions []string
	for range 100 {
		questions = append(questions, fmt.Sprintf("how do i get the %s of my %s with %s and %s", word(), word(), word(), word()))
	}
	return writeFiles(b, files), questions
}

func BenchmarkKnowledge(b *testing.B) {
	dir, questions := writeLibrary(b, 1000)
	b.Run("index 1000 pages", func(b *testing.B) {
		for b.Loop() {
			k, err := Open(b.Context(), dir, Options{Language: "en"})
			require.NoError(b, err)
			k.Close()
		}
	})
	b.Run("query", func(b *testing.B) {
		k := openKnowledge(b, dir)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			search(b, k, questions[i%len(questions)], 4)
		}
	})
}
