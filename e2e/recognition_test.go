package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk/dialog/provider/pocketsphinx"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/tools/knowledge"
)

// recognizer transcribes what softphones recorded. All tests share it.
var recognizer = sync.OnceValues(func() (*pocketsphinx.Recognizer, error) {
	k, err := knowledge.Open(context.Background(), "../agents/demo/knowledge", knowledge.Options{Language: "en"})
	if err != nil {
		return nil, err
	}
	defer k.Close()
	return pocketsphinx.New(pocketsphinx.Config{Texts: k.Texts(), Cache: modelCache})
})

// recognize returns the words that are recognized in a recording at 8 kHz.
func recognize(t *testing.T, heard []int16) []string {
	t.Helper()
	r, err := recognizer()
	require.NoError(t, err)
	l, err := r.Listen(t.Context(), nil)
	require.NoError(t, err)
	defer l.Close()
	up := media.NewResampler(8000, media.EarRate)
	audio := up.Process(nil, heard)
	frames := func(yield func([]int16) bool) {
		for frame := range slices.Chunk(audio, media.EarFrame) {
			if len(frame) < media.EarFrame || !yield(frame) {
				return
			}
		}
	}
	text := ""
	for found, err := range l.Utterance(t.Context(), frames) {
		require.NoError(t, err)
		text = found.Text
	}
	return wordsOf(text)
}

func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r != '\'' && (r < 'a' || r > 'z') })
}

// commonWords is the length of the longest common subsequence of two texts, in words.
func commonWords(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		before := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = before + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			before = above
		}
	}
	return row[len(b)]
}

// replies are the words of all replies to what callers said, as far as they were heard.
func (s *server) replies(t *testing.T) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(s.turns(t)) {
		var turn struct{ Caller, Reply string }
		if err := json.Unmarshal([]byte(line), &turn); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if turn.Caller != "" {
			all = append(all, wordsOf(turn.Reply)...)
		}
	}
	return all
}
