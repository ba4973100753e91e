//go:build cgo

package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"frontdesk/internal/audiotest"
)

// encodeSpeech returns a few seconds of speech as Opus packets of 20 ms.
func encodeSpeech(t testing.TB) [][]byte {
	t.Helper()
	enc, err := NewOpusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	const text = "My invoice of last month seems wrong. You charged me twice for the same order, and nobody could tell me why."
	return encodeAll(t, enc, speakPCM(t, "rms", text, MouthRate))
}

// plainDecoder hides that a Decoder is a Concealer.
type plainDecoder struct{ Decoder }

// receive returns the output of a receiver when the packets marked in lost do not arrive.
func receive(t *testing.T, r *Receiver, packets [][]byte, lost []bool) []int16 {
	t.Helper()
	sent := make([][]byte, len(packets))
	for i, p := range packets {
		if lost == nil || !lost[i] {
			sent[i] = p
		}
	}
	defer r.Close()
	return listen(t, r, sent)
}

// snr returns how far the difference of two signals lies below the first, in dB.
func snr(want, got []int16) float64 {
	var signal, noise float64
	for i := range want {
		d := float64(want[i]) - float64(got[i])
		signal, noise = signal+float64(want[i])*float64(want[i]), noise+d*d
	}
	return 10 * math.Log10(signal/(noise+1))
}

func TestOpusConcealsLossBetterThanRepetition(t *testing.T) {
	packets := encodeSpeech(t)
	for _, percent := range []int{10, 20} {
		synctest.Test(t, func(t *testing.T) {
			draw, lost := rand.New(rand.NewPCG(7, 7)), make([]bool, len(packets))
			for i := 10; i < len(lost); i++ {
				lost[i] = draw.IntN(100) < percent
			}
			dec := newLibopusDecoder(t)
			want := receive(t, newTestReceiver(t), packets, nil)
			fec := snr(want, receive(t, newTestReceiver(t), packets, lost))
			repeated := snr(want, receive(t, NewReceiver(plainDecoder{dec}, 48000), packets, lost))
			t.Logf("%d %% lost: %.1f dB with FEC, %.1f dB by repetition", percent, fec, repeated)
			if fec < repeated+2 {
				t.Errorf("%d %% lost: %.1f dB with FEC, %.1f dB by repetition", percent, fec, repeated)
			}
		})
	}
}

func TestLostPacketIsRestoredFromFECOfTheNext(t *testing.T) {
	packets := encodeSpeech(t)
	whole, fec, blind := newLibopusDecoder(t), newLibopusDecoder(t), newLibopusDecoder(t)
	var want, with, without []int16
	for i := 0; i+1 < len(packets); i++ {
		want, _ = whole.Decode(want, packets[i])
		if i%5 == 4 {
			with, _ = fec.Conceal(with, packets[i+1])
			without, _ = blind.Conceal(without, nil)
			continue
		}
		with, _ = fec.Decode(with, packets[i])
		without, _ = blind.Decode(without, packets[i])
	}
	if len(with) != len(want) || len(without) != len(want) {
		t.Fatalf("%d and %d samples, want %d", len(with), len(without), len(want))
	}
	if a, b := snr(want, with), snr(want, without); a < b+3 {
		t.Errorf("%.1f dB with the next packet, %.1f dB without", a, b)
	}
}

// TestGapFadesWithoutAClick covers gaps of one to many packets, for both kinds of
// concealment.
func TestGapFadesWithoutAClick(t *testing.T) {
	const steepest = 1380 // slope of the tone per sample, at amplitude 8000 and 440 Hz
	for _, missing := range []int{1, 2, 3, 4, 6, 10, 30} {
		for name, hasOwn := range map[string]bool{"Opus": true, "repetition": false} {
			synctest.Test(t, func(t *testing.T) {
				r, packets := newTestReceiver(t), encodeTone(t, 440, 120)
				if !hasOwn {
					r = NewReceiver(plainDecoder{r.dec}, 48000)
				}
				lost := make([]bool, len(packets))
				for i := range missing {
					lost[50+i] = true
				}
				heard := receive(t, r, packets, lost)
				for i := 30 * EarFrame; i+1 < len(heard); i++ {
					if d := int(heard[i+1]) - int(heard[i]); d > 2*steepest || d < -2*steepest {
						t.Fatalf("%s, %d missing: a click of %d in frame %d", name, missing, d, i/EarFrame)
					}
				}
				if missing == 30 && audiotest.RMS(heard[60*EarFrame:70*EarFrame]) != 0 {
					t.Errorf("%s: audio in a long gap", name)
				}
				near(t, name+": tone afterwards", audiotest.Level(heard[100*EarFrame:], 440, EarRate), 8000, 1600)
			})
		}
	}
}

func TestLossAfterDTXIsSilence(t *testing.T) {
	dec := newLibopusDecoder(t)
	for _, p := range encodeTone(t, 440, 20) {
		_, _ = dec.Decode(nil, p)
	}
	if _, err := dec.Decode(nil, []byte{0x18}); err != nil { // 60 ms
		t.Fatal(err)
	}
	pcm, err := dec.Conceal(nil, nil)
	if err != nil || len(pcm) != 3*EarFrame || audiotest.RMS(pcm) != 0 {
		t.Errorf("%d samples at %.0f, %v", len(pcm), audiotest.RMS(pcm), err)
	}
}
