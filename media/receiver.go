package media

import (
	"io"
	"sync"
	"time"
)

const (
	quietLevel = 300                    // mean absolute sample below which a packet may be skipped unheard
	stall      = 200 * time.Millisecond // delay after which a clock restarts instead of catching up
)

// clock ticks every FrameTime without drift. One goroutine waits on it.
type clock struct {
	timer *time.Timer
	next  time.Time
	done  chan struct{}
	once  sync.Once
}

func newClock() *clock {
	return &clock{timer: time.NewTimer(0), done: make(chan struct{})}
}

// wait blocks until the next tick. It returns false once the clock is stopped.
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

// Receiver turns an RTP stream into a Source: jitter buffer, decoder, packet loss
// concealment, and silence where no packets come. Push, Switch, Stats and Close may be
// called from any goroutine, ReadFrame from one.
type Receiver struct {
	dec       Decoder
	concealer Concealer // dec, if it is one
	repeater  repeater  // conceals if dec is not
	fade      fader
	clock     *clock
	pcm       []int16 // decoded, not yet read
	last      int     // samples in the previous packet
	quiet     bool    // the previous frame was

	mu        sync.Mutex
	jitter    *JitterBuffer
	next      Decoder // replaces dec at the next packet, if not nil
	malformed int
	payload   [jitterBytes]byte
}

// NewReceiver returns a Receiver for a stream whose RTP clock runs at rate Hz.
func NewReceiver(dec Decoder, rate int) *Receiver {
	own, _ := dec.(Concealer)
	return &Receiver{
		dec: dec, concealer: own, clock: newClock(), jitter: NewJitterBuffer(rate),
		pcm: make([]int16, 0, 2*maxOpusSamples), last: EarFrame, quiet: true,
	}
}

// Switch changes to another decoder and RTP clock rate. Packets that were not read yet are
// dropped.
func (r *Receiver) Switch(dec Decoder, rate int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jitter.setRate(rate)
	r.next = dec
}

// Push adds a packet from the network. It copies payload and never waits for the reader.
// An empty payload has a place in the stream but no audio: comfort noise or DTMF.
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
			r.add(pcm)
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

// add makes pcm, which is r.pcm and a decoded packet, the new r.pcm.
func (r *Receiver) add(pcm []int16) {
	piece := pcm[len(r.pcm):]
	if r.concealer == nil {
		r.repeater.add(piece)
	}
	r.fade.up(piece)
	r.pcm, r.last = pcm, len(piece)
}

// conceal fills in for a packet that is not there: with the copy of its audio that next
// holds, with an extrapolation of the past for some frames, and then with silence.
func (r *Receiver) conceal(next []byte, got Arrival) {
	n, limit := r.last, concealLost
	if got == Nothing { // fill no more than the frame
		n, limit = max(EarFrame-len(r.pcm), 0), concealDry
	}
	before := len(r.pcm)
	if r.concealer != nil && (!r.fade.isSilent() || len(next) > 0) {
		if pcm, err := r.concealer.Conceal(r.pcm, next); err == nil {
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
	if r.concealer != nil || r.fade.isSilent() {
		clear(piece)
		r.fade.gain = 0
		r.repeater.stop()
		return
	}
	r.repeater.fill(piece)
	r.fade.down(piece, limit)
}

// pop returns a copy of the next packet; with Missed, of the packet after it, which is
// empty if it has not arrived.
func (r *Receiver) pop() ([]byte, Arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next != nil {
		r.dec, r.next, r.last = r.next, nil, EarFrame
		r.concealer, _ = r.dec.(Concealer)
		r.repeater.stop()
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

// Stats returns the packet counts of the stream, and how many packets were malformed.
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
