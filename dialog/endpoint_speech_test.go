package dialog

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/media"
)

// recorded is an entry of a speech corpus's manifest.json: the words and, in
// milliseconds, where there is speech.
type recorded struct {
	File     string   `json:"file"`
	Words    string   `json:"ref"`
	Segments [][2]int `json:"speech_segments_ms"`
	Pauses   []struct {
		Start int `json:"start_ms"`
	} `json:"pauses"`
	End int `json:"speech_end_ms"`
}

// wordLag is how far behind the sound a recogniser's words are taken to be.
const wordLag = 150 * time.Millisecond

// wordsBy are the words said by ms, sharing the speech out by letters.
func (r recorded) wordsBy(ms int) string {
	total, spoken := 0, 0
	for _, s := range r.Segments {
		total += s[1] - s[0]
		spoken += max(0, min(ms, s[1])-s[0])
	}
	limit := float64(spoken) / float64(total) * float64(letters(r.Words))
	return strings.TrimSpace(r.Words[:wordsWithin(r.Words, limit)])
}

// judged runs an Endpointer over a recording, with perfect voice activity, and
// returns how long after the end of speech it declared the end.
func (r recorded) judged(e Endpointer, words bool) time.Duration {
	e.Reset()
	ev := Evidence{}
	for ms := r.Segments[0][0]; ; ms += 20 {
		ev.Speech = slices.ContainsFunc(r.Segments, func(s [2]int) bool { return ms >= s[0] && ms < s[1] })
		if ev.Speech {
			ev.Spoken += media.FrameTime
			ev.Silence = 0
		} else {
			ev.Silence += media.FrameTime
		}
		if words {
			ev.Words = r.wordsBy(ms - int(wordLag.Milliseconds()))
		}
		if e.Judge(ev).Finished {
			return time.Duration(ms+20-r.End) * time.Millisecond
		}
	}
}

// fixed is an Endpointer of a constant hangover, to compare with.
type fixed time.Duration

func (f fixed) Reset()                   {}
func (f fixed) Judge(e Evidence) Verdict { return Verdict{Finished: e.Silence >= time.Duration(f)} }

// TestEndpointingOfASpeechCorpus measures delays and early cut-offs over the corpus of
// the manifest that FRONTDESK_SPEECH names.
func TestEndpointingOfASpeechCorpus(t *testing.T) {
	manifest := os.Getenv("FRONTDESK_SPEECH")
	if manifest == "" {
		t.Skip("a measurement: FRONTDESK_SPEECH names no manifest")
	}
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var corpus []recorded
	if err := json.Unmarshal(data, &corpus); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		e     Endpointer
		words bool
	}{
		{"300 ms", fixed(300 * time.Millisecond), false},
		{"700 ms", fixed(700 * time.Millisecond), false},
		{"1000 ms", fixed(time.Second), false},
		{"without words", NewEndpointer(), false},
		{"with words", NewEndpointer(), true},
	} {
		var delays []time.Duration
		cut := map[string]int{}
		early, paused, pausedEarly := 0, 0, 0
		for _, r := range corpus {
			d := r.judged(tt.e, tt.words)
			if len(r.Pauses) > 0 {
				paused++
			}
			if d < 0 {
				early++
				cut[r.wordsBy(r.End+int(d.Milliseconds()))+" …"]++
				if len(r.Pauses) > 0 {
					pausedEarly++
				}
				continue
			}
			delays = append(delays, d)
		}
		slices.Sort(delays)
		t.Logf("%-14s median %v, p90 %v, cut off early %.1f %% (with pauses %.0f %% of %d)", tt.name, delays[len(delays)/2],
			delays[len(delays)*9/10], 100*float64(early)/float64(len(corpus)), 100*float64(pausedEarly)/float64(paused), paused)
		if tt.words && testing.Verbose() {
			t.Log(cut)
		}
	}
}
