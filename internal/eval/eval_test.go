package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// syllables fills pcm from one ms to another with a vowel-like sound, four times a second.
func syllables(pcm []int16, from, to int) {
	for i := samples(from); i < samples(to); i++ {
		at := float64(i) / media.EarRate
		x := 0.0
		for k := 1.0; k < 25; k++ {
			hz := 130 * k
			x += (1/(1+math.Pow((hz-600)/250, 2)) + 0.4/(1+math.Pow((hz-1700)/300, 2))) * math.Sin(2*math.Pi*hz*at)
		}
		pcm[i] = int16(2500 * x * (0.5 - 0.5*math.Cos(2*math.Pi*4*at)))
	}
}

// record returns a recording with speech in these segments, in ms.
func record(voice string, segments ...[2]int) *Recording {
	end := segments[len(segments)-1][1]
	r := &Recording{File: voice, Voice: voice, Start: segments[0][0], End: end, Segments: segments, PCM: make([]int16, samples(end+800))}
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range r.PCM {
		r.PCM[i] = int16(8 * rnd.NormFloat64())
	}
	for i, s := range segments {
		syllables(r.PCM, s[0], s[1])
		if i > 0 {
			r.Pauses = append(r.Pauses, Pause{segments[i-1][1], s[0]})
		}
	}
	return r
}

// wordlessRecognizer returns the same transcript for every utterance.
type wordlessRecognizer struct{}

func (wordlessRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return wordlessRecognizer{}, nil
}
func (wordlessRecognizer) Close() error { return nil }
func (wordlessRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		n := 0
		for range frames {
			n++
		}
		yield(dialog.Transcript{Text: "something", Final: true}, nil)
	}
}

// loudnessDetector detects loud frames as speech.
type loudnessDetector struct{}

func (loudnessDetector) Detect(frame []int16) float32 {
	for _, v := range frame {
		if v > 400 {
			return 1
		}
	}
	return 0
}

// newAgent returns an agent that ends a turn after a fixed silence.
func newAgent(h time.Duration) *dialog.Agent {
	return &dialog.Agent{
		Recognizer: wordlessRecognizer{},
		Detector:   func() dialog.VoiceDetector { return loudnessDetector{} },
		Endpointer: func() dialog.Endpointer { return Hangover(h) },
	}
}

func TestShortHangoverCutsOffAndLongHangoverDelays(t *testing.T) {
	corpus := []*Recording{
		record("anna", [2]int{300, 1300}),
		record("anna", [2]int{300, 1100}, [2]int{1700, 2500}),
		record("ben", [2]int{300, 1500}),
		record("ben", [2]int{300, 2500}),
	}
	for _, tt := range []struct {
		hangover      time.Duration
		early, paused float64
	}{{300 * time.Millisecond, 25, 100}, {800 * time.Millisecond, 0, 0}} {
		got, all, err := RunTurns(t.Context(), newAgent(tt.hangover), corpus, Condition{Name: "clean"})
		require.NoError(t, err)
		if got.Turns != 4 || got.Early != tt.early || got.EarlyPause != tt.paused || got.Missed != 0 {
			t.Errorf("%v: %+v", tt.hangover, got)
		}
		h := int(tt.hangover.Milliseconds())
		if got.DelayP50 < h-60 || got.DelayP50 > h+140 || got.DelayP95 < got.DelayP50 {
			t.Errorf("%v: delays %d and %d ms", tt.hangover, got.DelayP50, got.DelayP95)
		}
		if got.FrameAccuracy < 90 {
			t.Errorf("%.1f %% of frames", got.FrameAccuracy)
		}
		for _, d := range all {
			if !d.Ended || d.Why != "silence" || d.Early() != (tt.early > 0 && len(d.Pauses) > 0) {
				t.Errorf("%v: %s: %+v", tt.hangover, d.File, d.Delay)
			}
		}
	}
}

