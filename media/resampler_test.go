package media

import (
	"fmt"
	"testing"

	"frontdesk/internal/audiotest"
)

var rates = [][2]int{{8000, 16000}, {16000, 8000}, {24000, 16000}, {16000, 24000}, {48000, 16000}, {24000, 48000},
	{22050, 24000}, {11025, 24000}, {44100, 24000}, {44100, 16000}, {24000, 8000}, {16000, 16000}}

func TestResamplingPreservesATone(t *testing.T) {
	for _, r := range rates {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			in := audiotest.Tone(1000, r[0], r[0], 10000)
			var out []int16
			s := NewResampler(r[0], r[1])
			for len(in) > 0 { // in pieces of odd length, as from a network
				n := min(333, len(in))
				out = s.Process(out, in[:n])
				in = in[n:]
			}
			out = s.Flush(out)
			near(t, "length", float64(len(out)), float64(r[1]), float64(r[1])/500+2)
			middle := out[r[1]/4 : r[1]*3/4]
			near(t, "tone", audiotest.Level(middle, 1000, r[1]), 10000, 60)
			near(t, "RMS", audiotest.RMS(middle), 7071, 60) // nothing is added
		})
	}
}

func TestDownsamplingRemovesAliases(t *testing.T) {
	for _, r := range [][2]int{{48000, 16000}, {24000, 16000}, {16000, 8000}} {
		hz := float64(r[1]) * 0.62 // would alias
		out := NewResampler(r[0], r[1]).Process(nil, audiotest.Tone(hz, r[0], r[0], 10000))
		if got := audiotest.RMS(out[len(out)/4:]); got > 10 {
			t.Errorf("%v: %.0f Hz passes with RMS %.1f, want at most 10 (-57 dB)", r, hz, got)
		}
	}
}

func TestResamplerDoesNotAllocate(t *testing.T) {
	s := NewResampler(MouthRate, EarRate)
	in, out := audiotest.Tone(440, MouthRate, MouthFrame, 8000), make([]int16, 0, MouthFrame)
	if n := testing.AllocsPerRun(100, func() { out = s.Process(out[:0], in) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkResample(b *testing.B) {
	for _, r := range [][2]int{{24000, 16000}, {48000, 16000}, {8000, 16000}} {
		b.Run(fmt.Sprint(r[0], "to", r[1]), func(b *testing.B) {
			s := NewResampler(r[0], r[1])
			in, out := audiotest.Tone(440, r[0], r[0]/50, 8000), make([]int16, 0, 1000)
			b.ReportAllocs()
			for b.Loop() {
				out = s.Process(out[:0], in)
			}
		})
	}
}
