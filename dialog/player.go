package dialog

import (
	"context"
	"sync"
	"time"

	"frontdesk/media"
)

const (
	playerQueue = 3 * media.MouthRate // samples that wait to be played
	duckShift   = 3                   // a ducked voice is 18 dB down
)

// pacer is a player on a plain ticker.
type pacer struct {
	sink media.Sink
	room chan struct{} // the queue got shorter

	mu     sync.Mutex
	queue  []int16 // playerQueue long, a ring
	head   int     // of what waits
	size   int
	played int64
	ducked bool
}

func newPlayer(sink media.Sink) player {
	return &pacer{sink: sink, room: make(chan struct{}, 1), queue: make([]int16, playerQueue)}
}

// Run implements player.
func (p *pacer) Run(ctx context.Context) error {
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	frame := make([]int16, media.MouthFrame)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		var err error
		if p.next(frame) {
			err = p.sink.WriteFrame(frame)
		} else {
			err = p.sink.WriteFrame(nil)
		}
		if err != nil {
			return err
		}
	}
}

// next takes the next frame, filled up with silence, and reports whether there is one.
func (p *pacer) next(frame []int16) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(p.size, len(frame))
	for i := range n {
		frame[i] = p.queue[(p.head+i)%playerQueue]
		if p.ducked {
			frame[i] >>= duckShift
		}
	}
	clear(frame[n:])
	p.head = (p.head + n) % playerQueue
	p.size -= n
	p.played += int64(n)
	select {
	case p.room <- struct{}{}:
	default:
	}
	return n > 0
}

// Write implements player.
func (p *pacer) Write(ctx context.Context, pcm []int16) error {
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

func (p *pacer) put(pcm []int16) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(pcm), playerQueue-p.size)
	for i := range n {
		p.queue[(p.head+p.size+i)%playerQueue] = pcm[i]
	}
	p.size += n
	return n
}

// Played implements player.
func (p *pacer) Played() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.played
}

// Flush implements player.
func (p *pacer) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size = 0
}

// Duck implements player.
func (p *pacer) Duck(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ducked = on
}
