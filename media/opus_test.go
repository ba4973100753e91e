//go:build cgo

package media

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/hraban/opus"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
)

func newLibopusDecoder(t testing.TB) *libopusDecoder {
	t.Helper()
	dec, err := NewOpusDecoder()
	require.NoError(t, err)
	return dec.(*libopusDecoder)
}

// encodeTone returns n Opus packets of a tone.
func encodeTone(t testing.TB, hz float64, n int) [][]byte {
	t.Helper()
	enc, err := NewOpusEncoder()
	require.NoError(t, err)
	return encodeAll(t, enc, audiotest.Tone(hz, MouthRate, n*MouthFrame, 8000))
}

func TestOpusEncoderCarriesATone(t *testing.T) {
	dec := newLibopusDecoder(t)
	var pcm []int16
	var err error
	for _, p := range encodeTone(t, 440, 50) {
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(pcm) != EarRate {
		t.Errorf("one second decoded to %d samples", len(pcm))
	}
	near(t, "tone", audiotest.Level(pcm[EarRate/2:], 440, EarRate), 8000, 1500)
}

// TestOpusDecodersAgree covers what browsers send: SILK, hybrid and CELT, mono and
// stereo, with FEC, in packets of 10 to 60 ms.
func TestOpusDecodersAgree(t *testing.T) {
	in := make([]int16, EarRate)
	for i, s := range audiotest.Voice(130, EarRate, EarRate, 3000) {
		in[i] = int16(s)
	}
	in = NewResampler(EarRate, 48000).Process(nil, in)
	for _, app := range []opus.Application{opus.AppVoIP, opus.AppRestrictedLowdelay} {
		for _, bitrate := range []int{12000, 32000, 64000} {
			for _, channels := range []int{1, 2} {
				for _, ms := range []int{10, 20, 40, 60} {
					name := fmt.Sprintf("application %d, %d bit/s, %d channels, %d ms", app, bitrate, channels, ms)
					compareDecoders(t, name, in, app, bitrate, channels, 48*ms)
				}
			}
		}
	}
}

func compareDecoders(t *testing.T, name string, in []int16, app opus.Application, bitrate, channels, n int) {
	t.Helper()
	enc, err1 := opus.NewEncoder(48000, channels, app)
	reference, err2 := newPionOpusDecoder()
	dec := newLibopusDecoder(t)
	require.NoError(t, errors.Join(err1, err2))
	require.NoError(t, errors.Join(enc.SetBitrate(bitrate), enc.SetInBandFEC(true), enc.SetPacketLossPerc(10)))
	var want, got []int16
	frame, packet := make([]int16, n*channels), make([]byte, 1500)
	for ; len(in) >= n; in = in[n:] {
		for i := range frame {
			frame[i] = in[i/channels]
		}
		size, err := enc.Encode(frame, packet)
		require.NoError(t, err)
		if want, err = reference.Decode(want, packet[:size]); err != nil {
			t.Fatal(err)
		}
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
	if snr := 20 * math.Log10(audiotest.RMS(want)/(audiotest.RMS(got)+1e-9)); snr < 35 {
		t.Errorf("%s: the decoders differ by %.1f dB", name, -snr)
	}
}

func FuzzOpusConcealment(f *testing.F) {
	good := goldenOpus(f)[:2]
	f.Add(good[0])
	f.Add([]byte{0x03, 0x3f, 0x00, 0x01})
	f.Add([]byte{0x1b, 63})
	f.Fuzz(func(t *testing.T, packet []byte) {
		dec := newLibopusDecoder(t)
		for _, step := range []func() ([]int16, error){
			func() ([]int16, error) { return dec.Conceal(nil, packet) },
			func() ([]int16, error) { return dec.Decode(nil, packet) },
			func() ([]int16, error) { return dec.Conceal(nil, nil) },
			func() ([]int16, error) { return dec.Decode(nil, packet) }, // in whatever state the first one left
		} {
			pcm, err := step()
			checkOpusResult(t, pcm, err)
		}
		checkStreamContinues(t, dec, good)
	})
}

func BenchmarkOpusEncode(b *testing.B) {
	enc, _ := NewOpusEncoder()
	pcm := audiotest.Tone(440, MouthRate, 50*MouthFrame, 8000)
	packet := make([]byte, 1500)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = enc.Encode(packet, pcm[i%50*MouthFrame:][:MouthFrame])
	}
}
