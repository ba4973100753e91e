package caller

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
)

func silence(d time.Duration) []int16 {
	return make([]int16, int(d*media.MouthRate/time.Second))
}

// withNoise adds white noise to pcm.
func withNoise(pcm []int16, level float64) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	out := slices.Clone(pcm)
	for i := range out {
		out[i] += int16(level * r.NormFloat64())
	}
	return out
}

func TestSpeechEndIsFoundByEnergy(t *testing.T) {
	const second = time.Second
	speech := tone(media.MouthRate, second)
	faint := slices.Clone(speech)
	for i := range faint {
		faint[i] /= 20
	}
	padded := slices.Concat(silence(second/2), speech, silence(second))
	click := slices.Clone(padded)
	click[len(click)-100] = 20000
	for name, test := range map[string]struct {
		pcm  []int16
		want time.Duration // -1: no speech
	}{
		"speech alone":      {speech, second},
		"padded":            {padded, second * 3 / 2},
		"with a pause":      {slices.Concat(speech, silence(second), speech, silence(second)), 3 * second},
		"a faint last word": {slices.Concat(speech, faint, silence(second)), 2 * second},
		"a click after it":  {click, second * 3 / 2},
		"in noise":          {withNoise(padded, 400), second * 3 / 2},
		"silence":           {silence(second), -1},
		"faint noise":       {withNoise(silence(second), 20), -1},
		"nothing":           {nil, -1},
	} {
		t.Run(name, func(t *testing.T) {
			end := speechEnd(test.pcm)
			if test.want < 0 {
				if end != 0 {
					t.Errorf("speech ends at %v", duration(end, media.MouthRate))
				}
				return
			}
			if off := duration(end, media.MouthRate) - test.want; off < -20*time.Millisecond || off > 20*time.Millisecond {
				t.Errorf("speech ends at %v, want %v", duration(end, media.MouthRate), test.want)
			}
		})
	}
}

func TestInvalidRecordingsAreRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "hello.wav")
	require.NoError(t, os.WriteFile(name, []byte("hello, this is not audio"), 0o600))
	for file, want := range map[string]fault.Code{name: fault.Invalid, name + "x": fault.NotFound} {
		_, err := prepare(t.Context(), []Turn{{WAV, file}}, nil)
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != want {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestRecordingIsResampledForTheCall(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, media.WriteWAV(&file, 8000, 1, tone(8000, time.Second)))
	name := filepath.Join(t.TempDir(), "hum.wav")
	require.NoError(t, os.WriteFile(name, file.Bytes(), 0o600))
	turns, err := prepare(t.Context(), []Turn{{WAV, name}}, nil)
	require.NoError(t, err)
	if u := turns[0]; u.said != "hum.wav" || len(u.pcm) < 23900 || len(u.pcm) > 24200 || u.speechLen < 23700 {
		t.Errorf("%q, %d samples, speech to %d", u.said, len(u.pcm), u.speechLen)
	}
}
