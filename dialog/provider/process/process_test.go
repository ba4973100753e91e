//go:build unix

package process

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"frontdesk/dialog/provider/loudness"
	"frontdesk/internal/fault"
	"frontdesk/internal/require"
	"frontdesk/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shellProgram returns a Program that runs shell commands.
func shellProgram(t *testing.T, commands string) *Program {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "voice"), []byte("#!/bin/sh\n"+commands), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	p, err := Find("voice", "voice-package")
	require.NoError(t, err)
	return p
}

func code(err error) fault.Code {
	var e *fault.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// toneFile writes a WAV file at 16 kHz: 0.5 s of silence, 0.5 s of tone, 0.5 s of silence.
func toneFile(t *testing.T, amplitude float64) string {
	t.Helper()
	pcm := make([]int16, 24000)
	for i := 8000; i < 16000; i++ {
		pcm[i] = int16(amplitude * math.Sin(float64(i)*2*math.Pi*440/16000))
	}
	path := filepath.Join(t.TempDir(), "tone.wav")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, media.WriteWAV(f, 16000, 1, pcm))
	return path
}

func TestAudioIsTrimmedLevelledAndResampled(t *testing.T) {
	for _, amplitude := range []float64{1000, 4000, 30000} {
		p := shellProgram(t, "cat "+toneFile(t, amplitude))
		pcm, err := p.speak(t.Context(), "", nil)
		require.NoError(t, err)
		if got := float64(len(pcm)) / media.MouthRate; math.Abs(got-0.6) > 0.01 {
			t.Errorf("amplitude %.0f: got %.3f s, want 0.5 s of tone with its margins", amplitude, got)
		}
		if loud := loudness.RMS(pcm); math.Abs(20*math.Log10(loud/loudness.Target)) > 1 {
			t.Errorf("amplitude %.0f: loudness %.0f, want %.0f", amplitude, loud, loudness.Target)
		}
	}
}

func TestFailingProgramGivesAnErrorCode(t *testing.T) {
	for name, c := range map[string]struct {
		commands string
		want     fault.Code
	}{
		"exit status":       {"echo 'no such voice' >&2; exit 3", fault.Provider},
		"output is no WAV":  {"echo hello", fault.Provider},
		"no output":         {"", fault.Provider},
		"endless output":    {"cat /dev/zero", fault.Provider},
		"long error output": {"cat /dev/zero | head -c 100000 >&2; exit 1", fault.Provider},
	} {
		p := shellProgram(t, c.commands)
		if _, err := p.speak(t.Context(), "hello", nil); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Find("no-such-program", "some-package"); code(err) != fault.Invalid || !strings.Contains(err.Error(), "apt install some-package") {
		t.Errorf("missing program: %v", err)
	}
}

func TestCancellingAClauseKillsItsProcess(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "started")
	p := shellProgram(t, "echo >"+fifo+"; exec sleep 1000")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := p.speak(ctx, "hello", nil)
		ended <- err
	}()
	if _, err := os.ReadFile(fifo); err != nil { // returns once the process runs
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTimeoutCoversTheProcessAndTheWaitForASlot(t *testing.T) {
	p := shellProgram(t, "exec sleep 1000")
	p.timeout = 1 // nanosecond
	if _, err := p.speak(t.Context(), "hello", nil); code(err) != fault.Timeout {
		t.Errorf("slow process: %v", err)
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	if _, err := p.speak(t.Context(), "hello", nil); code(err) != fault.Timeout {
		t.Errorf("no free slot: %v", err)
	}
}
