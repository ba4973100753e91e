package session_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"frontdesk/dialog"
	"frontdesk/internal/desktest"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
)

func TestCallIsRecordedInStereoIfTheAgentRecordsCalls(t *testing.T) {
	for name, isRecorded := range map[string]bool{"recorded": true, "not recorded": false} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "recordings")
			runGreeting(t, dir, isRecorded)
			files, _ := filepath.Glob(filepath.Join(dir, "*.wav"))
			if !isRecorded {
				if len(files) > 0 {
					t.Errorf("recorded although the agent records no calls: %v", files)
				}
				return
			}
			if len(files) != 1 {
				t.Fatalf("got recordings %v, want one", files)
			}
			if left, right := peaks(t, files[0]); left != 1000 || right < 2500 || right > 3500 {
				t.Errorf("peak of the caller %d, want 1000; peak of the agent %d, want about 3000", left, right)
			}
		})
	}
}

// runGreeting runs a call in which the agent says its greeting while the caller sends audio.
func runGreeting(t *testing.T, dir string, isRecorded bool) {
	t.Helper()
	agent := &dialog.Agent{
		Name: "echo", Model: desktest.EchoModel{}, Greeting: "Good morning.", Memory: dialog.MemoryPolicy{RecordAudio: isRecorded},
		Synthesizer: desktest.ToneVoice{Hz: 500, Amplitude: 3000, Duration: 200 * time.Millisecond},
	}
	d := desktest.New(t, agent, func(o *session.Options) { o.RecordingsDir = dir })
	c, err := d.Admit(t.Context(), session.Caller{})
	require.NoError(t, err)
	source, inputs := media.NewPCMSource(), make(chan dialog.Heard)
	audio := make([]int16, 20*media.EarRate)
	for i := range audio {
		audio[i] = 1000
	}
	source.Write(audio)
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
	defer stop()
	hasHungUp := false
	e := c.Run(ctx, dialog.Line{Inputs: inputs, Source: source, Sink: desktest.NullSink{}, Emit: func(e dialog.Event) {
		if e.Kind == dialog.ReplyEnded && !hasHungUp {
			hasHungUp = true
			close(inputs)
			_ = source.Close()
		}
	}})
	if e.Result != session.HungUp {
		t.Errorf("ended as %+v", e)
	}
}

// peaks returns the highest sample of each channel of the file.
func peaks(t *testing.T, path string) (left, right int16) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	w, err := media.NewWAVReader(f)
	if err != nil || w.Channels != 2 || w.Rate != media.EarRate {
		t.Fatalf("%s: got %+v, error %v; want two channels at %d Hz", path, w, err, media.EarRate)
	}
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	const header = 44 // of a canonical WAV file
	for b := file[header:]; len(b) >= 4; b = b[4:] {
		left = max(left, int16(binary.LittleEndian.Uint16(b)))
		right = max(right, int16(binary.LittleEndian.Uint16(b[2:])))
	}
	return left, right
}
