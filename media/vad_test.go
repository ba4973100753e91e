package media

import (
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// voice is n samples of something like a vowel of hz, four syllables a second.
func voice(hz float64, n int, amplitude float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		at := float64(i) / EarRate
		for k := 1.0; k*hz < 3500; k++ {
			formant := 1/(1+math.Pow((k*hz-600)/250, 2)) + 0.4/(1+math.Pow((k*hz-1700)/300, 2))
			out[i] += amplitude * formant * math.Sin(2*math.Pi*k*hz*at)
		}
		out[i] *= 0.6 - 0.4*math.Cos(2*math.Pi*4*at)
	}
	return out
}

// detections are the probabilities of all frames of pcm.
func detections(d *Detector, pcm []float64) []float32 {
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

func voiced(p []float32) (n int) {
	for _, v := range p {
		if v >= 0.5 {
			n++
		}
	}
	return n
}

func TestDetectorHearsAVoiceOverNoiseAtOnceAndItsEndSoon(t *testing.T) {
	for _, c := range []struct {
		name  string
		noise func(*rand.Rand, int) []float64
		level float64
	}{{"quiet", whiteNoise, 5}, {"white", whiteNoise, 150}, {"pink", pinkNoise, 150}} {
		for _, hz := range []float64{95, 130, 210} {
			pcm := c.noise(rand.New(rand.NewPCG(1, 2)), 6*EarRate)
			for i := range pcm {
				pcm[i] *= c.level
			}
			for i, s := range voice(hz, EarRate, 3000) {
				pcm[3*EarRate+i] += s
			}
			p := detections(NewDetector(), pcm)
			if n := voiced(p[25:150]); n > 4 {
				t.Errorf("%s, %v Hz: %d of 125 frames of noise heard as speech", c.name, hz, n)
			}
			if n := voiced(p[150:155]); n < 2 {
				t.Errorf("%s, %v Hz: onset after 60 ms: %.2f", c.name, hz, p[150:155])
			}
			if n := voiced(p[150:200]); n < 44 {
				t.Errorf("%s, %v Hz: %d of 50 frames of speech heard", c.name, hz, n)
			}
			if n := voiced(p[205:]); n > 4 {
				t.Errorf("%s, %v Hz: %d frames heard later than 100 ms after the end", c.name, hz, n)
			}
		}
	}
}

func TestDetectorLearnsALouderNoise(t *testing.T) {
	pcm := pinkNoise(rand.New(rand.NewPCG(3, 4)), 6*EarRate)
	for i := range pcm {
		pcm[i] *= 20
		if i > 2*EarRate {
			pcm[i] *= 10
		}
	}
	if n := voiced(detections(NewDetector(), pcm)[100+75:]); n > 6 {
		t.Errorf("1.5 s after a step of 20 dB, %d of 125 frames of noise are heard as speech", n)
	}
}

func TestDetectorHearsNothingInDigitalSilence(t *testing.T) {
	if n := voiced(detections(NewDetector(), make([]float64, 2*EarRate))); n > 0 {
		t.Errorf("%d frames", n)
	}
}

func TestDetectorIsAProbabilityAndDoesNotAllocate(t *testing.T) {
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
		t.Errorf("%v allocations a frame", n)
	}
}

func TestPowerSpectrumMatchesItsDefinition(t *testing.T) {
	var s spectrum
	var x [fftSize]float32
	var got [fftHalf]float32
	r := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i] = float32(r.NormFloat64() * 1000)
	}
	s.power(&got, &x)
	for k := range got {
		var re, im float64
		for i := range x {
			sin, cos := math.Sincos(2 * math.Pi * float64(k) * float64(i) / fftSize)
			re, im = re+float64(x[i]*fftWindow[i])*cos, im-float64(x[i]*fftWindow[i])*sin
		}
		near(t, "a bin", math.Sqrt(float64(got[k])), math.Hypot(re, im), 1)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := NewDetector()
	pcm := tone(200, EarRate, EarRate, 8000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Detect(pcm[i%50*EarFrame:][:EarFrame])
	}
}

// noises are n samples of unit power each.
func pinkNoise(r *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	var b0, b1, b2 float64
	for i := range out { // Paul Kellet's filter
		w := r.NormFloat64()
		b0 = 0.99765*b0 + w*0.0990460
		b1 = 0.96300*b1 + w*0.2965164
		b2 = 0.57000*b2 + w*1.0526913
		out[i] = b0 + b1 + b2 + w*0.1848
	}
	return unit(out)
}

