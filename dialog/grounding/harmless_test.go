package grounding

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk/internal/require"
	"frontdesk/tools"
)

var sentenceEnd = regexp.MustCompile(`[.!?]\s+|\n`)

// Every sentence of a page that the search has found can be said.
func TestSentencesOfPagesCanBeSaid(t *testing.T) {
	pages, err := filepath.Glob("../../agents/demo/knowledge/*.md")
	require.NoError(t, err)
	sentences, wrong := 0, 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		output, err := json.Marshal(map[string]string{"text": string(text)})
		require.NoError(t, err)
		f := factsOf("")
		f.AddResult(tools.Spec{Name: "search_knowledge"}, tools.Result{Output: output})
		before := ""
		for _, sentence := range sentenceEnd.Split(string(text), -1) {
			sentence = strings.TrimLeft(sentence, "#-*| \t")
			if sentence == "" {
				continue
			}
			sentences++
			if got := f.Check(before, sentence+". "); got != Fine {
				wrong++
				t.Errorf("%s: %q is %v", filepath.Base(page), sentence, got)
			}
			before = sentence + ". "
		}
	}
	t.Logf("%d of %d sentences of %d pages would be replaced", wrong, sentences, len(pages))
	if sentences < 250 {
		t.Errorf("%d sentences, want the pages of the demo", sentences)
	}
}

// What a support agent says without claiming anything can be said, also after other sentences.
func TestHarmlessSentencesCanBeSaid(t *testing.T) {
	files, err := filepath.Glob("testdata/harmless-*.txt")
	require.NoError(t, err)
	sentences := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		language := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "harmless-"), ".txt")
		before := ""
		for sentence := range strings.Lines(string(text)) {
			sentences++
			for _, before := range []string{"", before} {
				if got := factsIn(language, "").Check(before, sentence); got != Fine {
					t.Errorf("%s: %q after %q is %v", language, sentence, before, got)
				}
			}
			before = sentence
		}
	}
	if len(files) != 4 || sentences < 180 {
		t.Errorf("%d sentences in %d files", sentences, len(files))
	}
}
