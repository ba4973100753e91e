package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	recordQueue = 100 // stereo frames that wait for the disk: 2 s
	recordDrift = 10  // frames one side may be ahead of the other
	recordPatch = 50  // frames between two corrections of the header: 1 s
)

// Recorder writes a call as a WAV file of two channels at EarRate, the caller left and
// the agent right. The sides are put together frame by frame as they come. Nobody
// waits for the disk: when it is more than 2 s late, sound is lost from the file and
// counted, and silence keeps its place. The header is corrected every second, so that
// the file plays even if the process is killed.
type Recorder struct {
	file  recordFile
	queue chan stereoFrame
	done  chan struct{}

	mu      sync.Mutex
	next    int64 // number of the next frame
	agent   []int16
	down    *Resampler
	mute    [MouthFrame]int16
	closed  bool
	dropped int
	err     error // of the file; nothing is written after it
}

type recordFile interface {
	io.WriterAt
	io.Closer
}

type stereoFrame struct {
	number  int64
	samples [2 * EarFrame]int16
}

// NewRecorder creates the file path, which must not exist, readable by its owner only.
func NewRecorder(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return newRecorder(f), nil
}

func newRecorder(f recordFile) *Recorder {
	r := &Recorder{
		file: f, queue: make(chan stereoFrame, recordQueue), done: make(chan struct{}),
		agent: make([]int16, 0, (recordDrift+2)*EarFrame), down: NewResampler(MouthRate, EarRate),
	}
	go r.write()
	return r
}

// Source records what is read from src on the left.
func (r *Recorder) Source(src Source) Source { return recordedSource{src, r} }

type recordedSource struct {
	Source
	r *Recorder
}

func (s recordedSource) ReadFrame(frame []int16) error {
	err := s.Source.ReadFrame(frame)
	if err == nil {
		s.r.caller(frame)
	}
	return err
}

// Sink records what is written to sink on the right.
func (r *Recorder) Sink(sink Sink) Sink { return recordedSink{sink, r} }

type recordedSink struct {
	Sink
	r *Recorder
}

func (s recordedSink) WriteFrame(frame []int16) error {
	s.r.speaks(frame)
	return s.Sink.WriteFrame(frame)
}

// caller puts a frame beside what the agent said meanwhile.
func (r *Recorder) caller(frame []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(frame)
}

// speaks keeps a frame of the agent until the caller's comes. When the caller's stay
// away, the agent's are written beside silence.
func (r *Recorder) speaks(frame []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame == nil {
		frame = r.mute[:]
	}
	r.agent = r.down.Process(r.agent, frame)
	for len(r.agent) > recordDrift*EarFrame {
		r.emit(nil)
	}
}

// emit queues the next frame of both. Called with mu held.
func (r *Recorder) emit(caller []int16) {
	if r.closed {
		r.agent = r.agent[:0]
		return
	}
	f := stereoFrame{number: r.next}
	r.next++
	for i, s := range caller {
		f.samples[2*i] = s
	}
	if len(r.agent) >= EarFrame {
		for i, s := range r.agent[:EarFrame] {
			f.samples[2*i+1] = s
		}
		r.agent = r.agent[:copy(r.agent, r.agent[EarFrame:])]
	}
	select {
	case r.queue <- f:
	default:
		r.dropped++
	}
}

// write is the goroutine that alone touches the file. A frame's number is its place, so
// that the frames lost before it are a hole, which reads as silence.
func (r *Recorder) write() {
	defer close(r.done)
	var b [4 * EarFrame]byte
	end, patched := int64(0), int64(0)
	err := r.patch(0)
	r.fail(err)
	for f := range r.queue {
		if err != nil {
			continue // only makes room
		}
		for i, s := range f.samples {
			binary.LittleEndian.PutUint16(b[2*i:], uint16(s))
		}
		if _, err = r.file.WriteAt(b[:], wavHeaderSize+f.number*int64(len(b))); err == nil {
			if end = f.number + 1; end-patched >= recordPatch {
				patched, err = end, r.patch(end)
			}
		}
		r.fail(err)
	}
	if err == nil {
		err = r.patch(end)
	}
	r.fail(err)
	r.fail(r.file.Close())
}

// patch writes a header for frames frames.
func (r *Recorder) patch(frames int64) error {
	h := wavHeader(EarRate, 2, frames*4*EarFrame)
	_, err := r.file.WriteAt(h[:], 0)
	return err
}

// fail keeps the first error.
func (r *Recorder) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = fmt.Errorf("record: %w", err)
	}
}

// Err is what ended the recording before the call, such as a full disk, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Dropped is how many frames the disk was too slow for.
func (r *Recorder) Dropped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Close writes what waits, closes the file and returns what Err does. The decorated
// source and sink go on without being recorded. Closing again does nothing more.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
	return r.Err()
}
