package smartturn

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"strconv"
	"strings"
	"testing"

	"frontdesk/internal/require"
	"frontdesk/media"
)

// golden is what testdata/golden.py computed for signal(samples).
type golden struct {
	samples     int
	probability float64
	columns     map[int][]float64 // by frame
}

func readGolden(t *testing.T) []golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.txt")
	require.NoError(t, err)
	var all []golden
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "signal ") {
			g := golden{columns: make(map[int][]float64)}
			_, err := fmt.Sscanf(line, "signal %d %g", &g.samples, &g.probability)
			require.NoError(t, err)
			all = append(all, g)
			continue
		}
		fields := strings.Fields(line)
		frame, err := strconv.Atoi(fields[0])
		require.NoError(t, err)
		for _, f := range fields[1:] {
			v, err := strconv.ParseFloat(f, 64)
			require.NoError(t, err)
			all[len(all)-1].columns[frame] = append(all[len(all)-1].columns[frame], v)
		}
	}
	return all
}

// signal returns a rising tone that swells twice a second, with noise, as golden.py does.
func signal(n int) []int16 {
	seed, out := uint32(1), make([]int16, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		t := float64(i) / media.EarRate
		tone := 6000 * math.Sin(2*math.Pi*(200*t+300*t*t)) * math.Pow(math.Sin(2*math.Pi*t), 2)
		out[i] = int16(tone + float64(seed>>16)/65536*400 - 200)
	}
	return out
}

func TestFeaturesAreThoseOfTheReference(t *testing.T) {
	all := readGolden(t)
	if len(all) != 3 {
		t.Fatalf("%d signals, want 3", len(all))
	}
	x, out := new(extractor), make([]float32, bands*frames)
	for _, g := range all {
		x.features(out, signal(g.samples))
		worst := 0.0
		for frame, want := range g.columns {
			if len(want) != bands {
				t.Fatalf("%d bands, want %d", len(want), bands)
			}
			for b, w := range want {
				worst = max(worst, math.Abs(float64(out[b*frames+frame])-w))
			}
		}
		// The reference computes with 64 bits and is rounded to 0.001.
		if worst > 0.002 {
			t.Errorf("%d samples: the features differ by up to %.4f", g.samples, worst)
		}
	}
}

func TestTransformIsThatOfTheDefinition(t *testing.T) {
	var s spectrum
	var got [bins]float32
	x := make([]float32, fftSize)
	for i, v := range signal(fftSize) {
		x[i] = float32(v) / 32768
	}
	s.transform(&got, x)
	for k := range got {
		sum, total := 0i, 0.0
		for i, v := range x {
			w := float64(v * window[i])
			sum += complex(w, 0) * cmplx.Rect(1, -2*math.Pi*float64(i*k)/fftSize)
			total += w * w
		}
		if want := real(sum)*real(sum) + imag(sum)*imag(sum); math.Abs(float64(got[k])-want) > 1e-5*total {
			t.Errorf("bin %d: %g, want %g", k, got[k], want)
		}
	}
}

func TestFeaturesOfSilenceAreFinite(t *testing.T) {
	x, out := new(extractor), make([]float32, bands*frames)
	for _, n := range []int{0, 1, maxSamples, maxSamples + 1} {
		x.features(out, make([]int16, n))
		for i, v := range out {
			if v < -2 || v > 2 || v != v {
				t.Fatalf("%d samples of silence: feature %d is %v", n, i, v)
			}
		}
	}
}

func BenchmarkFeatures(b *testing.B) {
	x, out := new(extractor), make([]float32, bands*frames)
	for _, seconds := range []int{1, 3, 8} {
		b.Run(strconv.Itoa(seconds)+" s", func(b *testing.B) {
			pcm := signal(seconds * media.EarRate)
			b.ReportAllocs()
			for b.Loop() {
				x.features(out, pcm)
			}
		})
	}
}
