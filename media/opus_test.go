package media

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hraban/opus"
	pion "github.com/pion/opus"
)

// stream is n Opus packets of a tone.
func stream(t testing.TB, hz float64, n int) [][]byte {
	t.Helper()
	enc, err := NewOpusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	pcm := tone(hz, MouthRate, n*MouthFrame, 8000)
	var out [][]byte
	for i := range n {
		packet, err := enc.Encode(make([]byte, 1500), pcm[i*MouthFrame:][:MouthFrame])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, packet)
	}
	return out
}

func TestOpusCarriesATone(t *testing.T) {
	dec, err := NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	for _, p := range stream(t, 440, 50) {
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(pcm) != EarRate {
		t.Errorf("a second came out as %d samples", len(pcm))
	}
	near(t, "the tone", level(pcm[EarRate/2:], 440, EarRate), 8000, 1500)
}

func TestOpusSilencePacketIsSilenceOfItsLength(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		ms     int
	}{{[]byte{0xf8}, 20}, {[]byte{0x08}, 20}, {[]byte{0x18}, 60}, {[]byte{0x60}, 10}, {[]byte{0xe0, 0}, 2},
		{[]byte{0xf9}, 40}, {[]byte{0x0b, 3}, 60}, {[]byte{0x1b, 2}, 120}, {[]byte{0x0b}, 20}} {
		dec, _ := NewOpusDecoder()
		pcm, err := dec.Decode(nil, c.packet)
		if err != nil || len(pcm)*1000/EarRate != c.ms || rms(pcm) != 0 {
			t.Errorf("%x: %d samples, %v", c.packet, len(pcm), err)
		}
	}
	dec, _ := NewOpusDecoder()
	if _, err := dec.Decode(nil, []byte{0x1b, 63}); !errors.Is(err, ErrCodec) {
		t.Errorf("63 frames of 60 ms: %v", err)
	}
}

// TestOpusIsDecodedAsByAnotherDecoder covers what browsers send: SILK, hybrid and CELT, mono
// and stereo, with FEC, in packets of 10 to 60 ms.
func TestOpusIsDecodedAsByAnotherDecoder(t *testing.T) {
	in := make([]int16, EarRate)
	for i, s := range voice(130, EarRate, 3000) {
		in[i] = int16(s)
	}
	in = NewResampler(EarRate, 48000).Process(nil, in)
	for _, app := range []opus.Application{opus.AppVoIP, opus.AppRestrictedLowdelay} {
		for _, bitrate := range []int{12000, 32000, 64000} {
			for _, channels := range []int{1, 2} {
				for _, ms := range []int{10, 20, 40, 60} {
					name := fmt.Sprintf("application %d, %d bit/s, %d channels, %d ms", app, bitrate, channels, ms)
					compare(t, name, in, app, bitrate, channels, 48*ms)
				}
			}
		}
	}
}

func compare(t *testing.T, name string, in []int16, app opus.Application, bitrate, channels, n int) {
	t.Helper()
	enc, err1 := opus.NewEncoder(48000, channels, app)
	reference, err2 := pion.NewDecoderWithOutput(EarRate, 1)
	dec, err3 := NewOpusDecoder()
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(enc.SetBitrate(bitrate), enc.SetInBandFEC(true), enc.SetPacketLossPerc(10)); err != nil {
		t.Fatal(err)
	}
	var want, got []int16
	frame, packet, out := make([]int16, n*channels), make([]byte, 1500), make([]int16, opusLongest)
	for ; len(in) >= n; in = in[n:] {
		for i := range frame {
			frame[i] = in[i/channels]
		}
		size, err := enc.Encode(frame, packet)
		if err != nil {
			t.Fatal(err)
		}
		m, err := reference.DecodeToInt16(packet[:size], out)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, out[:m]...)
		if got, err = dec.Decode(got, packet[:size]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d samples, want %d", name, len(got), len(want))
	}
	for i := range got {
		got[i] -= want[i]
	}
	if snr := 20 * math.Log10(rms(want)/(rms(got)+1e-9)); snr < 35 {
		t.Errorf("%s: differs from the other by %.1f dB", name, -snr)
	}
}

