package media

import "time"

const (
	jitterSlots  = 64   // packets held at most
	jitterBytes  = 1500 // of a payload; longer ones are dropped
	jitterMin    = 2    // packets of delay at least: the one after a lost one is there
	jitterMax    = 12   // and at most
	jitterResync = 200  // a jump in sequence numbers that means a new stream
)

// Arrival is what a jitter buffer has for the next moment.
type Arrival int

const (
	Packet  Arrival = iota // a payload to decode
	Missed                 // a packet that did not come in time, while later ones did
	Nothing                // no packet at all: silence, or the buffer is filling
)

// JitterStats counts packets since the beginning.
type JitterStats struct {
	Received, Lost, Late, Dropped int
	Delay                         int // packets the buffer aims to hold
}

// JitterBuffer puts the packets of one RTP stream back in order and holds them just
// long enough for the network's jitter, estimated as in RFC 3550, section 6.4.1. Its
// memory is bounded, and as much as the stream's own packets need: once its slots have
// held some it allocates no more. Not safe for concurrent use.
type JitterBuffer struct {
	slots   [jitterSlots]slot
	next    uint16 // sequence number to play next
	held    int
	started bool // next is known
	filling bool // waiting for target packets before playing
	target  int
	stats   JitterStats

	jitter  float64 // packet time units
	transit float64 // of the last packet, in seconds
	rate    float64 // RTP clock, Hz
	gap     float64 // seconds of sound per packet
	stamp   uint32
	seq     uint16
}

type slot struct {
	full    bool
	seq     uint16
	payload []byte
}

// NewJitterBuffer makes a buffer for a stream whose RTP clock runs at rate Hz.
func NewJitterBuffer(rate int) *JitterBuffer {
	return &JitterBuffer{rate: float64(rate), gap: FrameTime.Seconds(), filling: true, target: 2}
}

// Push takes a packet that arrived at the time at. It copies payload.
func (j *JitterBuffer) Push(seq uint16, stamp uint32, payload []byte, at time.Time) {
	if len(payload) > jitterBytes {
		j.stats.Dropped++
		return
	}
	if ahead := int16(seq - j.next); j.started && (ahead > jitterResync || ahead < -jitterResync) {
		j.restart()
	}
	if !j.started {
		j.started, j.next = true, seq
		j.transit, j.stamp, j.seq = transit(at, stamp, j.rate), stamp, seq
	}
	if len(payload) > 0 { // the time stamps of keys stand still
		j.measure(seq, stamp, at)
	}
	ahead := int16(seq - j.next)
	if ahead < 0 {
		if j.filling && j.held+int(-ahead) < jitterSlots && j.stats.Received < jitterSlots {
			j.next = seq // the stream began out of order
		} else {
			j.stats.Late++
			return
		}
	}
	for int(int16(seq-j.next)) >= jitterSlots { // full: what is oldest goes
		j.drop()
	}
	s := &j.slots[seq%jitterSlots]
	if s.full {
		return // a duplicate
	}
	s.full, s.seq, s.payload = true, seq, append(s.payload[:0], payload...)
	j.held++
	j.stats.Received++
}

// measure updates the jitter estimate and the delay the buffer aims at.
func (j *JitterBuffer) measure(seq uint16, stamp uint32, at time.Time) {
	if n := int16(seq - j.seq); n == 1 {
		if gap := float64(stamp-j.stamp) / j.rate; gap >= 0.0025 && gap <= 0.12 {
			j.gap = gap
		}
	} else if n <= 0 {
		return // out of order says nothing about jitter that a late one does not
	}
	j.seq, j.stamp = seq, stamp
	now := transit(at, stamp, j.rate)
	d := now - j.transit
	j.transit = now
	if d < 0 {
		d = -d
	}
	if d > 1 { // the sender's clock jumped, or silence was not counted
		return
	}
	if d > j.jitter {
		j.jitter += (d - j.jitter) / 4 // up quickly
	} else {
		j.jitter += (d - j.jitter) / 64 // down slowly
	}
	j.target = min(max(1+int(3*j.jitter/j.gap+0.5), jitterMin), jitterMax)
	j.stats.Delay = j.target
}

func transit(at time.Time, stamp uint32, rate float64) float64 {
	return float64(at.UnixMicro()%(1<<40))/1e6 - float64(stamp)/rate
}

// Pop gives what is to be played next; payload is valid until the next Push. quiet
// says that the sound just played was silence, so that a packet may be skipped
// unheard when more are held than needed.
func (j *JitterBuffer) Pop(quiet bool) (payload []byte, got Arrival) {
	if j.filling {
		if j.held < j.target {
			return nil, Nothing
		}
		j.filling = false
		for !j.slots[j.next%jitterSlots].full {
			j.next++ // what came before the first packet never was
		}
	}
	if j.held == 0 {
		j.filling = true
		return nil, Nothing
	}
	if over := j.held - j.target; over > jitterMax || quiet && over > 1 {
		j.drop()
	}
	s := &j.slots[j.next%jitterSlots]
	j.next++
	if !s.full {
		j.stats.Lost++
		return nil, Missed
	}
	s.full = false
	j.held--
	return s.payload, Packet
}

// Peek gives the payload that Pop is to give next where it has come, or nil; it is valid
// until the next Push. After a missed packet it is the one that follows.
func (j *JitterBuffer) Peek() []byte {
	s := &j.slots[j.next%jitterSlots]
	if !s.full {
		return nil
	}
	return s.payload
}

// drop gives up the next packet.
func (j *JitterBuffer) drop() {
	s := &j.slots[j.next%jitterSlots]
	j.next++
	if s.full {
		s.full = false
		j.held--
		j.stats.Dropped++
	} else {
		j.stats.Lost++
	}
}

func (j *JitterBuffer) restart() {
	for i := range j.slots {
		j.slots[i].full = false
	}
	j.held, j.started, j.filling = 0, false, true
}

// switchTo begins anew with a stream whose RTP clock runs at rate Hz; the counts go on.
func (j *JitterBuffer) switchTo(rate int) {
	j.restart()
	j.rate = float64(rate)
}

// Stats returns what has been counted.
func (j *JitterBuffer) Stats() JitterStats { return j.stats }
