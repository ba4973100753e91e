package media

import (
	"testing"

	"frontdesk/internal/audiotest"
)

func TestG711CarriesATone(t *testing.T) {
	pcm := audiotest.Tone(440, 8000, 8000, 8000)
	for name, law := range map[string]struct {
		encode func([]byte, []int16) []byte
		decode func([]int16, []byte) []int16
	}{"mu": {EncodePCMU, DecodePCMU}, "A": {EncodePCMA, DecodePCMA}} {
		out := law.decode(nil, law.encode(nil, pcm))
		near(t, name+": tone", audiotest.Level(out, 440, 8000), 8000, 100)
		for i := range pcm {
			if d := int(out[i]) - int(pcm[i]); d > 300 || d < -300 {
				t.Fatalf("%s: %d decodes to %d", name, pcm[i], out[i])
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
	for i := range 256 { // every code but the second zero of mu-law survives a round trip
		b := byte(i)
		if got := EncodePCMU(nil, DecodePCMU(nil, []byte{b}))[0]; got != b && b != 0x7f {
			t.Errorf("mu %02x re-encodes to %02x", b, got)
		}
		if got := EncodePCMA(nil, DecodePCMA(nil, []byte{b}))[0]; got != b {
			t.Errorf("A %02x re-encodes to %02x", b, got)
		}
	}
}
