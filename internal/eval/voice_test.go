package eval

import (
	"context"
	"iter"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
)

// toneVoice says every text as a second of tone, half of it at once.
type toneVoice struct {
	delay     time.Duration
	amplitude float64
}

func (v toneVoice) Speak(_ context.Context, text string, _ dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		if text == "" {
			return
		}
		half := make([]int16, media.MouthRate/2)
		for i := range half {
			half[i] = clip(v.amplitude * math.Sin(float64(i)*2*math.Pi*400/media.MouthRate))
		}
		time.Sleep(v.delay)
		if yield(half, nil) {
			time.Sleep(v.delay)
			yield(half, nil)
		}
	}
}

func TestVoiceIsMeasuredAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &dialog.Agent{Synthesizer: toneVoice{delay: 90 * time.Millisecond, amplitude: 10000}}
		cost, list, err := RunVoice(t.Context(), a, []string{"How can I help you?", "Your order 42 costs $5."})
		require.NoError(t, err)
		if cost.FirstP50 != 90 || cost.FirstP95 != 90 || cost.Audio != 2 || cost.Sentences != 2 || cost.Clipped != 0 {
			t.Errorf("%+v", cost)
		}
		if math.Abs(cost.Level+13.3) > 0.1 || cost.Rate != 360 { // 10,000 of a sine is -13.3 dBFS; 5 and 7 words in 2 s
			t.Errorf("%+v", cost)
		}
		r := list[1]
		if r.Words != "Your order 42 costs $5." || r.End-r.Start < 1000 || r.End-r.Start > 1010 || len(r.PCM) < samples(2100) || r.power() < 1e7 {
			t.Errorf("%d samples, speech from %d to %d ms, power %.0f", len(r.PCM), r.Start, r.End, r.power())
		}
	})
}

func TestVoiceThatClipsOrIsSilentIsNoticed(t *testing.T) {
	cost, _, err := RunVoice(t.Context(), &dialog.Agent{Synthesizer: toneVoice{amplitude: 50000}}, []string{"Hello."})
	require.NoError(t, err)
	if cost.Clipped == 0 {
		t.Errorf("%+v", cost)
	}
	if _, _, err := RunVoice(t.Context(), &dialog.Agent{Synthesizer: toneVoice{}}, []string{""}); err == nil {
		t.Error("a voice that says nothing was measured")
	}
}

func TestBuiltInSentencesAreComparable(t *testing.T) {
	list := VoiceSentences()
	if len(list) < 18 {
		t.Errorf("%d sentences", len(list))
	}
	for _, s := range list {
		if e := CompareWords(s, s); e.Total() != 0 || e.Words < 3 || e.Words > 20 {
			t.Errorf("%q: %+v", s, e)
		}
	}
}
