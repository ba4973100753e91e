package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"frontdesk/internal/require"
	"frontdesk/media"
)

// utterance is a text that is spoken after a silence.
type utterance struct {
	after time.Duration
	text  string
}

// speech writes a WAV file, 16 kHz mono, of utterances in a caller's voice.
func speech(t *testing.T, utterances ...utterance) string {
	t.Helper()
	var audio []int16
	for _, u := range utterances {
		audio = append(audio, make([]int16, int(u.after.Seconds()*media.EarRate))...)
		audio = append(audio, pcm(t, u.text, media.EarRate)...)
	}
	audio = append(audio, make([]int16, 60*media.EarRate)...) // the microphone stays open
	out := filepath.Join(t.TempDir(), "speech.wav")
	f, err := os.Create(out)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, media.WriteWAV(f, media.EarRate, 1, audio))
	return out
}

// pcm is a text in a caller's voice, mono, at a sample rate.
func pcm(t *testing.T, text string, hz int) []int16 {
	t.Helper()
	wav := filepath.Join(t.TempDir(), "said.wav")
	if out, err := exec.CommandContext(t.Context(), "flite", "-voice", "rms", "-t", text, "-o", wav).CombinedOutput(); err != nil {
		t.Fatalf("flite: %v\n%s", err, out)
	}
	f, err := os.Open(wav)
	require.NoError(t, err)
	defer f.Close()
	words, rate, err := media.ReadWAV(f, media.EarRate*30)
	require.NoError(t, err)
	up := media.NewResampler(rate, hz)
	return up.Flush(up.Process(nil, words))
}

// opus encodes audio at media.MouthRate as packets of 20 ms.
func opus(t *testing.T, audio []int16) [][]byte {
	t.Helper()
	enc, err := media.NewOpusEncoder()
	require.NoError(t, err)
	var packets [][]byte
	for frame := range slices.Chunk(audio, media.MouthFrame) {
		if len(frame) < media.MouthFrame {
			break
		}
		packet, err := enc.Encode(make([]byte, 1500), frame)
		require.NoError(t, err)
		packets = append(packets, packet)
	}
	return packets
}
