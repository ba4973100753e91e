package media

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"frontdesk/internal/require"
)

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
	require.NoError(t, err)
	defer f.Close()
	pcm, from, err := ReadWAV(f, 60*EarRate)
	require.NoError(t, err)
	r := NewResampler(from, rate)
	return r.Flush(r.Process(nil, pcm))
}