func TestDetectionCountsFramesAndOnsets(t *testing.T) {
	corpus := []*Recording{record("anna", [2]int{300, 1300}, [2]int{1600, 2000}), record("ben", [2]int{400, 1400})}
	loud := func() dialog.VoiceDetector { return loudnessDetector{} }
	got, err := RunDetector(loud, corpus, Condition{Name: "clean"})
	if err != nil || got.Condition != "clean" || got.Correct < 95 || got.Hits < 95 || got.Alarms > 5 || got.Outside != 0 || got.Prompt != 100 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = RunDetector(func() dialog.VoiceDetector { return deafDetector{} }, corpus, Condition{Name: "clean"})
	if err != nil || got.Hits != 0 || got.Prompt != 0 || got.Correct == 0 || got.Correct > 60 {
		t.Errorf("%+v, %v", got, err)
	}
}

// deafDetector detects no speech.
type deafDetector struct{}

func (deafDetector) Detect([]int16) float32 { return 0 }

func TestLateOnsetIsNotPrompt(t *testing.T) {
	for frames, want := range map[int]int{1: 1, 3: 1, 4: 0} {
		var tally FrameTally
		for i := 1; i <= frames; i++ {
			tally.Add(FrameLabel{IsSpeech: true, IsInside: true, IsOnset: i == 1}, i == frames)
		}
		if tally.promptOnsets != want {
			t.Errorf("detected in frame %d: %d prompt onsets, want %d", frames, tally.promptOnsets, want)
		}
	}
}

func TestSampleKeepsEveryNth(t *testing.T) {
	corpus := make([]*Recording, 7)
	for i := range corpus {
		corpus[i] = &Recording{End: i}
	}
	if got := Sample(corpus, 3); len(got) != 3 || got[1] != corpus[3] || got[2] != corpus[6] {
		t.Errorf("%v", got)
	}
	if got := Sample(corpus, 1); len(got) != 7 {
		t.Errorf("%d recordings", len(got))
	}
}

func TestUndetectedEndIsMissed(t *testing.T) {
	got, _, err := RunTurns(t.Context(), newAgent(time.Hour), []*Recording{record("anna", [2]int{300, 1300})}, Condition{Name: "clean"})
	if err != nil || got.Missed != 100 || got.Early != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTraceContinuesThroughPauses(t *testing.T) {
	r := record("anna", [2]int{300, 1100}, [2]int{1900, 2500})
	longest, last := time.Duration(0), 0
	err := Trace(t.Context(), newAgent(0), []*Recording{r}, Condition{Name: "clean"}, func(s Spoken, ms int, e dialog.Evidence) {
		if s.Recording != r || ms <= last {
			t.Errorf("%s at %d ms after %d", s.File, ms, last)
		}
		longest, last = max(longest, e.Silence), ms
	})
	if err != nil || longest < 1300*time.Millisecond || last < r.End+1500 {
		t.Errorf("traced up to %d ms, silences up to %v, %v", last, longest, err)
	}
}

func TestNoiseHasTheLevelInItsName(t *testing.T) {
	corpus := []*Recording{record("anna", [2]int{300, 2300}), record("ben", [2]int{300, 2300})}
	for _, c := range Conditions() {
		calls, err := Calls(corpus, c)
		if err != nil || len(calls) != 2 {
			t.Fatalf("%s: %d calls, %v", c.Name, len(calls), err)
		}
		if again, _ := Calls(corpus, c); len(again[0].PCM) != len(calls[0].PCM) || again[0].PCM[9999] != calls[0].PCM[9999] {
			t.Errorf("%s: the audio is not reproducible", c.Name)
		}
		if c.noise == nil {
			continue
		}
		turn := calls[0].Turns[0]
		background := media.RMS(calls[0].PCM[:samples(turn.At+turn.Start)])
		if snr := 10*math.Log10(turn.power()) - 20*math.Log10(background); math.Abs(snr-c.snr) > 2.5 && c.Name != "street10" || math.Abs(snr-c.snr) > 6 {
			t.Errorf("%s: speech is %.1f dB above the background before it", c.Name, snr)
		}
	}
}

func TestConditionsHaveTheLevelInTheirName(t *testing.T) {
	corpus := []*Recording{record("anna", [2]int{300, 2300})}
	for _, name := range []string{"level-40", "level-20"} {
		c, err := FindCondition(name)
		require.NoError(t, err)
		calls, err := Calls(corpus, c)
		require.NoError(t, err)
		at := calls[0].Turns[0].At
		speech := media.RMS(calls[0].PCM[samples(at+300):samples(at+2300)])
		if level := fmt.Sprintf("level%.0f", 20*math.Log10(speech/math.MaxInt16)); level != name {
			t.Errorf("%s is %s", name, level)
		}
	}
	babble, err := FindCondition("babble5")
	require.NoError(t, err)
	if babble.snr != 5 || babble.noise == nil {
		t.Errorf("%+v", babble)
	}
	for _, name := range []string{"", "loud", "babble", "level3", "white99", "clean10", "-"} {
		if _, err := FindCondition(name); err == nil {
			t.Errorf("found a condition %q", name)
		}
	}
}

func TestPinkNoiseHasTheSamePowerInEveryOctave(t *testing.T) {
	x := pink(rand.New(rand.NewPCG(1, 2)), nil, 1<<15)
	power := func(hz float64) float64 { // near one frequency, over many stretches
		sum := 0.0
		const n = 1024
		for at := 0; at+n <= len(x); at += n {
			var re, im float64
			for i := range n {
				sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / media.EarRate)
				re, im = re+x[at+i]*cos, im+x[at+i]*sin
			}
			sum += re*re + im*im
		}
		return 10 * math.Log10(sum*hz)
	}
	low := power(125)
	for _, hz := range []float64{250, 500, 1000, 2000, 4000} {
		if d := power(hz) - low; math.Abs(d) > 4 {
			t.Errorf("the octave at %v Hz differs by %.1f dB from that at 125 Hz", hz, d)
		}
	}
}

