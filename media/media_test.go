package media

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tone returns n samples of a sine wave.
func tone(hz float64, rate, n int, amplitude float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(amplitude * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

// level returns the amplitude of the frequency hz in pcm (Goertzel's algorithm).
func level(pcm []int16, hz float64, rate int) float64 {
	c := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var s0, s1, s2 float64
	for _, x := range pcm {
		s0 = float64(x) + c*s1 - s2
		s2, s1 = s1, s0
	}
	return 2 * math.Sqrt(s1*s1+s2*s2-c*s1*s2) / float64(len(pcm))
}

// rms returns the root mean square of pcm.
func rms(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(max(1, len(pcm))))
}

// near fails the test unless got is within tolerance of want.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s is %.1f, want %.1f ± %.1f", what, got, want, tolerance)
	}
}

// speakPCM returns text spoken by a voice of flite, at the given rate.
func speakPCM(t testing.TB, voice, text string, rate int) []int16 {
	t.Helper()
	file := filepath.Join(t.TempDir(), "speech.wav")
	if out, err := exec.Command("flite", "-voice", voice, "-t", text, "-o", file).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v: %s", err, out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pcm, from, err := ReadWAV(f, 60*EarRate)
	if err != nil {
		t.Fatal(err)
	}
	r := NewResampler(from, rate)
	return r.Flush(r.Process(nil, pcm))
}
