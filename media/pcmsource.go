package media

import (
	"io"
	"sync"
)

// sourceQueue bounds the audio that waits in a PCMSource: 30 s.
const sourceQueue = 30 * EarRate

// PCMSource turns PCM that arrives in pieces, perhaps faster than real time, into a
// Source. Write, Clear and Close may be called from any goroutine, ReadFrame from one.
type PCMSource struct {
	clock *clock

	mu    sync.Mutex
	queue []int16 // grows as needed
	head  int     // samples of queue that were read
}

// NewPCMSource returns an empty source.
func NewPCMSource() *PCMSource { return &PCMSource{clock: newClock()} }

// Write queues pcm (EarRate mono), which it does not keep. The queue holds 30 s and the
// rest is dropped: Write returns how many samples it queued.
func (s *PCMSource) Write(pcm []int16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head > 0 && len(s.queue)+len(pcm) > cap(s.queue) {
		s.queue, s.head = s.queue[:copy(s.queue, s.queue[s.head:])], 0
	}
	n := min(len(pcm), sourceQueue-(len(s.queue)-s.head))
	s.queue = append(s.queue, pcm[:n]...)
	return n
}

// Clear drops the queue.
func (s *PCMSource) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.head = s.queue[:0], 0
}

// ReadFrame implements Source.
func (s *PCMSource) ReadFrame(frame []int16) error {
	if !s.clock.wait() {
		return io.EOF
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := copy(frame[:EarFrame], s.queue[s.head:])
	clear(frame[n:EarFrame])
	if s.head += n; s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	return nil
}

// Close makes ReadFrame return io.EOF.
func (s *PCMSource) Close() error {
	s.clock.stop()
	return nil
}
