package media

import (
	"errors"
	"strings"
)

// What keys cannot be sent for.
var (
	ErrNoKey    = errors.New("keys are 0-9, *, #, A-D and a comma to wait")
	ErrManyKeys = errors.New("too many keys wait to be sent")
)

const (
	maxSending  = 64 // keys that wait to be sent; no more are taken
	keyFrames   = 8  // a key lasts 160 ms
	keyEnds     = 3  // its last packet is sent three times (RFC 4733, 2.5.1.4)
	keyGap      = 4  // frames between two keys: 80 ms
	pauseFrames = 25 // a comma: 500 ms
	keyVolume   = 10 // -10 dBm0
)

// AreKeys reports whether keys are what Press takes.
func AreKeys(keys string) bool { return strings.Trim(strings.ToUpper(keys), keyNames+",") == "" }

// KeySender sends keys as telephone events (RFC 4733), a packet every FrameTime in place
// of sound. Not safe for concurrent use; Next does not allocate.
type KeySender struct {
	queue [maxSending]byte
	head  int
	size  int
	frame int // of the key under way
	stamp uint32
}

// Press queues keys: 0-9 * # A-D, and "," for half a second of waiting; all of them, or
// with an error none.
func (k *KeySender) Press(keys string) error {
	keys = strings.ToUpper(keys)
	if !AreKeys(keys) {
		return ErrNoKey
	}
	if k.size+len(keys) > maxSending {
		return ErrManyKeys
	}
	for i := range len(keys) {
		k.queue[(k.head+k.size)%maxSending] = keys[i]
		k.size++
	}
	return nil
}

// Sending reports whether Next has something to send.
func (k *KeySender) Sending() bool { return k.size > 0 }

// Next writes the payload of the next 20 ms into packet and returns it with its time
// stamp, where now is the stream's; ticks is how far the clock goes in 20 ms. An empty
// payload is a moment between two keys, in which nothing is sent. first is for the RTP
// marker.
func (k *KeySender) Next(packet []byte, now, ticks uint32) (payload []byte, stamp uint32, first bool) {
	key := k.queue[k.head]
	f := k.frame
	k.frame++
	if key == ',' {
		if k.frame >= pauseFrames {
			k.next()
		}
		return nil, now, false
	}
	if f == 0 {
		k.stamp = now
	}
	if f >= keyFrames+keyEnds-1 {
		if k.frame >= keyFrames+keyEnds-1+keyGap {
			k.next()
		}
		return nil, now, false
	}
	packet = packet[:keyPayload]
	packet[0], packet[1] = byte(strings.IndexByte(keyNames, key)), keyVolume
	duration := min(uint32(f+1), keyFrames) * ticks
	if f >= keyFrames-1 {
		packet[1] |= 0x80
	}
	packet[2], packet[3] = byte(duration>>8), byte(duration)
	return packet, k.stamp, f == 0
}

func (k *KeySender) next() {
	k.head, k.size, k.frame = (k.head+1)%maxSending, k.size-1, 0
}
