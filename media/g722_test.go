package media

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"testing"

	"frontdesk/internal/require"
)

func readSamples(t *testing.T, name string) []int16 {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm
}

// The vectors are a sweep with noise, clicks and near silence, encoded and decoded by FFmpeg.
func TestG722MatchesFFmpeg(t *testing.T) {
	in, want := readSamples(t, "testdata/g722-in.raw"), readSamples(t, "testdata/g722-out.raw")
	code, err := os.ReadFile("testdata/g722.raw")
	require.NoError(t, err)
	bands := newG722Bands()
	var got []byte
	for i := 0; i < len(in); i += 2 {
		got = append(got, bands.encode(in[i], in[i+1]))
	}
	if !bytes.Equal(got, code) {
		t.Error("the encoded bytes differ")
	}
	d := NewG722Decoder()
	var pcm []int16
	for i := 0; i < len(code); i += 160 {
		if pcm, err = d.Decode(pcm, code[i:min(i+160, len(code))]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pcm {
		if pcm[i] != want[i] {
			t.Fatalf("sample %d is %d, want %d", i, pcm[i], want[i])
		}
	}
}

func TestG722CarriesTheWholeBand(t *testing.T) {
	for _, hz := range []float64{300, 1000, 3400, 5000, 6500} {
		e, d := NewG722Encoder(), NewG722Decoder()
		var heard []int16
		frame, packet := make([]int16, MouthFrame), make([]byte, 0, 400)
		for n := range 50 {
			for i := range frame {
				frame[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(n*MouthFrame+i)/MouthRate))
			}
			code, err := e.Encode(packet[:cap(packet)], frame)
			if err != nil || len(code) != 160 {
				t.Fatalf("%d bytes, %v", len(code), err)
			}
			if heard, err = d.Decode(heard, code); err != nil {
				t.Fatal(err)
			}
		}
		var re, im, all float64
		for i, x := range heard[EarRate/2:] {
			sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / EarRate)
			re, im, all = re+cos*float64(x), im+sin*float64(x), all+float64(x)*float64(x)
		}
		n := float64(len(heard) - EarRate/2)
		if tone := 2 * (re*re + im*im) / n; tone < 0.95*all || math.Sqrt(all/n) < 4500 {
			t.Errorf("%v Hz is %.0f %% of the power, RMS %.0f", hz, 100*tone/all, math.Sqrt(all/n))
		}
	}
	if _, err := NewG722Decoder().Decode(nil, make([]byte, 2000)); err == nil {
		t.Error("a packet of 250 ms was accepted")
	}
}

func BenchmarkG722(b *testing.B) {
	e, d := NewG722Encoder(), NewG722Decoder()
	frame, packet, pcm := make([]int16, MouthFrame), make([]byte, 400), make([]int16, 0, EarFrame)
	for i := range frame {
		frame[i] = int16(i * 37)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = e.Encode(packet, frame)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = d.Decode(pcm, packet[:160])
		}
	})
}
