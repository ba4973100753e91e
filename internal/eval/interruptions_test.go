package eval

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"

	"frontdesk/dialog"
	"frontdesk/media"
)

// hum is a voice that hums 60 ms for each letter.
type hum struct{}

func (hum) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, len(text)*60*media.MouthRate/1000)
		for i := range pcm {
			pcm[i] = int16(3000 * (i / 50 % 2))
		}
		yield(pcm, nil)
	}
}

// longWords is a recogniser that understands what lasts a second and a half.
type longWords struct{ mute }

func (longWords) Listen(context.Context, *dialog.Agent) (dialog.Listener, error) {
	return longWords{}, nil
}

func (longWords) Utterance(_ context.Context, frames iter.Seq[[]int16]) iter.Seq2[dialog.Transcript, error] {
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

func TestOverlapsAreScoredByKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := agentThatWaits(400e6)
		agent.Recognizer, agent.Synthesizer = longWords{}, hum{}
		long, short := record("anna", [2]int{300, 2300}), record("ben", [2]int{300, 500})
		long.Category, long.Words = "interruption", "wait stop now"
		short.Category, short.Words = "backchannel", "mm"
		other := record("carl", [2]int{300, 500})
		list, all, err := RunInterruptions(t.Context(), agent, []*Recording{long, short, other})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 5+5*soundsMade || len(list) != 6 {
			t.Fatalf("%d cases, %d kinds", len(all), len(list))
		}
		cut, murmur := list[0], list[1]
		if cut.Cases != 2 || cut.Stopped != 100 || cut.Resumed != 0 || cut.WordsLost != 33.3 {
			t.Errorf("%+v", cut)
		}
		if murmur.Cases != 2 || murmur.Stopped != 0 || murmur.Resumed != 100 || murmur.ResumedP50 > 1000 {
			t.Errorf("%+v", murmur)
		}
		for _, k := range list[:4] { // the hum of these tests is no voice that could be known again
			if k.DuckedP95 > 300 || k.SilentP95 < k.SilentP50 || k.Stopped+k.Resumed > 100 {
				t.Errorf("%+v", k)
			}
		}
	})
}

func TestLevelsAreJudged(t *testing.T) {
	const loud, soft = 1e6, 1e4
	levels := func(stretches ...[2]float64) (list []float64) {
		for _, s := range stretches {
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
		{"goes on", levels([2]float64{loud, 200}), -1, -1, 0},
		{"softer", levels([2]float64{loud, 40}, [2]float64{soft, 30}, [2]float64{loud, 100}), 100, -1, 300},
		{"held", levels([2]float64{loud, 40}, [2]float64{soft, 5}, [2]float64{0, 25}, [2]float64{loud, 100}), 100, 200, 300},
		{"for good", levels([2]float64{loud, 40}, [2]float64{0, 100}), 100, 100, -1},
		{"a gap between words", levels([2]float64{loud, 40}, [2]float64{0, 3}, [2]float64{loud, 100}), -1, -1, 0},
	} {
		o := Overlap{Recording: r}
		o.judge(tt.level, 30)
		if o.Ducked != tt.ducked || o.Silent != tt.silent || o.Back != tt.back || o.Resumed != (tt.back >= 0) {
			t.Errorf("%s: %d, %d, %d ms, resumed %v", tt.name, o.Ducked, o.Silent, o.Back, o.Resumed)
		}
	}
}
