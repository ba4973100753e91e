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
	"frontdesk/media"
	"frontdesk/session"
)

// hum is a synthesizer that says everything as 200 ms of one sample.
type hum int16

func (h hum) Speak(context.Context, string, dialog.Voice) iter.Seq2[[]int16, error] {
	return func(yield func([]int16, error) bool) {
		pcm := make([]int16, 10*media.MouthFrame)
		for i := range pcm {
			pcm[i] = int16(h)
		}
		yield(pcm, nil)
	}
}

// unheard is a Sink that keeps nothing.
type unheard struct{}

func (unheard) WriteFrame([]int16) error { return nil }

func TestCallIsRecordedInStereoWhereTheAgentAsksForIt(t *testing.T) {
	for name, record := range map[string]bool{"record: true": true, "record: false": false} {
		t.Run(name, func(t *testing.T) {
			records := filepath.Join(t.TempDir(), "records")
			greet(t, records, record)
			files, _ := filepath.Glob(filepath.Join(records, "*.wav"))
			if !record {
				if len(files) > 0 {
					t.Errorf("recorded unasked: %v", files)
				}
				return
			}
			if len(files) != 1 {
				t.Fatalf("recordings: %v", files)
			}
			if left, right := loudest(t, files[0]); left != 1000 || right < 2500 || right > 3500 {
				t.Errorf("the caller at %d, the agent at %d", left, right)
			}
		})
	}
}

// greet runs a call in which the agent says its greeting while there is sound from the
// caller.
func greet(t *testing.T, records string, record bool) {
	t.Helper()
	db, err := session.OpenDB(filepath.Join(t.TempDir(), "frontdesk.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := session.OpenSQLite(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	agent := &dialog.Agent{Name: "echo", Model: echo{}, Greeting: "Good morning.", Synthesizer: hum(3000), RecordAudio: record}
	d := session.NewDesk(session.Options{
		Store: store, Tokens: session.NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		Agent: func(string) (*dialog.Agent, error) { return agent, nil },
		Node:  "test", Life: time.Hour, Records: records, Observer: &counted{}, Log: zap.NewNop(),
	})
	call, err := d.Admit(t.Context(), session.Caller{})
	if err != nil {
		t.Fatal(err)
	}
	source, inputs := media.NewPCMSource(), make(chan dialog.Heard)
	said := make([]int16, 20*media.EarRate)
	for i := range said {
		said[i] = 1000
	}
	source.Write(said)
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
	defer stop()
	ended := false
	e := call.Run(ctx, dialog.Line{Inputs: inputs, Source: source, Sink: unheard{}, Emit: func(e dialog.Event) {
		if e.Kind == dialog.ReplyEnded && !ended {
			ended = true
			close(inputs)
			_ = source.Close()
		}
	}})
	if e.Result != session.HungUp {
		t.Errorf("ended as %+v", e)
	}
}

// loudest is the highest sample on each side of the file.
func loudest(t *testing.T, path string) (left, right int16) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := media.NewWAVReader(f)
	if err != nil || w.Channels != 2 || w.Rate != media.EarRate {
		t.Fatalf("%s does not play: %+v, %v", path, w, err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const header = 44 // of a canonical WAV file
	for b := file[header:]; len(b) >= 4; b = b[4:] {
		left = max(left, int16(binary.LittleEndian.Uint16(b)))
		right = max(right, int16(binary.LittleEndian.Uint16(b[2:])))
	}
	return left, right
}
