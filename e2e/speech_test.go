package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"frontdesk/media"
)

// utterance is a text that is said after a silence.
type utterance struct {
	after time.Duration
	text  string
}

// speech makes a WAV, 16 kHz mono, of utterances in a caller's voice.
func speech(t *testing.T, utterances ...utterance) string {
	t.Helper()
	var sound []int16
	for _, u := range utterances {
		sound = append(sound, make([]int16, int(u.after.Seconds()*media.EarRate))...)
		sound = append(sound, pcm(t, u.text, media.EarRate)...)
	}
	sound = append(sound, make([]int16, 60*media.EarRate)...) // a caller who is silent, not gone
	out := filepath.Join(t.TempDir(), "speech.wav")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := media.WriteWAV(f, media.EarRate, 1, sound); err != nil {
		t.Fatal(err)
	}
	return out
}

// pcm is a text in a caller's voice at a rate, mono.
func pcm(t *testing.T, text string, hz int) []int16 {
	t.Helper()
	said := filepath.Join(t.TempDir(), "said.wav")
	command(t, "flite", "-voice", "rms", "-t", text, "-o", said)
	f, err := os.Open(said)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words, rate, err := media.ReadWAV(f, media.EarRate*30)
	if err != nil {
		t.Fatal(err)
	}
	up := media.NewResampler(rate, hz)
	return up.Flush(up.Process(nil, words))
}

// opus is sound at media.MouthRate as packets of 20 ms.
func opus(t *testing.T, sound []int16) [][]byte {
	t.Helper()
	enc, err := media.NewOpusEncoder()
	if err != nil {
		t.Fatal(err)
	}
	var packets [][]byte
	for frame := range slices.Chunk(sound, media.MouthFrame) {
		if len(frame) < media.MouthFrame {
			break
		}
		packet, err := enc.Encode(make([]byte, 1500), frame)
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, packet)
	}
	return packets
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
