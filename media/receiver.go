package media

import (
	"io"
	"sync"
	"time"
)

const (
	quietLevel = 300                    // mean absolute sample below which nothing is lost by skipping
	stall      = 200 * time.Millisecond // after which a clock starts anew instead of catching up
)

// clock ticks every FrameTime without drift for the one goroutine that waits on it.
type clock struct {
	timer *time.Timer
	next  time.Time
	done  chan struct{}
	once  sync.Once
}

func newClock() *clock {
	return &clock{timer: time.NewTimer(0), done: make(chan struct{})}
}

// wait blocks until the next tick and reports false once the clock is stopped.
func (c *clock) wait() bool {
	now := time.Now()
	if c.next.IsZero() || now.Sub(c.next) > stall {
		c.next = now
	}
	c.next = c.next.Add(FrameTime)
	c.timer.Reset(time.Until(c.next))
	select {
	case <-c.done:
		c.timer.Stop()
		return false
	case <-c.timer.C:
		return true
	}
}

func (c *clock) stop() { c.once.Do(func() { close(c.done) }) }

// Receiver makes an RTP stream into a Source: jitter buffer, decoder, concealment of
// what was lost, silence where nothing comes. Push and Close may be called from any
// goroutine, ReadFrame from one.
type Receiver struct {
	dec   Decoder
	own   Concealer // dec, where it can conceal
	hide  concealer // where it cannot
	fade  fader
	clock *clock
	pcm   []int16 // decoded, not yet read
	last  int     // samples in the packet before
	quiet bool

	mu        sync.Mutex
	jitter    *JitterBuffer
	next      Decoder // in place of dec from the next packet on, or nil
	malformed int
	payload   [jitterBytes]byte
}

// NewReceiver receives a stream whose RTP clock runs at rate Hz.
func NewReceiver(dec Decoder, rate int) *Receiver {
	own, _ := dec.(Concealer)
	return &Receiver{
		dec: dec, own: own, clock: newClock(), jitter: NewJitterBuffer(rate),
		pcm: make([]int16, 0, 2*maxOpusSamples), last: EarFrame, quiet: true,
	}
}

// Switch receives a stream of another kind from now on: what has come and was not read yet
// is dropped. It may be called from any goroutine.
func (r *Receiver) Switch(dec Decoder, rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jitter.switchTo(rate)
	r.next = dec
}

// Push takes a packet from the network. It copies payload and never waits for the reader.
// An empty payload has its place in the stream but no sound: comfort noise, a key.
func (r *Receiver) Push(seq uint16, stamp uint32, payload []byte) {
	now := time.Now()
	r.mu.Lock()
	r.jitter.Push(seq, stamp, payload, now)
	r.mu.Unlock()
}

// ReadFrame implements Source.
func (r *Receiver) ReadFrame(frame []int16) error {
	if !r.clock.wait() {
		return io.EOF
	}
	r.read(frame)
	return nil
}

// read fills frame with the next 20 ms.
func (r *Receiver) read(frame []int16) {
	for len(r.pcm) < EarFrame {
		packet, got := r.pop()
		if got != Packet {
			r.conceal(packet, got)
		} else if len(packet) == 0 {
			r.conceal(nil, Nothing)
		} else if pcm, err := r.dec.Decode(r.pcm, packet); err == nil {
			r.heard(pcm)
		} else {
			r.mu.Lock()
			r.malformed++
			r.mu.Unlock()
			r.conceal(nil, Missed)
		}
	}
	copy(frame, r.pcm[:EarFrame])
	r.pcm = r.pcm[:copy(r.pcm, r.pcm[EarFrame:])]
	r.quiet = isQuiet(frame)
}

// heard takes pcm, which is r.pcm and a good packet.
func (r *Receiver) heard(pcm []int16) {
	piece := pcm[len(r.pcm):]
	if r.own == nil {
		r.hide.heard(piece)
	}
	r.fade.up(piece)
	r.pcm, r.last = pcm, len(piece)
}

// conceal makes up for a packet that is not there: of what next holds of it, of the past
// for some frames, of silence in the end.
func (r *Receiver) conceal(next []byte, got Arrival) {
	n, limit := r.last, concealLost
	if got == Nothing { // which lasts no longer than a frame
		n, limit = max(EarFrame-len(r.pcm), 0), concealDry
	}
	before := len(r.pcm)
	if r.own != nil && (!r.fade.silent() || len(next) > 0) {
		if pcm, err := r.own.Conceal(r.pcm, next); err == nil {
			r.pcm = pcm
			if len(next) > 0 {
				r.fade.up(pcm[before:])
			} else {
				r.fade.down(pcm[before:], limit)
			}
			return
		}
	}
	r.pcm = r.pcm[:before+n]
	piece := r.pcm[before:]
	if r.own != nil || r.fade.silent() {
		clear(piece)
		r.fade.gain = 0
		r.hide.forget()
		return
	}
	r.hide.fill(piece)
	r.fade.down(piece, limit)
}

// pop takes the next packet out of the buffer's lock, or with Missed the one after it,
// which is empty unless it has come.
func (r *Receiver) pop() ([]byte, Arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		r.dec, r.next, r.last = r.next, nil, EarFrame
		r.own, _ = r.dec.(Concealer)
		r.hide.forget()
	}
	p, got := r.jitter.Pop(r.quiet)
	if got == Missed {
		p = r.jitter.Peek()
	}
	return r.payload[:copy(r.payload[:], p)], got
}

func isQuiet(frame []int16) bool {
	sum := 0
	for _, s := range frame {
		if s < 0 {
			sum -= int(s)
		} else {
			sum += int(s)
		}
	}
	return sum < quietLevel*len(frame)
}

// Stats counts the stream's packets, and those the decoder refused.
func (r *Receiver) Stats() (s JitterStats, malformed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.jitter.Stats(), r.malformed
}

// Close makes ReadFrame return io.EOF.
func (r *Receiver) Close() error {
	r.clock.stop()
	return nil
}
