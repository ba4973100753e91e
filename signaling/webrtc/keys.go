package webrtc

import (
	"strings"

	"github.com/pion/rtp"
)

const (
	mimeKeys   = "audio/telephone-event"
	keyQueue   = 32 // keys that wait for their reader; later ones are dropped
	keyPayload = 4  // bytes: event, end and volume, duration (RFC 4733, section 2.3)
	keyNames   = "0123456789*#ABCD"
)

func isKeys(mime string) bool { return strings.EqualFold(mime, mimeKeys) }

// keys finds the keys a caller presses among a track's telephone events (RFC 4733).
// Every packet of one event has the same time stamp; the first that comes counts.
type keys struct {
	pressed chan byte
	begun   bool
	stamp   uint32 // of the last event
}

func newKeys() keys { return keys{pressed: make(chan byte, keyQueue)} }

func (k *keys) take(p *rtp.Packet) {
	if len(p.Payload) < keyPayload || int(p.Payload[0]) >= len(keyNames) {
		return
	}
	if k.begun && int32(p.Timestamp-k.stamp) <= 0 {
		return
	}
	k.begun, k.stamp = true, p.Timestamp
	select {
	case k.pressed <- keyNames[p.Payload[0]]:
	default:
	}
}
