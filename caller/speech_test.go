package caller

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"frontdesk/fault"
	"frontdesk/media"
)

func quiet(d time.Duration) []int16 {
	return make([]int16, int(d*media.MouthRate/time.Second))
}

// noisy lays white noise under pcm.
func noisy(pcm []int16, level float64) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	out := slices.Clone(pcm)
	for i := range out {
		out[i] += int16(level * r.NormFloat64())
	}
	return out
}

func TestEndOfSpeechIsFoundByEnergy(t *testing.T) {
	const second = time.Second
	speech := hum(media.MouthRate, second)
	faint := slices.Clone(speech)
	for i := range faint {
		faint[i] /= 20
	}
	padded := slices.Concat(quiet(second/2), speech, quiet(second))
	click := slices.Clone(padded)
	click[len(click)-100] = 20000
	for name, test := range map[string]struct {
		pcm  []int16
		want time.Duration // -1: no speech
	}{
		"speech alone":      {speech, second},
		"padded":            {padded, second * 3 / 2},
		"with a pause":      {slices.Concat(speech, quiet(second), speech, quiet(second)), 3 * second},
		"a faint last word": {slices.Concat(speech, faint, quiet(second)), 2 * second},
		"a click after it":  {click, second * 3 / 2},
		"in noise":          {noisy(padded, 400), second * 3 / 2},
		"silence":           {quiet(second), -1},
		"faint noise":       {noisy(quiet(second), 20), -1},
		"nothing":           {nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			end := speechEnd(test.pcm)
			if test.want < 0 {
				if end != 0 {
					t.Errorf("speech ends at %v", samples(end, media.MouthRate))
				}
				return
			}
			if off := samples(end, media.MouthRate) - test.want; off < -20*time.Millisecond || off > 20*time.Millisecond {
				t.Errorf("speech ends at %v, want %v", samples(end, media.MouthRate), test.want)
			}
		})
	}
}

// wav is a file of the given format around data.
func wav(kind, channels, rate, bits int, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(36+len(data)))
	b = append(b, "WAVEfmt \x10\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(kind))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate))
	b = binary.LittleEndian.AppendUint32(b, uint32(rate*channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels*bits/8))
	b = binary.LittleEndian.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func TestRecordingsOfAllFormatsAreRead(t *testing.T) {
	half := math.Float32bits(0.5)
	plain := wav(wavPCM, 1, 16000, 16, []byte{0x00, 0x40, 0x00, 0xC0})
	streamed := slices.Clone(plain)
	binary.LittleEndian.PutUint32(streamed[40:], 0xFFFFFFFF)
	unknown := slices.Clone(plain)
	binary.LittleEndian.PutUint32(unknown[40:], 0)
	tagged := slices.Concat(plain[:36], []byte("LIST\x03\x00\x00\x00abc\x00"), plain[36:])
	for name, b := range map[string][]byte{
		"16 bits": plain, "streamed": streamed, "without a length": unknown, "tags": tagged,
		"8 bits":  wav(wavPCM, 1, 16000, 8, []byte{192, 64}),
		"24 bits": wav(wavPCM, 1, 16000, 24, []byte{9, 0, 0x40, 9, 0, 0xC0}),
		"32 bits": wav(wavPCM, 1, 16000, 32, []byte{9, 9, 0, 0x40, 9, 9, 0, 0xC0}),
		"float":   wav(wavFloat, 1, 16000, 32, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, half), half|1<<31)),
		"stereo":  wav(wavPCM, 2, 16000, 16, []byte{0x00, 0x40, 0x00, 0x40, 0x00, 0xC0, 0x00, 0xC0}),
	} {
		pcm, rate, err := decodeWAV(b)
		if err != nil || rate != 16000 || len(pcm) != 2 || pcm[0] < 16380 || pcm[0] > 16384 || pcm[1] > -16380 || pcm[1] < -16384 {
			t.Errorf("%s: %v at %d Hz, %v", name, pcm, rate, err)
		}
	}
	for kind, want := range map[int]byte{wavMuLaw: 0x80, wavALaw: 0xAA} { // their loudest positive sample
		pcm, _, err := decodeWAV(wav(kind, 1, 8000, 8, []byte{want}))
		if err != nil || len(pcm) != 1 || pcm[0] < 32000 {
			t.Errorf("format %d: %v, %v", kind, pcm, err)
		}
	}
}

func TestBadRecordingsAreRefused(t *testing.T) {
	plain := wav(wavPCM, 1, 16000, 16, []byte{1, 2})
	for name, b := range map[string][]byte{
		"empty": nil, "text": []byte("hello, this is no sound"), "no data": plain[:36], "cut format": plain[:30],
		"data first": slices.Concat(plain[:12], plain[36:]), "rate": wav(wavPCM, 1, 191999, 16, nil),
		"channels": wav(wavPCM, 0, 16000, 16, nil), "12 bits": wav(wavPCM, 1, 16000, 12, nil), "MP3": wav(0x55, 1, 16000, 16, nil),
	} {
		_, _, err := decodeWAV(b)
		var e *fault.Error
		if !errors.As(err, &e) || e.Code != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecordingPlaysAtTheRateOfACall(t *testing.T) {
	var data []byte
	for _, s := range hum(8000, time.Second) {
		data = binary.LittleEndian.AppendUint16(data, uint16(s))
	}
	name := filepath.Join(t.TempDir(), "hum.wav")
	if err := os.WriteFile(name, wav(wavPCM, 1, 8000, 16, data), 0o600); err != nil {
		t.Fatal(err)
	}
	turns, err := prepare(t.Context(), []planned{{"wav", name}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u := turns[0]; u.said != "hum.wav" || len(u.pcm) < 23900 || len(u.pcm) > 24200 || u.end < 23700 {
		t.Errorf("%q, %d samples, speech to %d", u.said, len(u.pcm), u.end)
	}
}

func FuzzDecodeWAV(f *testing.F) {
	f.Add(wav(wavPCM, 2, 44100, 16, make([]byte, 40)))
	f.Add(wav(wavFloat, 1, 8000, 32, make([]byte, 40)))
	f.Add(wav(wavExtensible, 1, 8000, 24, make([]byte, 40)))
	f.Fuzz(func(t *testing.T, b []byte) {
		pcm, rate, err := decodeWAV(b)
		if err == nil && (len(pcm) > len(b) || !slices.Contains(wavRates, rate)) {
			t.Errorf("%d samples at %d Hz of %d bytes", len(pcm), rate, len(b))
		}
	})
}
