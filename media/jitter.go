package media

import "time"

const (
	jitterSlots  = 64   // most packets held
	jitterBytes  = 1500 // longest payload; longer ones are dropped
	jitterMin    = 2    // least delay in packets, so that the packet after a lost one is there
	jitterMax    = 12   // greatest delay in packets
	jitterResync = 200  // jump of sequence numbers that means a new stream
)

// Arrival says what a JitterBuffer has for the next moment.
type Arrival int

const (
	Packet  Arrival = iota // a payload to decode
	Missed                 // this packet did not come in time, but later ones did
	Nothing                // no packet at all: silence, or the buffer is filling
)

// JitterStats counts packets since the beginning.
type JitterStats struct {
	Received, Lost, Late, Dropped int
	Delay                         int // packets the buffer aims to hold
}

// JitterBuffer puts the packets of one RTP stream in order and holds them just long
// enough for the network's jitter, estimated as in RFC 3550, section 6.4.1. Its memory is
// bounded, and it allocates nothing once every slot has held a packet. It is not safe for
// concurrent use.
type JitterBuffer struct {
	slots   [jitterSlots]slot
	next    uint16 // sequence number to play next
	held    int
	started bool // next is set
	filling bool // waits for target packets before playing
	target  int
	stats   JitterStats

	jitter  float64 // packet time units
	transit float64 // of the last packet, in seconds
	rate    float64 // RTP clock, Hz
	gap     float64 // seconds of audio per packet
	stamp   uint32
	seq     uint16
}

type slot struct {
	full    bool
	payload []byte
}

// NewJitterBuffer returns a buffer for a stream whose RTP clock runs at rate Hz.
func NewJitterBuffer(rate int) *JitterBuffer {
	return &JitterBuffer{rate: float64(rate), gap: FrameTime.Seconds(), filling: true, target: 2}
}

// Push adds a packet that arrived at the given time. It copies payload.
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
	if len(payload) > 0 { // the time stamp does not advance during DTMF
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
	for int(int16(seq-j.next)) >= jitterSlots { // full: drop the oldest
		j.drop()
	}
	s := &j.slots[seq%jitterSlots]
	if s.full {
		return // a duplicate
	}
	s.full, s.payload = true, append(s.payload[:0], payload...)
	j.held++
	j.stats.Received++
}

// measure updates the jitter estimate and the target delay.
func (j *JitterBuffer) measure(seq uint16, stamp uint32, at time.Time) {
	if n := int16(seq - j.seq); n == 1 {
		if gap := float64(stamp-j.stamp) / j.rate; gap >= 0.0025 && gap <= 0.12 {
			j.gap = gap
		}
	} else if n <= 0 {
		return // a packet out of order adds nothing to the estimate
	}
	j.seq, j.stamp = seq, stamp
	now := transit(at, stamp, j.rate)
	d := now - j.transit
	j.transit = now
	if d < 0 {
		d = -d
	}
	if d > 1 { // the sender's clock jumped, or did not run during silence
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

// Pop returns the payload to play next; it is valid until the next Push. quiet says that
// the audio just played was silent, so that Pop may skip a packet unheard when it holds
// more than it needs.
func (j *JitterBuffer) Pop(quiet bool) (payload []byte, got Arrival) {
	if j.filling {
		if j.held < j.target {
			return nil, Nothing
		}
		j.filling = false
		for !j.slots[j.next%jitterSlots].full {
			j.next++ // nothing was sent before the first packet
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

// Peek returns the payload that Pop would return next, or nil if it has not arrived. It
// is valid until the next Push. After Missed it is the packet that follows the lost one.
func (j *JitterBuffer) Peek() []byte {
	s := &j.slots[j.next%jitterSlots]
	if !s.full {
		return nil
	}
	return s.payload
}

// drop skips the next packet.
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

// setRate restarts with a stream whose RTP clock runs at rate Hz. The counts continue.
func (j *JitterBuffer) setRate(rate int) {
	j.restart()
	j.rate = float64(rate)
}

// Stats returns the counts.
func (j *JitterBuffer) Stats() JitterStats { return j.stats }
