package media

import (
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	recordQueue = 100 // stereo frames that may wait for the disk: 2 s
	recordDrift = 10  // frames that one side may be ahead of the other
	recordSync  = 50  // frames between two corrections of the header: 1 s
)

// Recorder writes a call as a WAV file with two channels at EarRate: the caller left, the
// agent right. It joins the two sides frame by frame as they come. Nobody waits for the
// disk: when it is more than 2 s late, audio is lost from the file, counted and replaced
// with silence. The header is corrected every second, so that the file plays even if the
// process is killed.
type Recorder struct {
	file  recordFile
	queue chan stereoFrame
	done  chan struct{}

	mu      sync.Mutex
	next    int64 // number of the next frame
	agent   []int16
	down    *Resampler
	silence [MouthFrame]int16
	closed  bool
	dropped int
	err     error // of the file; nothing is written after it
}

type recordFile interface {
	io.WriteSeeker
	io.Closer
}

type stereoFrame struct {
	number  int64
	samples [2 * EarFrame]int16
}

// NewRecorder creates the file path, which must not exist, readable only by its owner.
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

// Source returns src, recorded on the left.
func (r *Recorder) Source(src Source) Source { return recordedSource{src, r} }

type recordedSource struct {
	Source
	r *Recorder
}

func (s recordedSource) ReadFrame(frame []int16) error {
	err := s.Source.ReadFrame(frame)
	if err == nil {
		s.r.addCaller(frame)
	}
	return err
}

// Sink returns sink, recorded on the right.
func (r *Recorder) Sink(sink Sink) Sink { return recordedSink{sink, r} }

type recordedSink struct {
	Sink
	r *Recorder
}

func (s recordedSink) WriteFrame(frame []int16) error {
	s.r.addAgent(frame)
	return s.Sink.WriteFrame(frame)
}

// addCaller queues a frame of the caller together with one of the agent.
func (r *Recorder) addCaller(frame []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emit(frame)
}

// addAgent holds a frame of the agent until the caller's frame comes. When no frames of
// the caller come, it queues the agent's frames with silence on the left.
func (r *Recorder) addAgent(frame []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame == nil {
		frame = r.silence[:]
	}
	r.agent = r.down.Process(r.agent, frame)
	for len(r.agent) > recordDrift*EarFrame {
		r.emit(nil)
	}
}

// emit queues the next frame of both sides. It is called with mu held.
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

// write is the goroutine that alone uses the file.
func (r *Recorder) write() {
	defer close(r.done)
	wav, err := newWAVWriter(r.file, EarRate, 2, 2*EarFrame)
	r.fail(err)
	next, synced := int64(0), int64(0)
	var silence stereoFrame
	for f := range r.queue {
		if err != nil {
			continue // after an error the queue is only emptied
		}
		for ; err == nil && next < f.number; next++ { // frames that were dropped
			err = wav.writeBlock(silence.samples[:])
		}
		if err == nil {
			err = wav.writeBlock(f.samples[:])
			next++
		}
		if err == nil && next-synced >= recordSync {
			synced, err = next, wav.sync()
		}
		r.fail(err)
	}
	if err == nil {
		err = wav.sync()
	}
	r.fail(err)
	r.fail(r.file.Close())
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

// Err returns the error that ended the recording before the call ended, such as a full
// disk, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Dropped returns how many frames were lost because the disk was too slow.
func (r *Recorder) Dropped() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

// Close writes the queued frames, closes the file and returns what Err does. The wrapped
// source and sink continue without recording. It may be called more than once.
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
