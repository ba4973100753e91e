package amd

import (
	"cmp"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"frontdesk/media"
)

// tone is n samples of a sine at rate Hz.
func tone(hz float64, rate, n int, amplitude float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// voice is n samples of something like a vowel of hz (a whole number), four syllables a
// second; so it repeats every second.
func voice(hz float64, n int, amplitude float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		if i >= media.EarRate {
			out[i] = out[i-media.EarRate]
			continue
		}
		at := float64(i) / media.EarRate
		for k := 1.0; k*hz < 3500; k++ {
			formant := 1/(1+math.Pow((k*hz-600)/250, 2)) + 0.4/(1+math.Pow((k*hz-1700)/300, 2))
			out[i] += amplitude * formant * math.Sin(2*math.Pi*k*hz*at)
		}
		out[i] *= 0.6 - 0.4*math.Cos(2*math.Pi*4*at)
	}
	return out
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

// says is text spoken by an installed voice, at rate.
func says(t testing.TB, voice, text string, rate int) []float64 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.Command("flite", "-voice", voice, "-t", text, "-o", file).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v: %s", err, out)
	}
	return readWAVAt(t, file, rate)
}

// readWAVAt is the sound of a file, at rate.
func readWAVAt(t testing.TB, file string, rate int) []float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, from, err := media.ReadWAV(f, 60*media.EarRate)
	if err != nil {
		t.Fatal(err)
	}
	re := media.NewResampler(from, rate)
	out := make([]float64, 0, len(pcm)*2)
	for _, v := range re.Flush(re.Process(nil, pcm)) {
		out = append(out, float64(v))
	}
	return out
}

// clip rounds x to a sample.
func clip(x float32) int16 {
	return int16(math.Round(float64(min(max(x, math.MinInt16), math.MaxInt16))))
}
