package media

import (
	"math"
	"math/rand/v2"
	"testing"

	"frontdesk/internal/audiotest"
)

// detect returns the probabilities of all frames of pcm.
func detect(d *Detector, pcm []float64) []float32 {
	var out []float32
	frame := make([]int16, EarFrame)
	for ; len(pcm) >= EarFrame; pcm = pcm[EarFrame:] {
		for i := range frame {
			frame[i] = int16(pcm[i])
		}
		out = append(out, d.Detect(frame))
	}
	return out
}

// countSpeech counts the probabilities of at least 0.5.
func countSpeech(p []float32) (n int) {
	for _, v := range p {
		if v >= 0.5 {
			n++
		}
	}
	return n
}

func TestDetectorFindsOnsetAndEndOfSpeechInNoise(t *testing.T) {
	for _, c := range []struct {
		name  string
		noise func(*rand.Rand, int) []float64
		level float64
	}{{"quiet", audiotest.WhiteNoise, 5}, {"white", audiotest.WhiteNoise, 150}, {"pink", audiotest.PinkNoise, 150}} {
		for _, hz := range []float64{95, 130, 210} {
			pcm := c.noise(rand.New(rand.NewPCG(1, 2)), 6*EarRate)
			for i := range pcm {
				pcm[i] *= c.level
			}
			for i, s := range audiotest.Voice(hz, EarRate, EarRate, 3000) {
				pcm[3*EarRate+i] += s
			}
			p := detect(NewDetector(), pcm)
			if n := countSpeech(p[25:150]); n > 4 {
				t.Errorf("%s, %v Hz: %d of 125 frames of noise detected as speech", c.name, hz, n)
			}
			if n := countSpeech(p[150:155]); n < 2 {
				t.Errorf("%s, %v Hz: onset after 60 ms: %.2f", c.name, hz, p[150:155])
			}
			if n := countSpeech(p[150:200]); n < 44 {
				t.Errorf("%s, %v Hz: %d of 50 frames of speech detected", c.name, hz, n)
			}
			if n := countSpeech(p[205:]); n > 4 {
				t.Errorf("%s, %v Hz: %d frames detected later than 100 ms after the end", c.name, hz, n)
			}
		}
	}
}

func TestDetectorIgnoresDistantVoices(t *testing.T) {
	const seconds = 14
	r := rand.New(rand.NewPCG(9, 10))
	pcm := make([]float64, seconds*EarRate)
	for _, hz := range []float64{85, 105, 125, 155, 190, 220, 250} {
		far, shift := audiotest.Voice(hz, EarRate, len(pcm), 1), r.IntN(EarRate)
		for i := range pcm {
			pcm[i] += far[(i+shift)%len(far)]
		}
	}
	near := audiotest.Voice(130, EarRate, 2*EarRate, 1)
	gain, farGain := 3000/audiotest.RMS(near), 3000/10/audiotest.RMS(pcm) // 20 dB below the caller
	for i := range pcm {
		pcm[i] *= farGain
		if at := i % (7 * EarRate); at >= 3*EarRate && at < 5*EarRate {
			pcm[i] += gain * near[at-3*EarRate]
		}
	}
	p := detect(NewDetector(), pcm)
	for _, turn := range []int{150, 500} {
		if n := countSpeech(p[turn : turn+5]); n < 2 {
			t.Errorf("onset of the turn at %d s after 60 ms: %.2f", turn/50, p[turn:turn+5])
		}
		if n := countSpeech(p[turn : turn+100]); n < 90 {
			t.Errorf("%d of 100 frames of the turn at %d s detected", n, turn/50)
		}
	}
	if n := countSpeech(p[255:500]); n > 12 {
		t.Errorf("%d of 245 frames between turns detected as the caller", n)
	}
}

func TestDetectorWorksAtAnyLevelAndOnBadLines(t *testing.T) {
	for name, line := range map[string]func(i int, v float64) float64{
		"quiet":  func(_ int, v float64) float64 { return v / 10 },
		"loud":   func(_ int, v float64) float64 { return v * 5 },
		"offset": func(_ int, v float64) float64 { return v + 1500 },
		"clicks": func(i int, v float64) float64 {
			if i%(EarRate*7/10) < 2 {
				return v + 8000
			}
			return v
		},
		"hum": func(i int, v float64) float64 { return v + 20*math.Sin(2*math.Pi*50*float64(i)/EarRate) },
	} {
		pcm := audiotest.WhiteNoise(rand.New(rand.NewPCG(11, 12)), 6*EarRate)
		near := audiotest.Voice(130, EarRate, EarRate, 2000)
		for i := range pcm {
			pcm[i] *= 8
			if at := i - 3*EarRate; at >= 0 && at < len(near) {
				pcm[i] += near[at]
			}
			pcm[i] = min(max(line(i, pcm[i]), -32768), 32767)
		}
		p := detect(NewDetector(), pcm)
		if n := countSpeech(p[150:155]); n < 2 {
			t.Errorf("%s: onset after 60 ms: %.2f", name, p[150:155])
		}
		if n := countSpeech(p[150:200]); n < 44 {
			t.Errorf("%s: %d of 50 frames of speech detected", name, n)
		}
		if n := countSpeech(p[25:150]) + countSpeech(p[205:]); n > 8 {
			t.Errorf("%s: %d of 220 frames of background detected as speech", name, n)
		}
	}
}

func TestDetectorAdaptsToLouderNoise(t *testing.T) {
	pcm := audiotest.PinkNoise(rand.New(rand.NewPCG(3, 4)), 6*EarRate)
	for i := range pcm {
		pcm[i] *= 20
		if i > 2*EarRate {
			pcm[i] *= 10
		}
	}
	if n := countSpeech(detect(NewDetector(), pcm)[100+75:]); n > 6 {
		t.Errorf("1.5 s after a step of 20 dB, %d of 125 frames of noise are detected as speech", n)
	}
}

func TestDigitalSilenceIsNotSpeech(t *testing.T) {
	if n := countSpeech(detect(NewDetector(), make([]float64, 2*EarRate))); n > 0 {
		t.Errorf("%d frames", n)
	}
}

func TestDetectReturnsAProbabilityAndDoesNotAllocate(t *testing.T) {
	d, frame, r := NewDetector(), make([]int16, EarFrame), rand.New(rand.NewPCG(5, 6))
	n := testing.AllocsPerRun(500, func() {
		for i := range frame {
			frame[i] = int16(r.Uint32())
		}
		if p := d.Detect(frame); !(p >= 0 && p <= 1) {
			t.Fatalf("probability %v", p)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := NewDetector()
	pcm := audiotest.Tone(200, EarRate, EarRate, 8000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Detect(pcm[i%50*EarFrame:][:EarFrame])
	}
}