func TestMalformedOpusIsAnErrorAndTheStreamGoesOn(t *testing.T) {
	dec, _ := NewOpusDecoder()
	for _, p := range [][]byte{nil, make([]byte, MaxOpusPacket+1), {0xff, 0xff, 0xff, 0xff}, {0x03, 0x3f, 0x00}} {
		if pcm, err := dec.Decode(nil, p); err == nil && len(p) == 0 || len(pcm) > opusLongest {
			t.Errorf("%x: %d samples, %v", p, len(pcm), err)
		}
	}
	var pcm []int16
	var err error
	for _, p := range stream(t, 440, 50) {
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	near(t, "the tone", level(pcm[EarRate/2:EarRate], 440, EarRate), 8000, 1500)
}

func TestG711CarriesATone(t *testing.T) {
	pcm := tone(440, 8000, 8000, 8000)
	for name, law := range map[string]struct {
		encode func([]byte, []int16) []byte
		decode func([]int16, []byte) []int16
	}{"mu": {EncodePCMU, DecodePCMU}, "A": {EncodePCMA, DecodePCMA}} {
		out := law.decode(nil, law.encode(nil, pcm))
		near(t, name+": the tone", level(out, 440, 8000), 8000, 100)
		for i := range pcm {
			if d := int(out[i]) - int(pcm[i]); d > 300 || d < -300 {
				t.Fatalf("%s: %d became %d", name, pcm[i], out[i])
			}
		}
		dec := NewG711Decoder(law.decode)
		wide, err := dec.Decode(nil, law.encode(nil, pcm[:160]))
		if err != nil || len(wide) < 300 {
			t.Errorf("%s: %d samples, %v", name, len(wide), err)
		}
	}
}

func TestG711MatchesItsTables(t *testing.T) { // ITU-T G.711, tables 1a and 2a
	for _, v := range []struct {
		mu, a byte
		s, sa int16
	}{{0xff, 0xd5, 0, 8}, {0x80, 0xaa, 32124, 32256}, {0x00, 0x2a, -32124, -32256}, {0x7f, 0x55, 0, -8}} {
		if got := DecodePCMU(nil, []byte{v.mu})[0]; got != v.s {
			t.Errorf("mu %02x is %d, want %d", v.mu, got, v.s)
		}
		if got := DecodePCMA(nil, []byte{v.a})[0]; got != v.sa {
			t.Errorf("A %02x is %d, want %d", v.a, got, v.sa)
		}
	}
	for i := range 256 { // every code but mu-law's second zero survives a round trip
		b := byte(i)
		if got := EncodePCMU(nil, DecodePCMU(nil, []byte{b}))[0]; got != b && b != 0x7f {
			t.Errorf("mu %02x became %02x", b, got)
		}
		if got := EncodePCMA(nil, DecodePCMA(nil, []byte{b}))[0]; got != b {
			t.Errorf("A %02x became %02x", b, got)
		}
	}
}

func FuzzOpusDecoder(f *testing.F) {
	for _, p := range stream(f, 440, 3) {
		f.Add(p)
	}
	f.Add([]byte{0x03, 0x3f, 0x00, 0x01})
	f.Add([]byte{0x1b, 63})
	good := stream(f, 440, 2)
	f.Fuzz(func(t *testing.T, packet []byte) {
		dec, err := NewOpusDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []func() ([]int16, error){
			func() ([]int16, error) { return dec.Conceal(nil, packet) },
			func() ([]int16, error) { return dec.Decode(nil, packet) },
			func() ([]int16, error) { return dec.Conceal(nil, nil) },
			func() ([]int16, error) { return dec.Decode(nil, packet) }, // whatever state the first one left
		} {
			pcm, err := step()
			if len(pcm) > opusLongest || (err == nil) != (len(pcm) > 0) || err != nil && !errors.Is(err, ErrCodec) {
				t.Fatalf("%d samples, %v", len(pcm), err)
			}
		}
		for _, p := range good {
			if pcm, err := dec.Decode(nil, p); err != nil || len(pcm) != EarFrame {
				t.Fatalf("the stream ended: %d samples, %v", len(pcm), err)
			}
		}
	})
}

func BenchmarkOpusDecode(b *testing.B) {
	packets, pcm := spoken(b), make([]int16, opusLongest)
	ours, err1 := NewOpusDecoder()
	other, err2 := pion.NewDecoderWithOutput(EarRate, 1)
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func(packet []byte){
		"libopus": func(p []byte) { _, _ = ours.Decode(pcm[:0], p) },
		"pion":    func(p []byte) { _, _ = other.DecodeToInt16(p, pcm) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				decode(packets[i%len(packets)])
			}
		})
	}
}

func BenchmarkOpusEncode(b *testing.B) {
	enc, _ := NewOpusEncoder()
	pcm := tone(440, MouthRate, 50*MouthFrame, 8000)
	packet := make([]byte, 1500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = enc.Encode(packet, pcm[i%50*MouthFrame:][:MouthFrame])
	}
}
