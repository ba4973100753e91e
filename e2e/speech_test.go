package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// speech makes a WAV of text in a caller's voice: lead of silence first, for a page
// that starts to hear it when it opens the microphone.
func speech(t *testing.T, lead time.Duration, texts ...string) string {
	t.Helper()
	dir := t.TempDir()
	var parts []string
	for i, text := range texts {
		said := filepath.Join(dir, "said"+string(rune('a'+i))+".wav")
		command(t, "flite", "-voice", "rms", "-t", text, "-o", said)
		parts = append(parts, said)
	}
	out := filepath.Join(dir, "speech.wav")
	if err := os.WriteFile(out, joined(t, lead, parts), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}
