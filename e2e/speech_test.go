package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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
	dir := t.TempDir()
	var pcm []int16
	for i, u := range utterances {
		said := filepath.Join(dir, strconv.Itoa(i)+".wav")
		command(t, "flite", "-voice", "rms", "-t", u.text, "-o", said)
		f, err := os.Open(said)
		if err != nil {
			t.Fatal(err)
		}
		words, rate, err := media.ReadWAV(f, media.EarRate*30)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, make([]int16, int(u.after.Seconds()*media.EarRate))...)
		pcm = media.NewResampler(rate, media.EarRate).Process(pcm, words)
	}
	pcm = append(pcm, make([]int16, 60*media.EarRate)...) // a caller who is silent, not gone
	out := filepath.Join(dir, "speech.wav")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := media.WriteWAV(f, media.EarRate, 1, pcm); err != nil {
		t.Fatal(err)
	}
	return out
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
