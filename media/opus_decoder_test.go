package media

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
)

// opusDecoders returns every Opus decoder of this build: with cgo libopus and pion/opus,
// without cgo pion/opus.
func opusDecoders(t testing.TB) map[string]Decoder {
	t.Helper()
	dec, err1 := NewOpusDecoder()
	pion, err2 := newPionOpusDecoder()
	require.NoError(t, errors.Join(err1, err2))
	all := map[string]Decoder{"pion": pion}
	if CanEncodeOpus {
		all["libopus"] = dec
	}
	return all
}

// goldenOpus returns a second of a 440 Hz tone in 50 packets, which need no encoder.
// The file holds each packet after its length in two bytes.
func goldenOpus(t testing.TB) (packets [][]byte) {
	t.Helper()
	b, err := os.ReadFile("testdata/tone440.opus")
	require.NoError(t, err)
	for len(b) > 0 {
		n := 2 + int(binary.BigEndian.Uint16(b))
		packets, b = append(packets, b[2:n]), b[n:]
	}
	return packets
}

func TestOpusDecoderDecodesATone(t *testing.T) {
	for name, dec := range opusDecoders(t) {
		var pcm []int16
		var err error
		for _, p := range goldenOpus(t) {
			if pcm, err = dec.Decode(pcm, p); err != nil {
				t.Fatal(name, err)
			}
		}
		if len(pcm) != EarRate {
			t.Errorf("%s: one second decoded to %d samples", name, len(pcm))
		}
		near(t, name+": tone", audiotest.Level(pcm[EarRate/2:], 440, EarRate), 8000, 1500)
	}
}

func TestOpusDTXPacketIsSilenceOfItsLength(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		ms     int
	}{{[]byte{0xf8}, 20}, {[]byte{0x08}, 20}, {[]byte{0x18}, 60}, {[]byte{0x60}, 10}, {[]byte{0xe0, 0}, 2},
		{[]byte{0xf9}, 40}, {[]byte{0x0b, 3}, 60}, {[]byte{0x1b, 2}, 120}, {[]byte{0x0b}, 20}} {
		for name, dec := range opusDecoders(t) {
			pcm, err := dec.Decode(nil, c.packet)
			if err != nil || len(pcm)*1000/EarRate != c.ms || audiotest.RMS(pcm) != 0 {
				t.Errorf("%s: %x: %d samples, %v", name, c.packet, len(pcm), err)
			}
		}
	}
	for name, dec := range opusDecoders(t) {
		if _, err := dec.Decode(nil, []byte{0x1b, 63}); !errors.Is(err, ErrCodec) {
			t.Errorf("%s: 63 frames of 60 ms: %v", name, err)
		}
	}
}

func TestOpusDecoderContinuesAfterDTX(t *testing.T) {
	for name, dec := range opusDecoders(t) {
		var pcm []int16
		var err error
		for i, p := range goldenOpus(t) {
			if i >= 10 && i < 15 {
				p = []byte{p[0]}
			}
			if pcm, err = dec.Decode(pcm, p); err != nil {
				t.Fatal(name, err)
			}
		}
		near(t, name+": tone after DTX", audiotest.Level(pcm[EarRate/2:], 440, EarRate), 8000, 1500)
	}
}

func TestOpusDecoderContinuesAfterMalformedPackets(t *testing.T) {
	for name, dec := range opusDecoders(t) {
		for _, p := range [][]byte{nil, make([]byte, MaxOpusPacket+1), {0xff, 0xff, 0xff, 0xff}, {0x03, 0x3f, 0x00}} {
			if pcm, err := dec.Decode(nil, p); err == nil && len(p) == 0 || len(pcm) > maxOpusSamples {
				t.Errorf("%s: %x: %d samples, %v", name, p, len(pcm), err)
			}
		}
		var pcm []int16
		var err error
		for _, p := range goldenOpus(t) {
			if pcm, err = dec.Decode(pcm, p); err != nil {
				t.Fatal(name, err)
			}
		}
		near(t, name+": tone", audiotest.Level(pcm[EarRate/2:EarRate], 440, EarRate), 8000, 1500)
	}
}

func FuzzOpusDecoder(f *testing.F) {
	good := goldenOpus(f)[:2]
	for _, p := range goldenOpus(f)[:3] {
		f.Add(p)
	}
	f.Add([]byte{0x03, 0x3f, 0x00, 0x01})
	f.Add([]byte{0x1b, 63})
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, dec := range opusDecoders(t) {
			for range 2 { // the second time in whatever state the first one left
				pcm, err := dec.Decode(nil, packet)
				checkOpusResult(t, pcm, err)
			}
			checkStreamContinues(t, dec, good)
		}
	})
}

func checkOpusResult(t *testing.T, pcm []int16, err error) {
	t.Helper()
	if len(pcm) > maxOpusSamples || (err == nil) != (len(pcm) > 0) || err != nil && !errors.Is(err, ErrCodec) {
		t.Fatalf("%d samples, %v", len(pcm), err)
	}
}

func checkStreamContinues(t *testing.T, dec Decoder, packets [][]byte) {
	t.Helper()
	for _, p := range packets {
		if pcm, err := dec.Decode(nil, p); err != nil || len(pcm) != EarFrame {
			t.Fatalf("the stream does not continue: %d samples, %v", len(pcm), err)
		}
	}
}

func BenchmarkOpusDecode(b *testing.B) {
	packets, pcm := goldenOpus(b), make([]int16, maxOpusSamples)
	for name, dec := range opusDecoders(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, _ = dec.Decode(pcm[:0], packets[i%len(packets)])
			}
		})
	}
}