func TestManifestErrorsNameTheRecording(t *testing.T) {
	dir := t.TempDir()
	write := func(list any) string {
		b, _ := json.Marshal(list)
		file := filepath.Join(dir, "manifest.json")
		require.NoError(t, os.WriteFile(file, b, 0o600))
		return file
	}
	f, err := os.Create(filepath.Join(dir, "a.wav"))
	require.NoError(t, err)
	require.NoError(t, media.WriteWAV(f, 8000, 1, make([]int16, 8000)))
	f.Close()
	good := map[string]any{"file": "a.wav", "voice": "v", "speech_start_ms": 100, "speech_end_ms": 900}
	list, err := Load(write([]any{good}))
	if err != nil || len(list) != 1 || len(list[0].PCM) < media.EarRate || !list[0].IsSpeech(500) || list[0].IsSpeech(950) {
		t.Fatalf("%v, %v", list, err)
	}
	for _, tt := range []struct {
		change map[string]any
		want   string
	}{
		{map[string]any{"file": ""}, "no file"},
		{map[string]any{"file": "b.wav"}, "b.wav"},
		{map[string]any{"speech_end_ms": 50}, "is not before speech_end_ms 50"},
		{map[string]any{"speech_end_ms": 5000}, "after the end of the audio"},
		{map[string]any{"speech_segments_ms": [][2]int{{500, 400}}}, "does not end after it begins"},
	} {
		bad := map[string]any{}
		for k, v := range good {
			bad[k] = v
		}
		for k, v := range tt.change {
			bad[k] = v
		}
		if _, err := Load(write([]any{good, bad})); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "recording 2") {
			t.Errorf("%v: %v", tt.change, err)
		}
	}
	for _, list := range []any{[]any{}, "x", []any{nil}, []any{map[string]any{}}} {
		if _, err := Load(write(list)); err == nil {
			t.Errorf("%v was accepted as a manifest", list)
		}
	}
	if _, err := FindCondition("loud"); err == nil || !strings.Contains(err.Error(), "babble10") {
		t.Errorf("unknown condition: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`[{"file":"a.wav","speech_start_ms":1,"speech_end_ms":2,"speech_segments_ms":[[1,2]]}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := parse(text)
		if err != nil {
			return
		}
		for _, r := range list {
			r.PCM = make([]int16, 100)
			if p := r.power(); p != 0 {
				t.Errorf("silence has power %v", p)
			}
		}
	})
}
