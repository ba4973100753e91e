//go:build cgo

package media

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"frontdesk/internal/audiotest"
)

func newTestReceiver(t testing.TB) *Receiver {
	t.Helper()
	return NewReceiver(newLibopusDecoder(t), 48000)
}

// listen reads one frame after each packet; nil stands for a lost packet.
func listen(t *testing.T, r *Receiver, packets [][]byte) (heard []int16) {
	t.Helper()
	frame := make([]int16, EarFrame)
	for n, p := range packets {
		if p != nil {
			r.Push(uint16(n), uint32(n*960), p)
		}
		if err := r.ReadFrame(frame); err != nil {
			t.Fatal(err)
		}
		heard = append(heard, frame...)
	}
	return heard
}

func TestReceiverBridgesLossWithoutClicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets, r := encodeTone(t, 440, 150), newTestReceiver(t)
		defer r.Close()
		for n := 20; n < len(packets); n += 20 {
			packets[n] = nil
		}
		heard := listen(t, r, packets)[EarRate/2:]
		near(t, "tone", audiotest.Level(heard, 440, EarRate), 8000, 1600)
		for i := range heard[1:] { // the steepest slope of the tone is 1380 per sample
			if d := int(heard[i+1]) - int(heard[i]); d > 4000 || d < -4000 {
				t.Fatalf("a click of %d at %d", d, i)
			}
		}
		if s, _ := r.Stats(); s.Lost != 7 {
			t.Errorf("%+v", s)
		}
	})
}

func TestReceiverIsSilentWithoutPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		defer r.Close()
		heard := listen(t, r, append(encodeTone(t, 440, 50), make([][]byte, 25)...))
		if got := audiotest.RMS(heard[60*EarFrame:]); got > 1 {
			t.Errorf("200 ms after the last packet there is audio at %.0f", got)
		}
	})
}

func TestReceiverSurvivesMalformedPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets, r := encodeTone(t, 440, 100), newTestReceiver(t)
		defer r.Close()
		packets[30], packets[40] = []byte{0xff, 0xff, 0xff, 0xff}, []byte{0xff, 0xff, 0xff}
		heard := listen(t, r, packets)
		near(t, "tone", audiotest.Level(heard[EarRate:], 440, EarRate), 8000, 1500)
		if _, malformed := r.Stats(); malformed != 2 {
			t.Errorf("%d malformed", malformed)
		}
	})
}

func TestReceiverTreatsEmptyPayloadsAsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets, r := encodeTone(t, 440, 100), newTestReceiver(t)
		defer r.Close()
		for i := 50; i < 100; i++ {
			packets[i] = []byte{}
		}
		heard := listen(t, r, packets)
		if got := audiotest.RMS(heard[65*EarFrame : 95*EarFrame]); got > 1 {
			t.Errorf("there is audio at %.0f", got)
		}
		if stats, malformed := r.Stats(); malformed != 0 || stats.Lost != 0 {
			t.Errorf("%d malformed, %d lost", malformed, stats.Lost)
		}
	})
}

func TestReceiverKeepsPaceUntilClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestReceiver(t)
		start := time.Now()
		listen(t, r, make([][]byte, 500))
		if took := time.Since(start); took != 500*FrameTime {
			t.Errorf("500 frames took %v", took)
		}
		_, _ = r.Close(), r.Close()
		if err := r.ReadFrame(make([]int16, EarFrame)); err != io.EOF {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestReceiverDoesNotAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		r       *Receiver
		packets [][]byte
		step    int
	}{
		"Opus":  {newTestReceiver(t), encodeSpeech(t), 960},
		"G.711": {NewReceiver(NewG711Decoder(DecodePCMU), 8000), [][]byte{EncodePCMU(nil, audiotest.Tone(440, 8000, 160, 8000))}, 160},
	} {
		frame, seq := make([]int16, EarFrame), 0
		n := testing.AllocsPerRun(300, func() {
			c.r.Push(uint16(seq), uint32(seq*c.step), c.packets[seq%len(c.packets)])
			if seq++; seq%9 == 0 {
				seq++ // lost
			}
			c.r.read(frame)
		})
		if s, _ := c.r.Stats(); n > 0 || s.Lost == 0 {
			t.Errorf("%s: %v allocations per frame, %+v", name, n, s)
		}
	}
}

func BenchmarkReceiver(b *testing.B) {
	packets, r := encodeTone(b, 440, 50), newTestReceiver(b)
	frame := make([]int16, EarFrame)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.Push(uint16(n), uint32(n*960), packets[n%50])
		r.read(frame)
	}
}
