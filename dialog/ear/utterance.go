package ear

import (
	"context"
	"iter"
	"math"
	"sync"
	"sync/atomic"

	"frontdesk/media"
)

// blockFrames is how many frames are stored together: a second.
const blockFrames = 50

type block [blockFrames * media.EarFrame]int16

var blocks = sync.Pool{New: func() any { return new(block) }}

// speech is the sound of one utterance on its way from the ear's pump, which adds
// frames, to the recogniser, which may read them several times and be slower than
// real time: all is kept until both have released it, and the ear bounds how long an
// utterance may be.
type utterance struct {
	item   string
	more   chan struct{} // a frame was added, or the end
	ended  chan struct{} // closed by end
	taken  chan struct{} // the recogniser took a frame or has released it all
	echo   bool          // the agent may be heard in it
	pauses chan struct{} // the caller pauses
	own    bool          // it was mostly the agent's voice; to be read after the end
	users  atomic.Int32

	mu     sync.Mutex
	blocks []*block
	frames int
	wants  int // the frame the recogniser asked for last
	voiced int // frames up to the last one with speech
}

func newUtterance(item string) *utterance {
	s := &utterance{item: item, more: make(chan struct{}, 1), ended: make(chan struct{}), taken: make(chan struct{}, 1), pauses: make(chan struct{}, 1)}
	s.users.Store(2)
	return s
}

// add appends a frame, copying it.
func (s *utterance) add(frame []int16) {
	s.mu.Lock()
	i := s.frames % blockFrames
	if i == 0 {
		s.blocks = append(s.blocks, blocks.Get().(*block))
	}
	copy(s.blocks[len(s.blocks)-1][i*media.EarFrame:], frame)
	s.frames++
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// voice says that the last frame added holds speech.
func (s *utterance) voice() {
	s.mu.Lock()
	s.voiced = s.frames
	s.mu.Unlock()
}

// pause says that the caller has been silent for earlyWait.
func (s *utterance) pause() {
	select {
	case s.pauses <- struct{}{}:
	default:
	}
}

func (s *utterance) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames
}

// spoken is how many frames there are up to the last one with speech.
func (s *utterance) spoken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.voiced
}

// end says that there is no more; the pump releases its part.
func (s *utterance) end() {
	close(s.ended)
	s.release()
}

func (s *utterance) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// done says that the recogniser asks for no more, and releases its part.
func (s *utterance) done() {
	s.want(math.MaxInt)
	s.release()
}

func (s *utterance) want(i int) {
	s.mu.Lock()
	s.wants = i
	s.mu.Unlock()
	select {
	case s.taken <- struct{}{}:
	default:
	}
}

// settle waits until the recogniser has worked through all frames there are.
func (s *utterance) settle(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		settled := s.wants >= s.frames
		s.mu.Unlock()
		if settled {
			return
		}
		select {
		case <-s.taken:
		case <-ctx.Done():
		}
	}
}

// release is called once by the pump, in end, and once by the recogniser, in done.
func (s *utterance) release() {
	if s.users.Add(-1) > 0 {
		return
	}
	for _, b := range s.blocks {
		blocks.Put(b)
	}
	s.blocks = nil
}

// read yields all frames from the first on, waiting for those to come, until the
// utterance or ctx ends. A frame is valid until the recogniser's release.
func (s *utterance) read(ctx context.Context) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for i := 0; ctx.Err() == nil; {
			s.want(i)
			if frame := s.frame(i); frame != nil {
				if !yield(frame) {
					return
				}
				i++
				continue
			}
			select {
			case <-s.more:
			case <-s.ended:
				if s.frame(i) == nil {
					return
				}
			case <-ctx.Done():
			}
		}
	}
}

// first yields so many frames, which there are.
func (s *utterance) first(n int) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for i := range n {
			if !yield(s.frame(i)) {
				return
			}
		}
	}
}

func (s *utterance) frame(i int) []int16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= s.frames {
		return nil
	}
	at := i % blockFrames * media.EarFrame
	return s.blocks[i/blockFrames][at : at+media.EarFrame : at+media.EarFrame]
}
