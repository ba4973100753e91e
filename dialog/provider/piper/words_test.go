//go:build cgo

package piper

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/phonemes"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// sayTimed returns a clause's audio and the ends of its words.
func sayTimed(t testing.TB, s dialog.ClauseSynthesizer, text string) (pcm []int16, ends []dialog.WordEnd) {
	t.Helper()
	for piece, err := range s.SpeakClause(t.Context(), dialog.Clause{Text: text, Voice: dialog.Voice{Language: "en-US"}}) {
		require.NoError(t, err)
		pcm, ends = append(pcm, piece.PCM...), append(ends, piece.Words...)
	}
	return pcm, ends
}

func checkWords(t *testing.T, s *Synthesizer) {
	for _, text := range []string{
		sentence,
		"Yes.",
		"Your order 47329 costs $45.50, and it is at the shop until 5:30 p.m. on March 3rd.",
		"One of the best - I am sure of it. 🙂 Is it? It has been in the box all the time.",
	} {
		pcm, ends := sayTimed(t, s, text)
		var words []string
		before := dialog.WordEnd{}
		for _, e := range ends {
			words = append(words, strings.TrimSpace(text[before.Text:e.Text]))
			// The fastest words, such as “a”, last a frame or two; the longest is the number.
			if d := float64(e.Samples-before.Samples) / media.MouthRate; d < 0 || d > 2.5 {
				t.Errorf("%q: %q lasts %.2f s", text, words[len(words)-1], d)
			}
			before = e
		}
		if want := strings.Fields(text); !slices.Equal(words, want) {
			t.Errorf("words %q, want %q", words, want)
			continue
		}
		if left := float64(len(pcm)-before.Samples) / media.MouthRate; left < 0 || left > 0.2 {
			t.Errorf("%q: %.3f s after the last word of %.2f s", text, left, float64(len(pcm))/media.MouthRate)
		}
	}
}

// TestAudioDoesNotWaitForWords: espeak-ng takes 100 ms for each line.
func TestAudioDoesNotWaitForWords(t *testing.T) {
	dir := t.TempDir()
	program := "#!/bin/sh\nwhile read -r line; do sleep 0.1; echo \"$line\"; done\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "espeak-ng"), []byte(program), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p, err := phonemes.New("en")
	require.NoError(t, err)
	defer p.Close()
	s, err := parseSettings([]byte(validSettings))
	require.NoError(t, err)
	v := &voice{settings: s, phonemizer: p}
	const text = "a b ab ba aab bba aabb"
	tm := newTiming(v, text, "en", nil, [][]symbol{s.symbols(strings.ReplaceAll(text, " ", ""))})
	began := time.Now()
	if got := tm.take(t.Context(), time.Now().Add(50*time.Millisecond), 0, 0); got != nil || tm.asked {
		t.Errorf("got %v before the phonemes can be known", got)
	}
	if d := time.Since(began); d > 700*time.Millisecond { // a word takes two lines
		t.Errorf("the audio waited for %v", d)
	}
	if tm.take(t.Context(), time.Now().Add(time.Minute), 0, 0); len(tm.words) != len(strings.Fields(text)) {
		t.Errorf("words %v", tm.words)
	}
}

// checkWordsAtPause compares the end of a word before a pause with the audio itself: the
// quietest 60 ms of the clause must begin at about the end of the word.
func checkWordsAtPause(t *testing.T, s *Synthesizer) {
	for text, before := range map[string]string{
		"I have found your order, it was sent on Monday.":                          "order,",
		"The total is $45.50, which includes delivery.":                            "$45.50,",
		"You can send it back within thirty days. We pay for the parcel.":          "days.",
		"Your parcel number is 47329; please write it down before you leave.":      "47329;",
		"It is one of the lamps at the end of the aisle. There is a sign above it": "aisle.",
	} {
		pcm, ends := sayTimed(t, s, text)
		want := 0
		for _, e := range ends {
			if strings.HasSuffix(text[:e.Text], before) {
				want = e.Samples
			}
		}
		const block, edge = media.MouthRate * 60 / 1000, media.MouthRate / 5
		quietest, at := math.Inf(1), 0
		for i := edge; i+block < len(pcm)-edge; i += block / 12 {
			if r := media.RMS(pcm[i : i+block]); r < quietest {
				quietest, at = r, i
			}
		}
		if off := float64(at-want) / media.MouthRate; off < -0.1 || off > 0.35 {
			t.Errorf("%q: %q ends at %.2f s, the pause is at %.2f s", text, before, float64(want)/media.MouthRate, float64(at)/media.MouthRate)
		}
	}
}
