package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// steady is a Source of the same sample for ever and a Sink of no interest.
type steady int16

func (s steady) ReadFrame(frame []int16) error {
	for i := range frame {
		frame[i] = int16(s)
	}
	return nil
}

func (steady) WriteFrame([]int16) error { return nil }

// sides are the channels of a stereo file.
func sides(t *testing.T, file []byte) (left, right []int16) {
	t.Helper()
	w, err := NewWAVReader(bytes.NewReader(file))
	if err != nil || w.Channels != 2 || w.Rate != EarRate {
		t.Fatalf("recording: %d channels at %d, %v", w.Channels, w.Rate, err)
	}
	for b := file[wavHeaderSize:]; len(b) >= 4; b = b[4:] {
		left = append(left, int16(b[0])|int16(b[1])<<8)
		right = append(right, int16(b[2])|int16(b[3])<<8)
	}
	return left, right
}

func TestRecordingHasTheCallerLeftAndTheAgentRight(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := NewRecorder(path)
	if err != nil {
		t.Fatal(err)
	}
	source, sink := r.Source(steady(1000)), r.Sink(steady(0))
	voice, frame := tone(440, MouthRate, 50*MouthFrame, 8000), make([]int16, EarFrame)
	for i := range 150 { // silence, a second of voice, silence
		var out []int16
		if i >= 50 && i < 100 {
			out = voice[(i-50)*MouthFrame:][:MouthFrame]
		}
		if err := errors.Join(sink.WriteFrame(out), source.ReadFrame(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sink.WriteFrame(voice[:MouthFrame]), source.ReadFrame(frame), r.Close()); err != nil {
		t.Errorf("after Close: %v", err)
	}
	file, _ := os.ReadFile(path)
	left, right := sides(t, file)
	if len(left) != 150*EarFrame {
		t.Fatalf("%d samples", len(left))
	}
	near(t, "the caller", level(left[:EarRate], 0, EarRate)/2, 1000, 1)
	near(t, "before the voice", rms(right[:EarRate]), 0, 1)
	near(t, "the voice", level(right[EarRate+2*EarFrame:2*EarRate], 440, EarRate), 8000, 100)
	near(t, "after the voice", rms(right[2*EarRate+2*EarFrame:]), 0, 1)
}

func TestRecordingGoesOnWhenOneSideStaysAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := NewRecorder(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		_ = r.Sink(steady(0)).WriteFrame(tone(440, MouthRate, MouthFrame, 8000))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	file, _ := os.ReadFile(path)
	if _, right := sides(t, file); len(right) < 45*EarFrame || rms(right) < 3000 {
		t.Errorf("%d samples of the agent at %.0f", len(right), rms(right))
	}
}

// disk is a recordFile in memory that waits for every write to be let through.
type disk struct {
	pass  <-chan struct{}
	bytes []byte
	look  func(d *disk)
}

func (d *disk) WriteAt(b []byte, at int64) (int, error) {
	<-d.pass
	if grow := int(at) + len(b) - len(d.bytes); grow > 0 {
		d.bytes = append(d.bytes, make([]byte, grow)...)
	}
	copy(d.bytes[at:], b)
	if d.look != nil {
		d.look(d)
	}
	return len(b), nil
}

func (d *disk) Close() error { return nil }

func TestSlowDiskLosesSoundButNotItsPlace(t *testing.T) {
	pass := make(chan struct{})
	d := &disk{pass: pass}
	r := newRecorder(d)
	frame := make([]int16, EarFrame)
	const frames = recordQueue + 40
	for range frames {
		_ = r.Source(steady(1000)).ReadFrame(frame)
	}
	if n := r.Dropped(); n < 39 || n > 40 { // one may be in the writer's hands
		t.Errorf("%d frames dropped of %d", n, frames)
	}
	close(pass)
	for len(r.queue) == recordQueue { // the writer is taking them
		_ = r.Err()
	}
	_ = r.Source(steady(2000)).ReadFrame(frame)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	left, _ := sides(t, d.bytes)
	if len(left) != (frames+1)*EarFrame || left[len(left)-1] != 2000 || left[len(left)-2*EarFrame] != 0 {
		t.Errorf("the last frame is not in its place: %d samples", len(left))
	}
}

func TestRecordingOfAKilledProcessPlays(t *testing.T) {
	pass := make(chan struct{})
	close(pass)
	var seen []byte // the file after 60 frames, not closed
	d := &disk{pass: pass, look: func(d *disk) {
		if len(d.bytes) == wavHeaderSize+60*4*EarFrame {
			seen = bytes.Clone(d.bytes)
		}
	}}
	r := newRecorder(d)
	for range 60 {
		_ = r.Source(steady(1000)).ReadFrame(make([]int16, EarFrame))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	pcm, _, err := ReadWAV(bytes.NewReader(seen), EarRate*10)
	if err != nil || len(pcm) < recordPatch*EarFrame {
		t.Errorf("%d samples play, %v", len(pcm), err)
	}
}

func TestFullDiskEndsTheRecordingNotTheCall(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	r := newRecorder(f)
	for range 3 * recordQueue {
		if err := r.Source(steady(1)).ReadFrame(make([]int16, EarFrame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
}

func TestRecorderNeedsAPlaceToWrite(t *testing.T) {
	if _, err := NewRecorder(filepath.Join(t.TempDir(), "no", "call.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestRecorderDoesNotAllocate(t *testing.T) {
	r := newRecorder(discard{})
	defer r.Close()
	source, sink := r.Source(steady(1)), r.Sink(steady(1))
	in, out := make([]int16, EarFrame), make([]int16, MouthFrame)
	if n := testing.AllocsPerRun(200, func() { _ = source.ReadFrame(in); _ = sink.WriteFrame(out) }); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

type discard struct{ io.Closer }

func (discard) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (discard) Close() error                           { return nil }
