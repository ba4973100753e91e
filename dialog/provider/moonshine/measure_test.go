//go:build cgo && measure

package moonshine

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/internal/words"
	"frontdesk/media"
)

// recording is an entry in the manifest of a speech corpus.
type recording struct {
	File, Ref, Voice, Category string
}

// score is the result for some recordings.
type score struct {
	wrong, words   int
	exact, numbers int // utterances whose digits are all correct; utterances with digits
	partials       int // transcripts before the final one
	revised        int // of them, those that did not continue the one before
	errors         []string
}

// TestMeasureWordErrors is a measurement, not a test. It logs the word error rate of each
// voice of a speech corpus, as recorded and by telephone:
//
//	FRONTDESK_SPEECH=manifest.json go test -tags measure -v -run MeasureWordErrors ./dialog/provider/moonshine
//
// FRONTDESK_BEAM sets the beam; FRONTDESK_VERBOSE=1 also logs the wrong transcripts.
func TestMeasureWordErrors(t *testing.T) {
	path := os.Getenv("FRONTDESK_SPEECH")
	if path == "" {
		t.Fatal("set FRONTDESK_SPEECH to the manifest of a speech corpus")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var list []recording
	require.NoError(t, json.Unmarshal(text, &list))
	c := config(t)
	c.Beam, _ = strconv.Atoi(os.Getenv("FRONTDESK_BEAM"))
	r, err := Open(c)
	require.NoError(t, err)
	defer r.Close()
	for _, telephone := range []bool{false, true} {
		scores := make(map[string]*score)
		before, began := r.Stats(), time.Now()
		for _, one := range list {
			if scores[one.Voice] == nil {
				scores[one.Voice] = &score{}
			}
			pcm := readSpeech(t, filepath.Join(filepath.Dir(path), one.File))
			if telephone {
				pcm = byTelephone(t, pcm)
			}
			scores[one.Voice].measure(t, r, one, pcm)
		}
		t.Logf("by telephone (PCMU): %t", telephone)
		report(t, scores)
		after := r.Stats()
		t.Logf("CPU %.3f s per second of audio, wall %.3f; %d partial readings, %d at pauses, %d at ends, %d rejected, %d retried",
			(after.CPU-before.CPU).Seconds()/(after.Audio-before.Audio).Seconds(),
			time.Since(began).Seconds()/(after.Audio-before.Audio).Seconds(),
			after.Partials-before.Partials, after.Pauses-before.Pauses, after.Finals-before.Finals, after.Rejected-before.Rejected, after.Retried-before.Retried)
	}
}

// measure recognizes one recording.
func (s *score) measure(t *testing.T, r dialog.Recognizer, one recording, pcm []int16) {
	all, err := recognize(t.Context(), listen(t, r), pcm)
	require.NoError(t, err)
	got := all[len(all)-1].Text
	last := ""
	for _, p := range all {
		s.partials++
		if !strings.HasPrefix(plain(p.Text), plain(last)) {
			s.revised++
		}
		last = p.Text
	}
	want := normalize(one.Ref)
	wrong := len(want) + len(strings.Fields(got))
	for _, reading := range readings(got) {
		wrong = min(wrong, wordErrors(want, reading))
	}
	s.wrong, s.words = s.wrong+wrong, s.words+len(want)
	if wrong > 0 {
		s.errors = append(s.errors, one.Ref+"\n    "+got)
	}
	if number := words.SpokenDigits(one.Ref); len(number) > 1 {
		s.numbers++
		if words.SpokenDigits(got) == number {
			s.exact++
		}
	}
}

func plain(text string) string { return strings.Join(words.Split(text), " ") }

func report(t *testing.T, scores map[string]*score) {
	var natural, all score
	for _, voice := range slices.Sorted(maps.Keys(scores)) {
		s := scores[voice]
		t.Logf("%-18s %5.1f %% of %d words wrong, numbers %d of %d exact", voice,
			100*float64(s.wrong)/float64(s.words), s.words, s.exact, s.numbers)
		all.add(s)
		if !strings.HasPrefix(voice, "espeak") {
			natural.add(s)
			if os.Getenv("FRONTDESK_VERBOSE") != "" {
				t.Log(voice + "\n  " + strings.Join(s.errors, "\n  "))
			}
		}
	}
	for name, s := range map[string]score{"all": all, "all but espeak": natural} {
		t.Logf("%s: %.2f %% of %d words wrong, numbers %d of %d exact; %d of %d transcripts revised the one before",
			name, 100*float64(s.wrong)/float64(s.words), s.words, s.exact, s.numbers, s.revised, s.partials)
	}
}

func (s *score) add(o *score) {
	s.wrong, s.words, s.exact, s.numbers = s.wrong+o.wrong, s.words+o.words, s.exact+o.exact, s.numbers+o.numbers
	s.partials, s.revised = s.partials+o.partials, s.revised+o.revised
}

// byTelephone returns the audio after a telephone line with G.711.
func byTelephone(t *testing.T, pcm []int16) (out []int16) {
	encoder, decoder := media.NewG711Encoder(media.EncodePCMU), media.NewG711Decoder(media.DecodePCMU)
	packet := make([]byte, 160)
	for frame := range slices.Chunk(media.NewResampler(media.EarRate, media.MouthRate).Process(nil, pcm), media.MouthFrame) {
		if len(frame) < media.MouthFrame {
			break
		}
		payload, err := encoder.Encode(packet, frame)
		require.NoError(t, err)
		if out, err = decoder.Decode(out, payload); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func readSpeech(t *testing.T, path string) []int16 {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, 60*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%s: %d Hz, %v", path, rate, err)
	}
	return pcm
}

var (
	digitRun = regexp.MustCompile(`\d+`)
	amount   = regexp.MustCompile(`[$€£](\d[\d.,]*\d|\d)`)
	grouped  = regexp.MustCompile(`(\d),(\d{3})\b`)
	dotted   = regexp.MustCompile(`(\w)\.(\w)`)
	ones     = strings.Fields("zero one two three four five six seven eight nine")
	teens    = strings.Fields("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	tens     = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

// readings returns the words of a transcript with its numerals read digit by digit, in
// pairs, and as numbers.
func readings(text string) (out [][]string) {
	text = grouped.ReplaceAllString(strings.ToLower(text), "$1$2")
	text = amount.ReplaceAllString(text, "$1 dollars")
	text = dotted.ReplaceAllString(strings.ReplaceAll(text, "@", " at "), "$1 dot $2")
	for _, read := range []func(string) string{digits, pairs, cardinal} {
		out = append(out, normalize(digitRun.ReplaceAllStringFunc(text, func(n string) string { return " " + read(n) + " " })))
	}
	return out
}

func digits(n string) string {
	var out []string
	for _, d := range n {
		out = append(out, ones[d-'0'])
	}
	return strings.Join(out, " ")
}

func pairs(n string) string {
	if len(n) != 4 {
		return digits(n)
	}
	return cardinal(n[:2]) + " " + cardinal(n[2:])
}

func cardinal(n string) string {
	v, err := strconv.Atoi(n)
	switch {
	case err != nil || v >= 1000:
		return digits(n)
	case v < 10:
		return ones[v]
	case v < 20:
		return teens[v-10]
	case v < 100 && v%10 == 0:
		return tens[v/10]
	case v < 100:
		return tens[v/10] + " " + ones[v%10]
	case v%100 == 0:
		return ones[v/100] + " hundred"
	}
	return ones[v/100] + " hundred " + cardinal(fmt.Sprint(v%100))
}

// normalize prepares text for the comparison: without hesitations, and "uh huh" as one word.
func normalize(text string) []string {
	text = strings.Join(words.Split(text), " ")
	text = strings.NewReplacer("uh huh", "uhhuh", "e mail", "email").Replace(text)
	return slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "um" || w == "uh" })
}

// wordErrors returns the edit distance between two lists of words.
func wordErrors(want, got []string) int {
	row := make([]int, len(got)+1)
	for j := range row {
		row[j] = j
	}
	for i, w := range want {
		diagonal := row[0]
		row[0] = i + 1
		for j, v := range got {
			cost := diagonal
			if w != v {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(got)]
}
