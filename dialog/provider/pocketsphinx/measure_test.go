//go:build cgo

package pocketsphinx

import (
	"encoding/json"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/media"
	"frontdesk/tools"
)

// recording is an entry of a speech corpus's manifest.
type recording struct {
	File, Ref, Voice, Category string
}

// score is what a voice's recordings came to.
type score struct {
	wrong, words   int
	exact, numbers int // utterances with digits in them, and those whose digits are all right
	sound, took    time.Duration
	late           []time.Duration
	misheard       []string
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
	k, err := tools.OpenKnowledge(t.Context(), "../../../agents/demo/knowledge")
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
	t.Logf("ready after %v", time.Since(began).Round(time.Millisecond))
	voices := make(map[string][]recording)
	for _, one := range list {
		voices[one.Voice] = append(voices[one.Voice], one)
	}
	for _, telephone := range []bool{false, true} {
		scores := make(map[string]*score)
		var callers sync.WaitGroup
		for voice, recordings := range voices {
			s := &score{}
			scores[voice] = s
			callers.Go(func() { s.measure(t, r, filepath.Dir(path), recordings, telephone) })
		}
		callers.Wait()
		t.Logf("by telephone (PCMU): %t", telephone)
		report(t, scores)
	}
}

// byTelephone is speech as it sounds behind a telephone line.
func byTelephone(t *testing.T, pcm []int16) (heard []int16) {
	encoder, decoder := media.NewG711Encoder(media.EncodePCMU), media.NewG711Decoder(media.DecodePCMU)
	packet := make([]byte, 160)
	for frame := range slices.Chunk(media.NewResampler(media.EarRate, media.MouthRate).Process(nil, pcm), media.MouthFrame) {
		if len(frame) < media.MouthFrame {
			break
		}
		payload, err := encoder.Encode(packet, frame)
		if err != nil {
			t.Fatal(err)
		}
		if heard, err = decoder.Decode(heard, payload); err != nil {
			t.Fatal(err)
		}
	}
	return heard
}

// measure is a call in which all recordings are said.
func (s *score) measure(t *testing.T, r *Recognizer, dir string, recordings []recording, telephone bool) {
	l, err := r.Listen(t.Context(), nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer l.Close()
	if telephone {
		l.(dialog.NarrowbandListener).SetNarrowband()
	}
	for _, one := range recordings {
		pcm := readSpeech(t, filepath.Join(dir, one.File))
		if telephone {
			pcm = byTelephone(t, pcm)
		}
		began, ended := time.Now(), time.Time{}
		got := ""
		for transcript, err := range l.Utterance(t.Context(), frames(pcm, &ended)) {
			if err != nil {
				t.Error(err)
				return
			}
			got = transcript.Text
		}
		s.took += time.Since(began)
		s.late = append(s.late, time.Since(ended))
		s.sound += time.Duration(len(pcm)) * time.Second / media.EarRate
		said, heard := normal(one.Ref), normal(got)
		wrong := wordErrors(said, heard)
		s.wrong, s.words = s.wrong+wrong, s.words+len(said)
		if wrong > 0 {
			s.misheard = append(s.misheard, one.Ref+"\n    "+got)
		}
		if number := digitsOf(said); number != "" {
			s.numbers++
			if number == digitsOf(heard) {
				s.exact++
			}
		}
	}
}

func report(t *testing.T, scores map[string]*score) {
	var all, natural score
	for _, voice := range slices.Sorted(maps.Keys(scores)) {
		s := scores[voice]
		t.Logf("%-18s %5.1f %% of %d words wrong, numbers %d of %d exact", voice,
			100*float64(s.wrong)/float64(s.words), s.words, s.exact, s.numbers)
		all.add(s)
		if !strings.HasPrefix(voice, "espeak") {
			natural.add(s)
			if os.Getenv("FRONTDESK_VERBOSE") != "" {
				t.Log(voice + "\n  " + strings.Join(s.misheard, "\n  "))
			}
		}
	}
	t.Logf("all but espeak: %.2f %% of %d words wrong, numbers %.1f %% exact",
		100*float64(natural.wrong)/float64(natural.words), natural.words, 100*float64(natural.exact)/float64(natural.numbers))
	slices.Sort(all.late)
	t.Logf("real-time factor %.3f; final words after the end: median %v, 95 %% within %v",
		all.took.Seconds()/all.sound.Seconds(), all.late[len(all.late)/2], all.late[len(all.late)*95/100])
}

func (s *score) add(o *score) {
	s.wrong, s.words, s.exact, s.numbers = s.wrong+o.wrong, s.words+o.words, s.exact+o.exact, s.numbers+o.numbers
	s.sound, s.took, s.late = s.sound+o.sound, s.took+o.took, append(s.late, o.late...)
}

func digitsOf(words []string) string {
	var b strings.Builder
	for _, w := range words {
		if d := slices.Index(digitWords[:], w); d >= 0 {
			b.WriteByte(byte('0' + d))
		}
	}
	return b.String()
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

// frames are those of a recording; ended is when the last one was taken.
func frames(pcm []int16, ended *time.Time) iter.Seq[[]int16] {
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
	s = strings.ReplaceAll(strings.ToLower(s), "uh huh", "uh-huh")
	return slices.DeleteFunc(strings.Fields(s), func(w string) bool { return w == "um" || w == "uh" })
}

// wordErrors is the edit distance between what was said and what was heard.
func wordErrors(said, heard []string) int {
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
	return row[len(heard)]
}
