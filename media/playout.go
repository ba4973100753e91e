package media

import (
	"context"
	"sync"
	"time"
)

const (
	playoutQueue = MouthRate // samples that may wait to be played
	duckGain     = 0.126     // -18 dB
	gainStep     = 1.0 / (MouthRate * 10 / 1000)
	maxCatchUp   = 3 // frames sent at once after a stall; the clock skips the others
)

// Playout sends PCM at MouthRate to a Sink, one frame every FrameTime on a clock
// that does not drift: deadlines are counted from the start, not from the last
// frame. Write, Played, Flush and Duck may be called from any goroutine. Playing
// a frame does not allocate.
type Playout struct {
	sink Sink
	room chan struct{} // signals that the queue got shorter

	mu     sync.Mutex
	queue  []int16 // a ring, playoutQueue long
	head   int     // the next sample to play
	size   int
	played int64
	fading bool    // the next frame fades out and is the last one
	gain   float32 // current gain
	target float32 // gain to ramp to
	isHeld bool    // nothing is played once gain is 0
}

// NewPlayout returns a Playout to sink. Run plays.
func NewPlayout(sink Sink) *Playout {
	return &Playout{sink: sink, room: make(chan struct{}, 1), queue: make([]int16, playoutQueue), gain: 1, target: 1}
}

// Run runs the clock. It calls Sink.WriteFrame once per FrameTime, with nil when there
// is nothing to play, until ctx ends (it returns nil) or the sink fails. After a
// stall of the machine it catches up by at most a few frames.
func (p *Playout) Run(ctx context.Context) error {
	timer := time.NewTimer(FrameTime)
	defer timer.Stop()
	frame := make([]int16, MouthFrame)
	next := time.Now().Add(FrameTime)
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		for n := 0; !time.Now().Before(next); n++ {
			if n == maxCatchUp {
				next = time.Now().Add(FrameTime)
				break
			}
			if err := p.tick(frame); err != nil {
				return err
			}
			next = next.Add(FrameTime)
		}
		timer.Reset(time.Until(next))
	}
}

func (p *Playout) tick(frame []int16) error {
	if p.next(frame) {
		return p.sink.WriteFrame(frame)
	}
	return p.sink.WriteFrame(nil)
}

// next fills frame with the next samples and then silence. It returns false if there are
// none.
func (p *Playout) next(frame []int16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(p.size, len(frame))
	if p.isHeld && p.gain == 0 {
		return false
	}
	if n == 0 {
		p.gain, p.fading = p.target, false // without audio a jump is inaudible
		return false
	}
	for i := range n {
		switch {
		case p.gain < p.target:
			p.gain = min(p.gain+gainStep, p.target)
		case p.gain > p.target:
			p.gain = max(p.gain-gainStep, p.target)
		}
		s := float32(p.queue[(p.head+i)%playoutQueue]) * p.gain
		if p.fading {
			s *= float32(n-i) / float32(n)
		}
		frame[i] = int16(s)
	}
	clear(frame[n:])
	p.head = (p.head + n) % playoutQueue
	p.size -= n
	if p.fading {
		p.size, p.fading = 0, false
	} else {
		p.played += int64(n)
	}
	p.signal()
	return true
}

func (p *Playout) signal() {
	select {
	case p.room <- struct{}{}:
	default:
	}
}

// Write queues pcm, which it does not keep, and waits while the queue (1 s) is full.
// One goroutine may write at a time.
func (p *Playout) Write(ctx context.Context, pcm []int16) error {
	for {
		pcm = pcm[p.put(pcm):]
		if len(pcm) == 0 {
			return nil
		}
		select {
		case <-p.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *Playout) put(pcm []int16) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fading { // drop the flushed audio; the new audio comes after it
		p.size, p.fading = 0, false
	}
	n := min(len(pcm), playoutQueue-p.size)
	tail := (p.head + p.size) % playoutQueue
	copied := copy(p.queue[tail:], pcm[:n])
	copy(p.queue, pcm[copied:n])
	p.size += n
	return n
}

// Played returns how many written samples have been played, ever. Samples that Flush
// dropped or faded out do not count.
func (p *Playout) Played() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.played
}

// Flush drops what has not been played. The audio fades out within the next frame, so
// that it does not click.
func (p *Playout) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.gain == 0: // already silent
		p.size = 0
	case p.size > 0:
		p.size, p.fading = min(p.size, MouthFrame), true
	}
	p.signal()
}

// Level is the volume of a Playout.
type Level int

const (
	Full Level = iota
	Low        // ducked by 18 dB
	Held       // paused: the queue waits, and nothing is lost
)

// Duck changes the level within 10 ms.
func (p *Playout) Duck(to Level) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target, p.isHeld = [...]float32{1, duckGain, 0}[to], to == Held
}
