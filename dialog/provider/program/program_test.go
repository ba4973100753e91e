package program

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script installs a program that runs shell commands.
func script(t *testing.T, commands string) *Program {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "voice"), []byte("#!/bin/sh\n"+commands), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p, err := Find("voice", "voice-package")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func code(err error) fault.Code {
	var e *fault.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// tone is a WAV file of silence, a tone and silence, 0.5 s each, at 16 kHz.
func tone(t *testing.T, amplitude float64) string {
	t.Helper()
	pcm := make([]int16, 24000)
	for i := 8000; i < 16000; i++ {
		pcm[i] = int16(amplitude * math.Sin(float64(i)*2*math.Pi*440/16000))
	}
	path := filepath.Join(t.TempDir(), "tone.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := media.WriteWAV(f, 16000, 1, pcm); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSoundIsTrimmedLevelledAndResampled(t *testing.T) {
	for _, amplitude := range []float64{1000, 4000, 30000} {
		p := script(t, "cat "+tone(t, amplitude))
		pcm, err := p.Speak(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(len(pcm)) / media.MouthRate; math.Abs(got-0.6) > 0.01 {
			t.Errorf("%.0f: %.3f s are left of 0.5 s of tone with its margins", amplitude, got)
		}
		if loud := loudness(pcm); math.Abs(20*math.Log10(loud/speechLevel)) > 1 {
			t.Errorf("%.0f: loudness %.0f", amplitude, loud)
		}
	}
}

func TestLoudPeaksAreNotClipped(t *testing.T) {
	pcm := make([]int16, 16000)
	for i := range pcm {
		pcm[i] = int16(300 * math.Sin(float64(i)/5))
	}
	pcm[8000] = 20000
	level(pcm)
	if peak := slices.Max(pcm); peak > int16(peakLevel)+1 || peak < 20000 {
		t.Errorf("peak %d", peak)
	}
}

func TestSilenceStaysSilent(t *testing.T) {
	if got := level(trim(make([]int16, 16000), 16000)); len(got) != 0 {
		t.Errorf("%d samples", len(got))
	}
}

func TestFailuresAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		commands string
		want     fault.Code
	}{
		"fails":     {"echo 'no such voice' >&2; exit 3", fault.Provider},
		"no sound":  {"echo hello", fault.Provider},
		"nothing":   {"", fault.Provider},
		"too much":  {"cat /dev/zero", fault.Provider},
		"complains": {"cat /dev/zero | head -c 100000 >&2; exit 1", fault.Provider},
	} {
		p := script(t, c.commands)
		if _, err := p.Speak(t.Context(), "hello"); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Find("no-such-program", "some-package"); code(err) != fault.Invalid || !strings.Contains(err.Error(), "apt install some-package") {
		t.Errorf("missing: %v", err)
	}
}

func TestCancelledProcessIsKilled(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "started")
	p := script(t, "echo >"+fifo+"; exec sleep 1000")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := p.Speak(ctx, "hello")
		ended <- err
	}()
	if _, err := os.ReadFile(fifo); err != nil { // until it runs
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSlowProcessTimesOutWhileOthersWait(t *testing.T) {
	p := script(t, "exec sleep 1000")
	p.limit = 1 // nanosecond
	if _, err := p.Speak(t.Context(), "hello"); code(err) != fault.Timeout {
		t.Errorf("got %v", err)
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	if _, err := p.Speak(t.Context(), "hello"); code(err) != fault.Timeout {
		t.Errorf("without a slot: %v", err)
	}
}
