package eval

import (
	"context"
	"iter"
	"math"
	"testing"
	"testing/synctest"

	"frontdesk/dialog"
	"frontdesk/media"
)

// humSynthesizer hums 60 ms for each letter.
type humSynthesizer struct{}

func (humSynthesizer) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, len(text)*60*media.MouthRate/1000)
		for i := range pcm {
			pcm[i] = int16(3000 * (i / 50 % 2))
		}
		yield(pcm, nil)
	}
}

// longRecognizer recognizes only utterances longer than a second and a half.
type longRecognizer struct{ wordlessRecognizer }

func (longRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return longRecognizer{}, nil
}

func (longRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		n := 0
		for range frames {
			n++
		}
		text := ""
		if n > 75 {
			text = "wait stop"
		}
		yield(dialog.Transcript{Text: text, Final: true}, nil)
	}
}

// deafRecognizer never recognizes a word.
type deafRecognizer struct{ longRecognizer }

func (deafRecognizer) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return deafRecognizer{}, nil
}

func (deafRecognizer) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
	return func(yield func(dialog.Transcript, error) bool) {
		for range frames {
		}
		yield(dialog.Transcript{Final: true}, nil)
	}
}

func TestOverlapsAreScoredByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newAgent(400e6)
		agent.Recognizer, agent.Synthesizer = longRecognizer{}, humSynthesizer{}
		long, short := record("anna", [2]int{300, 2300}), record("ben", [2]int{300, 500})
		long.Category, long.Words = "interruption", "wait stop now"
		short.Category, short.Words = "backchannel", "mm"
		other := record("carl", [2]int{300, 500})
		list, all, err := RunInterruptions(t.Context(), agent, []*Recording{long, short, other}, InterruptionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 5+9*syntheticSounds || len(list) != 8 {
			t.Fatalf("%d cases, %d kinds", len(all), len(list))
		}
		interruption, backchannel := list[0], list[1]
		if interruption.Cases != 2 || interruption.Stopped != 100 || interruption.Resumed != 0 || interruption.WordsLost != 33.3 {
			t.Errorf("%+v", interruption)
		}
		if backchannel.Cases != 2 || backchannel.Stopped != 0 || backchannel.Resumed != 100 || backchannel.ResumedP50 > 1000 {
			t.Errorf("%+v", backchannel)
		}
		for _, k := range list[:4] { // this hum is not a voice that echo detection could recognize
			if k.DuckedP95 > 300 || k.SilentP95 < k.SilentP50 || k.Stopped+k.Resumed > 100 {
				t.Errorf("%+v", k)
			}
		}
	})
}

func TestJudgeFindsDuckingSilenceAndResumption(t *testing.T) {
	const loud, soft = 1e6, 1e4
	levels := func(segments ...[2]float64) (list []float64) {
		for _, s := range segments {
			for range int(s[1]) {
				list = append(list, s[0])
			}
		}
		return list
	}
	r := &Recording{Start: 100, End: 500}
	for _, tt := range []struct {
		name                 string
		level                []float64
		ducked, silent, back int
	}{
		{"continues", levels([2]float64{loud, 200}), -1, -1, 0},
		{"ducked", levels([2]float64{loud, 40}, [2]float64{soft, 30}, [2]float64{loud, 100}), 100, -1, 300},
		{"held", levels([2]float64{loud, 40}, [2]float64{soft, 5}, [2]float64{0, 25}, [2]float64{loud, 100}), 100, 200, 300},
		{"stopped", levels([2]float64{loud, 40}, [2]float64{0, 100}), 100, 100, -1},
		{"a gap between words", levels([2]float64{loud, 40}, [2]float64{0, 3}, [2]float64{loud, 100}), -1, -1, 0},
	} {
		o := Overlap{Recording: r}
		o.judge(tt.level, 30)
		if o.Ducked != tt.ducked || o.Silent != tt.silent || o.Back != tt.back || o.Resumed != (tt.back >= 0) {
			t.Errorf("%s: %d, %d, %d ms, resumed %v", tt.name, o.Ducked, o.Silent, o.Back, o.Resumed)
		}
	}
}

func TestCallerSpeaksBeforeTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newAgent(400e6)
		agent.Recognizer, agent.Synthesizer = longRecognizer{}, humSynthesizer{}
		turn, sound := record("anna", [2]int{300, 2300}), record("anna", [2]int{300, 2300})
		turn.Category, sound.Category, sound.Words = "billing", "interruption", "wait stop"
		list, all, err := RunInterruptions(t.Context(), agent, []*Recording{turn, sound},
			InterruptionOptions{Only: []string{"interruption", "television"}, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 4 || len(list) != 2 || list[0].Cases != 2 || list[1].Kind != "television" {
			t.Fatalf("%d cases, %+v", len(all), list)
		}
		for _, o := range all {
			if o.Before != turn || o.Void || o.CutIn {
				t.Errorf("%s: %+v", o.File, o)
			}
		}
		if list[0].Stopped != 100 || list[0].WordsLost != 0 {
			t.Errorf("%+v", list[0])
		}
	})
}

func TestAgentThatDoesNotAnswerGivesNoCases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := newAgent(400e6)
		agent.Recognizer, agent.Synthesizer = deafRecognizer{}, humSynthesizer{}
		turn, sound := record("anna", [2]int{300, 2300}), record("anna", [2]int{300, 2300})
		sound.Category = "interruption"
		list, all, err := RunInterruptions(t.Context(), agent, []*Recording{turn, sound}, InterruptionOptions{Only: []string{"interruption"}})
		if err != nil || len(list) != 0 || len(all) != 2 || !all[0].Void || CutIn(all) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestUnknownKindOfSoundIsRefused(t *testing.T) {
	if _, _, err := RunInterruptions(t.Context(), newAgent(400e6), []*Recording{record("anna", [2]int{300, 900})}, InterruptionOptions{Only: []string{"thunder"}}); err == nil {
		t.Error("no error")
	}
}

func TestSideTalkAndTelevisionAreSofterThanTheCaller(t *testing.T) {
	corpus := []*Recording{record("anna", [2]int{300, 2300}), record("ben", [2]int{300, 2300})}
	all, err := InterruptionOptions{Only: []string{"side talk", "television"}}.chosen(overlaps(corpus))
	if err != nil || len(all) != sideTalks+televisions {
		t.Fatal(len(all), err)
	}
	for _, o := range all {
		least, most := 8.0, 15.0
		if o.Category == "television" {
			least, most = 10, 20
		}
		if db := 10 * math.Log10(o.Before.power()/o.power()); db < least-0.5 || db > most+0.5 {
			t.Errorf("%s: %.1f dB below the caller", o.File, db)
		}
		if o.End-o.Start < 2900 || o.Interrupts() {
			t.Errorf("%s: %d ms", o.File, o.End-o.Start)
		}
	}
}
