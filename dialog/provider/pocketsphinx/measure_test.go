//go:build cgo && measure

package pocketsphinx

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/tools"
)

// recording is an entry in the manifest of a speech corpus.
type recording struct {
	File, Ref, Voice, Category string
}

// score is the result for the recordings of one voice.
type score struct {
	wrong, words   int
	exact, numbers int             // utterances whose digits are all correct; utterances with digits
	audio, elapsed time.Duration   // duration of the recordings, and of recognizing them
	delays         []time.Duration // from the last frame to the final transcript
	errors         []string        // reference and transcript
}

// TestMeasureWordErrors is a measurement, not a test. It logs the word error rate of each voice
// of a speech corpus, as recorded and by telephone:
//
//	FRONTDESK_SPEECH=manifest.json go test -tags measure -v -run MeasureWordErrors ./dialog/provider/pocketsphinx
//
// FRONTDESK_VERBOSE=1 also logs the wrong transcripts.
func TestMeasureWordErrors(t *testing.T) {
	path := os.Getenv("FRONTDESK_SPEECH")
	if path == "" {
		t.Fatal("set FRONTDESK_SPEECH to the manifest of a speech corpus")
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var list []recording
	require.NoError(t, json.Unmarshal(text, &list))
	k, err := tools.OpenKnowledge(t.Context(), "../../../agents/demo/knowledge")
	require.NoError(t, err)
	defer k.Close()
	began := time.Now()
	r, err := New(Config{Texts: k.Texts(), Cache: t.TempDir()})
	require.NoError(t, err)
	defer r.Close()
	t.Logf("loaded in %v", time.Since(began).Round(time.Millisecond))
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

// measure recognizes all recordings in one call.
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
		s.elapsed += time.Since(began)
		s.delays = append(s.delays, time.Since(ended))
		s.audio += time.Duration(len(pcm)) * time.Second / media.EarRate
		want, words := normalize(one.Ref), normalize(got)
		wrong := wordErrors(want, words)
		s.wrong, s.words = s.wrong+wrong, s.words+len(want)
		if wrong > 0 {
			s.errors = append(s.errors, one.Ref+"\n    "+got)
		}
		if number := digitsOf(want); number != "" {
			s.numbers++
			if number == digitsOf(words) {
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
				t.Log(voice + "\n  " + strings.Join(s.errors, "\n  "))
			}
		}
	}
	t.Logf("all but espeak: %.2f %% of %d words wrong, numbers %.1f %% exact",
		100*float64(natural.wrong)/float64(natural.words), natural.words, 100*float64(natural.exact)/float64(natural.numbers))
	slices.Sort(all.delays)
	t.Logf("real-time factor %.3f; final words after the end: median %v, 95 %% within %v",
		all.elapsed.Seconds()/all.audio.Seconds(), all.delays[len(all.delays)/2], all.delays[len(all.delays)*95/100])
}

func (s *score) add(o *score) {
	s.wrong, s.words, s.exact, s.numbers = s.wrong+o.wrong, s.words+o.words, s.exact+o.exact, s.numbers+o.numbers
	s.audio, s.elapsed, s.delays = s.audio+o.audio, s.elapsed+o.elapsed, append(s.delays, o.delays...)
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
	require.NoError(t, err)
	defer f.Close()
	pcm, rate, err := media.ReadWAV(f, 60*media.EarRate)
	if err != nil || rate != media.EarRate {
		t.Fatalf("%s: %d Hz, %v", path, rate, err)
	}
	return pcm
}

// normalize prepares text for the comparison: without hesitations, and "uh huh" as one word.
func normalize(s string) []string {
	s = strings.ReplaceAll(strings.ToLower(s), "uh huh", "uh-huh")
	return slices.DeleteFunc(strings.Fields(s), func(w string) bool { return w == "um" || w == "uh" })
}