func whiteNoise(r *rand.Rand, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = r.NormFloat64()
	}
	return out
}

func unit(x []float64) []float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	scale := 1 / math.Sqrt(cmp.Or(sum, 1)/float64(len(x)))
	for i := range x {
		x[i] *= scale
	}
	return x
}

type utterance struct {
	Utt      string   `json:"utt"`
	File     string   `json:"file"`
	Segments [][2]int `json:"speech_segments_ms"`
	pcm      []int16
}

// speaking says whether frame i is speech.
func (u *utterance) speaking(i int) bool {
	for _, s := range u.Segments {
		if m := i*20 + 10; m >= s[0] && m < s[1] {
			return true
		}
	}
	return false
}

// speechPower is the mean square of what is speech.
func (u *utterance) speechPower() float64 {
	var sum, n float64
	for i := range len(u.pcm) / EarFrame {
		if u.speaking(i) {
			r := rms(u.pcm[i*EarFrame:][:EarFrame])
			sum, n = sum+r*r, n+1
		}
	}
	return sum / max(n, 1)
}

func corpus(t *testing.T) []utterance {
	t.Helper()
	manifest := os.Getenv("FRONTDESK_SPEECH")
	if manifest == "" {
		t.Skip("FRONTDESK_SPEECH does not name the manifest.json of a speech corpus to measure with")
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var all []utterance
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		wav, err := os.ReadFile(filepath.Join(filepath.Dir(manifest), all[i].File))
		if err != nil {
			t.Fatal(err)
		}
		for b := wav[44:]; len(b) > 1; b = b[2:] { // the corpus has plain headers
			all[i].pcm = append(all[i].pcm, int16(b[0])|int16(b[1])<<8)
		}
	}
	return all
}

// mixed is u with noise of unit power, snr dB under its speech.
func mixed(u *utterance, noise []float64, snr float64) []int16 {
	gain := math.Sqrt(u.speechPower()) * math.Pow(10, -snr/20)
	out := make([]int16, len(u.pcm))
	for i := range out {
		out[i] = int16(max(min(float64(u.pcm[i])+gain*noise[i], 32767), -32768))
	}
	return out
}

// babble is five other voices at once.
func babble(r *rand.Rand, all []utterance, n int) []float64 {
	out := make([]float64, n)
	for range 5 {
		u := &all[r.IntN(len(all))]
		scale, shift := 1/math.Sqrt(u.speechPower()), r.IntN(len(u.pcm))
		for i := range out {
			out[i] += scale * float64(u.pcm[(i+shift)%len(u.pcm)])
		}
	}
	return unit(out)
}

type condition struct {
	name  string
	snr   float64
	noise func(r *rand.Rand, all []utterance, n int) []float64
}

var conditions = []condition{
	{"clean", 100, func(_ *rand.Rand, _ []utterance, n int) []float64 { return make([]float64, n) }},
	{"white 20 dB", 20, func(r *rand.Rand, _ []utterance, n int) []float64 { return whiteNoise(r, n) }},
	{"pink 20 dB", 20, func(r *rand.Rand, _ []utterance, n int) []float64 { return pinkNoise(r, n) }},
	{"babble 20 dB", 20, babble},
	{"white 10 dB", 10, func(r *rand.Rand, _ []utterance, n int) []float64 { return whiteNoise(r, n) }},
	{"pink 10 dB", 10, func(r *rand.Rand, _ []utterance, n int) []float64 { return pinkNoise(r, n) }},
	{"babble 10 dB", 10, babble},
}

// TestDetectorOnACorpus measures; it is the source of what the documentation says.
func TestDetectorOnACorpus(t *testing.T) {
	all := corpus(t)
	for _, c := range conditions {
		r := rand.New(rand.NewPCG(1, 2))
		var hit, miss, alarm, rest int
		for i := range all {
			u := &all[i]
			pcm := mixed(u, c.noise(r, all, len(u.pcm)), c.snr)
			d := NewDetector()
			for k := range len(pcm) / EarFrame {
				heard := d.Detect(pcm[k*EarFrame:][:EarFrame]) >= 0.5
				switch {
				case heard && u.speaking(k):
					hit++
				case u.speaking(k):
					miss++
				case heard:
					alarm++
				default:
					rest++
				}
			}
		}
		frames := float64(hit + miss + alarm + rest)
		t.Logf("%-12s accuracy %.1f %%, hit %.1f %%, false alarm %.1f %%", c.name, 100*float64(hit+rest)/frames,
			100*float64(hit)/float64(hit+miss), 100*float64(alarm)/float64(alarm+rest))
	}
}
