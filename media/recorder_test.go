package media

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"frontdesk/internal/audiotest"
	"frontdesk/internal/require"
)

// constant is a Source that repeats one sample and a Sink that ignores everything.
type constant int16

func (c constant) ReadFrame(frame []int16) error {
	for i := range frame {
		frame[i] = int16(c)
	}
	return nil
}

func (constant) WriteFrame([]int16) error { return nil }

// channels splits a recording into its two channels.
func channels(t *testing.T, file []byte) (left, right []int16) {
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
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "call.wav")
		r, err := NewRecorder(path)
		require.NoError(t, err)
		source, sink := r.Source(constant(1000)), r.Sink(constant(0))
		voice, frame := audiotest.Tone(440, MouthRate, 50*MouthFrame, 8000), make([]int16, EarFrame)
		for i := range 150 { // silence, a second of voice, silence
			var out []int16
			if i >= 50 && i < 100 {
				out = voice[(i-50)*MouthFrame:][:MouthFrame]
			}
			require.NoError(t, errors.Join(sink.WriteFrame(out), source.ReadFrame(frame)))
			synctest.Wait() // until the frame is written
		}
		require.NoError(t, r.Close())
		if err := errors.Join(sink.WriteFrame(voice[:MouthFrame]), source.ReadFrame(frame), r.Close()); err != nil {
			t.Errorf("after Close: %v", err)
		}
		file, _ := os.ReadFile(path)
		left, right := channels(t, file)
		if len(left) != 150*EarFrame {
			t.Fatalf("%d samples", len(left))
		}
		near(t, "caller", audiotest.Level(left[:EarRate], 0, EarRate)/2, 1000, 1)
		near(t, "before the voice", audiotest.RMS(right[:EarRate]), 0, 1)
		near(t, "voice", audiotest.Level(right[EarRate+2*EarFrame:2*EarRate], 440, EarRate), 8000, 100)
		near(t, "after the voice", audiotest.RMS(right[2*EarRate+2*EarFrame:]), 0, 1)
	})
}

func TestRecordingContinuesWhenTheCallerSendsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.wav")
	r, err := NewRecorder(path)
	require.NoError(t, err)
	for range 60 {
		_ = r.Sink(constant(0)).WriteFrame(audiotest.Tone(440, MouthRate, MouthFrame, 8000))
	}
	require.NoError(t, r.Close())
	file, _ := os.ReadFile(path)
	if _, right := channels(t, file); len(right) < 45*EarFrame || audiotest.RMS(right) < 3000 {
		t.Errorf("%d samples of the agent at %.0f", len(right), audiotest.RMS(right))
	}
}

// blockingFile is a recordFile in memory whose writes wait until pass is closed.
type blockingFile struct {
	memoryFile
	pass    <-chan struct{}
	onWrite func(file []byte)
}

func (f *blockingFile) Write(b []byte) (int, error) {
	<-f.pass
	n, err := f.memoryFile.Write(b)
	if f.onWrite != nil {
		f.onWrite(f.bytes)
	}
	return n, err
}

func (f *blockingFile) Close() error { return nil }

func TestSlowDiskLosesAudioButNotItsPosition(t *testing.T) {
	pass := make(chan struct{})
	f := &blockingFile{pass: pass}
	r := newRecorder(f)
	frame := make([]int16, EarFrame)
	const frames = recordQueue + 40
	for range frames {
		_ = r.Source(constant(1000)).ReadFrame(frame)
	}
	if n := r.Dropped(); n < 39 || n > 40 { // the writer may hold one
		t.Errorf("%d frames dropped of %d", n, frames)
	}
	close(pass)
	for len(r.queue) == recordQueue { // until the writer takes one
		runtime.Gosched()
	}
	_ = r.Source(constant(2000)).ReadFrame(frame)
	require.NoError(t, r.Close())
	left, _ := channels(t, f.bytes)
	if len(left) != (frames+1)*EarFrame || left[len(left)-1] != 2000 || left[len(left)-2*EarFrame] != 0 {
		t.Errorf("the last frame is not at its position: %d samples", len(left))
	}
}

func TestRecordingOfAKilledProcessPlays(t *testing.T) {
	pass := make(chan struct{})
	close(pass)
	files := make(map[int][]byte) // by frames written; these files are not closed
	f := &blockingFile{pass: pass, onWrite: func(file []byte) {
		if n := (len(file) - wavHeaderSize) / (4 * EarFrame); n == 0 || n == 60 {
			files[n] = bytes.Clone(file)
		}
	}}
	r := newRecorder(f)
	for range 60 {
		_ = r.Source(constant(1000)).ReadFrame(make([]int16, EarFrame))
	}
	require.NoError(t, r.Close())
	pcm, _, err := ReadWAV(bytes.NewReader(files[60]), EarRate*10)
	if err != nil || len(pcm) < recordSync*EarFrame {
		t.Errorf("%d samples play, %v", len(pcm), err)
	}
	if pcm, _, err := ReadWAV(bytes.NewReader(files[0]), 1); err != nil || len(pcm) != 0 {
		t.Errorf("before the first frame: %d samples, %v", len(pcm), err)
	}
}

func TestFullDiskEndsTheRecordingNotTheCall(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	r := newRecorder(f)
	for range 3 * recordQueue {
		require.NoError(t, r.Source(constant(1)).ReadFrame(make([]int16, EarFrame)))
	}
	if err := r.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v", err)
	}
}

func TestRecorderReportsAMissingFolder(t *testing.T) {
	if _, err := NewRecorder(filepath.Join(t.TempDir(), "no", "call.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestRecorderDoesNotAllocate(t *testing.T) {
	r := newRecorder(discard{})
	defer r.Close()
	source, sink := r.Source(constant(1)), r.Sink(constant(1))
	in, out := make([]int16, EarFrame), make([]int16, MouthFrame)
	if n := testing.AllocsPerRun(200, func() { _ = source.ReadFrame(in); _ = sink.WriteFrame(out) }); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// discard is a recordFile that keeps nothing.
type discard struct{}

func (discard) Write(b []byte) (int, error)    { return len(b), nil }
func (discard) Seek(int64, int) (int64, error) { return 0, nil }
func (discard) Close() error                   { return nil }
