package pocketsphinx

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
	"frontdesk/tools"
)

// recording is an entry of a speech corpus's manifest.
type recording struct {
	File, Ref, Voice, Category string
}

// TestWordErrorsOnASpeechCorpus measures; it judges nothing. FRONTDESK_SPEECH names
// the manifest of a corpus.
func TestWordErrorsOnASpeechCorpus(t *testing.T) {
	path := os.Getenv("FRONTDESK_SPEECH")
	if path == "" {
		t.Skip("a measurement: FRONTDESK_SPEECH names no manifest")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []recording
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	k, err := tools.OpenKnowledge(t.Context(), "../../agents/demo/knowledge")
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	began := time.Now()
	r, err := New(Config{Texts: k.Texts(), Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Logf("ready after %v", time.Since(began))
	voices := make(map[string][]recording)
	for _, one := range list {
		voices[one.Voice] = append(voices[one.Voice], one)
	}
	var sound, spent, late time.Duration
	for _, voice := range slices.Sorted(maps.Keys(voices)) {
		l, err := r.Listen(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		wrong, all := 0, 0
		for _, one := range voices[voice] {
			pcm := readSpeech(t, filepath.Join(filepath.Dir(path), one.File))
			from := time.Now()
			var ended time.Time
			got := ""
			for tr, err := range l.Utterance(t.Context(), cut(pcm, &ended)) {
				if err != nil {
					t.Fatal(err)
				}
				got = tr.Text
			}
			spent += time.Since(from)
			late += time.Since(ended)
			sound += time.Duration(len(pcm)) * time.Second / media.EarRate
			e, n := wordErrors(normal(one.Ref), normal(got))
			wrong, all = wrong+e, all+n
			if os.Getenv("VERBOSE") != "" && e > 0 {
				fmt.Printf("%-18s %s\n%18s %s\n", voice, one.Ref, "", got)
			}
		}
		l.Close()
		t.Logf("%-18s %5.1f %% of %d words wrong", voice, 100*float64(wrong)/float64(all), all)
	}
	t.Logf("real-time factor %.3f, final words %v after the end", spent.Seconds()/sound.Seconds(), late/time.Duration(len(list)))
}

func readSpeech(t *testing.T, path string) []int16 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, 60*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%s: %d Hz, %v", path, rate, err)
	}
	return pcm
}

func cut(pcm []int16, ended *time.Time) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for frame := range slices.Chunk(pcm, media.EarFrame) {
			if len(frame) == media.EarFrame && !yield(frame) {
				return
			}
		}
		*ended = time.Now()
	}
}

// normal is text as it is compared: no hesitation, "uh huh" as one.
func normal(s string) []string {
	s = strings.ReplaceAll(s, "uh huh", "uh-huh")
	return slices.DeleteFunc(strings.Fields(s), func(w string) bool { return w == "um" || w == "uh" })
}

// wordErrors is the edit distance between what was said and what was heard.
func wordErrors(said, heard []string) (wrong, all int) {
	row := make([]int, len(heard)+1)
	for j := range row {
		row[j] = j
	}
	for i, w := range said {
		diagonal := row[0]
		row[0] = i + 1
		for j, v := range heard {
			cost := diagonal
			if w != v {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(heard)], len(said)
}
