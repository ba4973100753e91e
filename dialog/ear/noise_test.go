package ear

import (
	"math"
	"math/rand/v2"
	"testing"

	"frontdesk/media"
)

// noisyFrame returns a frame of noise with this RMS.
func noisyFrame(rnd *rand.Rand, rms float64) []int16 {
	frame := make([]int16, media.EarFrame)
	for i := range frame {
		frame[i] = int16(rms * rnd.NormFloat64())
	}
	return frame
}

func TestNoiseMeterMeasuresTheRatioOfVoiceAndBackground(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, want := range []float64{0, 6, 12, 30} {
		const background = 100
		voice := background * math.Pow(10, want/20)
		var m noiseMeter
		for range backgroundFrames {
			m.addBackground(noisyFrame(rnd, background))
		}
		for range minVoiceFrames {
			m.addVoice(noisyFrame(rnd, math.Hypot(voice, background)))
		}
		if got, ok := m.ratio(); !ok || math.Abs(got-want) > 1 {
			t.Errorf("%.1f dB, %v; want %.0f dB", got, ok, want)
		}
		if _, ok := m.ratio(); ok {
			t.Error("the next utterance has the voice of the last one")
		}
	}
}

func TestNoiseMeterDoesNotJudgeTooEarly(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, tt := range []struct{ background, voice int }{{backgroundFrames - 1, 100}, {500, minVoiceFrames - 1}} {
		var m noiseMeter
		for range tt.background {
			m.addBackground(noisyFrame(rnd, 100))
		}
		for range tt.voice {
			m.addVoice(noisyFrame(rnd, 110))
		}
		if db, ok := m.ratio(); ok {
			t.Errorf("%d frames of background, %d of voice: %.1f dB", tt.background, tt.voice, db)
		}
	}
}

func TestNoiseMeterFollowsTheBackground(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var m noiseMeter
	for range 500 {
		m.addBackground(noisyFrame(rnd, 1000)) // a car
	}
	for range 4 * backgroundFrames {
		m.addBackground(noisyFrame(rnd, 30))
	}
	for range 50 {
		m.addVoice(noisyFrame(rnd, 1000))
	}
	if db, ok := m.ratio(); !ok || db < 15 {
		t.Errorf("%.1f dB, %v, eight seconds after the noise ended", db, ok)
	}
}
