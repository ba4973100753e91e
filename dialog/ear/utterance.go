package ear

import (
	"context"
	"iter"
	"math"
	"sync"
	"sync/atomic"

	"frontdesk/media"
)

// blockFrames is how many frames are stored together: one second.
const blockFrames = 50

type block struct {
	pcm    [blockFrames * media.EarFrame]int16
	voiced [blockFrames]bool // whether each frame holds the caller's voice
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// utterance is the audio of one utterance on its way from the pump, which adds frames, to
// the recognizer, which may read them several times and slower than real time. All frames
// are kept until both have released it; maxUtterance bounds their number.
type utterance struct {
	item      string
	mayBeEcho bool // the agent's own voice may be in it
	isEcho    bool // it was mostly the agent's voice; valid after the end
	isNoisy   bool // the background was too loud to understand it well; valid after the end

	added  chan struct{} // a frame was added
	ended  chan struct{} // closed by end
	read   chan struct{} // the recognizer has asked for a frame, or for no more
	paused chan struct{} // the caller has been silent for earlySilence
	users  atomic.Int32  // that have not released it

	mu        sync.Mutex
	blocks    []*block
	frames    int
	requested int // index of the frame that the recognizer asked for last
	speechEnd int // frames up to the last one with speech
}

func newUtterance(item string) *utterance {
	u := &utterance{
		item:  item,
		added: make(chan struct{}, 1), ended: make(chan struct{}), read: make(chan struct{}, 1), paused: make(chan struct{}, 1),
	}
	u.users.Store(2)
	return u
}

// notify sends to a channel with room for one value, unless there is one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add appends a copy of frame. isVoiced says that it holds the caller's voice.
func (u *utterance) add(frame []int16, isVoiced bool) {
	u.mu.Lock()
	i := u.frames % blockFrames
	if i == 0 {
		u.blocks = append(u.blocks, blocks.Get().(*block))
	}
	b := u.blocks[len(u.blocks)-1]
	copy(b.pcm[i*media.EarFrame:], frame)
	b.voiced[i] = isVoiced
	u.frames++
	u.mu.Unlock()
	notify(u.added)
}

// markSpeech notes that the last frame holds speech.
func (u *utterance) markSpeech() {
	u.mu.Lock()
	u.speechEnd = u.frames
	u.mu.Unlock()
}

// signalPause tells the recognizer that the caller has been silent for earlySilence.
func (u *utterance) signalPause() { notify(u.paused) }

// lengths returns the number of frames, and of those up to the last one with speech.
func (u *utterance) lengths() (frames, speechEnd int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.frames, u.speechEnd
}

// end says that no frame follows, and releases the pump's part.
func (u *utterance) end() {
	close(u.ended)
	u.release()
}

func (u *utterance) hasEnded() bool {
	select {
	case <-u.ended:
		return true
	default:
		return false
	}
}

// done says that the recognizer reads no more, and releases its part.
func (u *utterance) done() {
	u.request(math.MaxInt)
	u.release()
}

func (u *utterance) request(i int) {
	u.mu.Lock()
	u.requested = i
	u.mu.Unlock()
	notify(u.read)
}

// waitUntilRead returns when the recognizer has asked for more frames than there are, or
// ctx ends.
func (u *utterance) waitUntilRead(ctx context.Context) {
	for ctx.Err() == nil {
		u.mu.Lock()
		isRead := u.requested >= u.frames
		u.mu.Unlock()
		if isRead {
			return
		}
		select {
		case <-u.read:
		case <-ctx.Done():
		}
	}
}

// release gives the blocks back when the pump and the recognizer have both called it.
func (u *utterance) release() {
	if u.users.Add(-1) > 0 {
		return
	}
	for _, b := range u.blocks {
		blocks.Put(b)
	}
	u.blocks = nil
}

// all yields the frames from the first on, and waits for further ones until the utterance
// or ctx ends. Each frame is valid until the recognizer calls done.
func (u *utterance) all(ctx context.Context) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		u.voiced(ctx)(func(frame []int16, _ bool) bool { return yield(frame) })
	}
}

// voiced is all, with whether each frame holds the caller's voice.
func (u *utterance) voiced(ctx context.Context) iter.Seq2[[]int16, bool] {
	return func(yield func([]int16, bool) bool) {
		for i := 0; ctx.Err() == nil; {
			u.request(i)
			if frame, isVoiced := u.frame(i); frame != nil {
				if !yield(frame, isVoiced) {
					return
				}
				i++
				continue
			}
			select {
			case <-u.added:
			case <-u.ended:
				if frame, _ := u.frame(i); frame == nil {
					return
				}
			case <-ctx.Done():
			}
		}
	}
}

// first yields the first n frames, which must have been added.
func (u *utterance) first(n int) iter.Seq[[]int16] {
	return func(yield func([]int16) bool) {
		for i := range n {
			if frame, _ := u.frame(i); !yield(frame) {
				return
			}
		}
	}
}

// frame returns frame i and whether it holds the caller's voice, or nil if it has not been
// added.
func (u *utterance) frame(i int) ([]int16, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if i >= u.frames {
		return nil, false
	}
	b, i := u.blocks[i/blockFrames], i%blockFrames
	at := i * media.EarFrame
	return b.pcm[at : at+media.EarFrame : at+media.EarFrame], b.voiced[i]
}
