package media

import (
	"errors"
	"strings"
)

var (
	// ErrDTMF reports digits that DTMF does not have.
	ErrDTMF = errors.New("invalid DTMF digits (want 0-9, *, #, A-D, and a comma for a pause)")
	// ErrDTMFQueue reports that too many digits already wait to be sent.
	ErrDTMFQueue = errors.New("too many DTMF digits wait to be sent")
)

const (
	dtmfSending     = 64 // digits that may wait to be sent
	dtmfFrames      = 8  // frames of a digit: 160 ms
	dtmfEnds        = 3  // how often its last packet is sent (RFC 4733, 2.5.1.4)
	dtmfGap         = 4  // frames between two digits: 80 ms
	dtmfPauseFrames = 25 // frames of a comma: 500 ms
	dtmfVolume      = 10 // -10 dBm0
)

// IsDTMF reports whether DTMFSender can send all of digits.
func IsDTMF(digits string) bool {
	return strings.Trim(strings.ToUpper(digits), dtmfDigits+",") == ""
}

// DTMFSender sends DTMF digits as telephone events (RFC 4733): one packet for each
// FrameTime, instead of audio. It is not safe for concurrent use. The zero value is ready.
type DTMFSender struct {
	queue [dtmfSending]byte
	head  int
	size  int
	frame int // of the current digit
	stamp uint32
}

// Queue queues 0-9 * # A-D, and "," for a pause of half a second. With an error it
// queues none of them.
func (d *DTMFSender) Queue(digits string) error {
	digits = strings.ToUpper(digits)
	if !IsDTMF(digits) {
		return ErrDTMF
	}
	if d.size+len(digits) > dtmfSending {
		return ErrDTMFQueue
	}
	for i := range len(digits) {
		d.queue[(d.head+d.size)%dtmfSending] = digits[i]
		d.size++
	}
	return nil
}

// IsSending reports whether Next has something to send.
func (d *DTMFSender) IsSending() bool { return d.size > 0 }

// Next writes the payload for the next 20 ms into packet and returns it with its time
// stamp. now is the time stamp of the stream; ticks is how far its clock advances in 20 ms.
// An empty payload means a gap between two digits, in which nothing is sent. first says
// that the packet gets the RTP marker. Next does not allocate.
func (d *DTMFSender) Next(packet []byte, now, ticks uint32) (payload []byte, stamp uint32, first bool) {
	digit := d.queue[d.head]
	f := d.frame
	d.frame++
	if digit == ',' {
		if d.frame >= dtmfPauseFrames {
			d.advance()
		}
		return nil, now, false
	}
	if f == 0 {
		d.stamp = now
	}
	if f >= dtmfFrames+dtmfEnds-1 {
		if d.frame >= dtmfFrames+dtmfEnds-1+dtmfGap {
			d.advance()
		}
		return nil, now, false
	}
	packet = packet[:dtmfPayload]
	packet[0], packet[1] = byte(strings.IndexByte(dtmfDigits, digit)), dtmfVolume
	duration := min(uint32(f+1), dtmfFrames) * ticks
	if f >= dtmfFrames-1 {
		packet[1] |= 0x80 // the end of the event
	}
	packet[2], packet[3] = byte(duration>>8), byte(duration)
	return packet, d.stamp, f == 0
}

// advance removes the current digit from the queue.
func (d *DTMFSender) advance() {
	d.head, d.size, d.frame = (d.head+1)%dtmfSending, d.size-1, 0
}
