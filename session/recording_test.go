package session_test

import (
	"context"
	"encoding/binary"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"frontdesk/dialog"
	"frontdesk/internal/require"
	"frontdesk/media"
	"frontdesk/session"
)

// constantSynthesizer synthesizes every text as 200 ms of one sample value.
type constantSynthesizer int16

func (s constantSynthesizer) Speak(context.Context, string, dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, 10*media.MouthFrame)
		for i := range pcm {
			pcm[i] = int16(s)
		}
		yield(pcm, nil)
	}
}

// discardSink is a Sink that ignores all frames.
type discardSink struct{}

func (discardSink) WriteFrame([]int16) error { return nil }

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
	store, _ := openSQLite(t)
	agent := &dialog.Agent{Name: "echo", Model: echoModel{}, Greeting: "Good morning.", Synthesizer: constantSynthesizer(3000), RecordAudio: isRecorded}
	d := session.NewDesk(session.Options{
		Store: store, Tokens: session.NewTokens(secret),
		Agent: func(string) (*dialog.Agent, error) { return agent, nil },
		Node:  "test", ResumeWindow: time.Hour, RecordingsDir: dir, Observer: noObserver{}, Log: zap.NewNop(),
	})
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
	e := c.Run(ctx, dialog.Line{Inputs: inputs, Source: source, Sink: discardSink{}, Emit: func(e dialog.Event) {
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
