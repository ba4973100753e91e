package media

const (
	dtmfQueue   = 32 // digits that wait for their reader; later ones are dropped
	dtmfPayload = 4  // bytes: event, end and volume, duration (RFC 4733, section 2.3)
	dtmfDigits  = "0123456789*#ABCD"
)

// DTMFReceiver finds the DTMF digits of a caller in the telephone events of an RTP stream
// (RFC 4733). Every packet of one event has the same time stamp; the first one that
// arrives counts.
type DTMFReceiver struct {
	Digits  chan byte // 0-9 * # A-D
	started bool
	stamp   uint32 // of the last event
}

// NewDTMFReceiver returns a receiver for one stream.
func NewDTMFReceiver() *DTMFReceiver { return &DTMFReceiver{Digits: make(chan byte, dtmfQueue)} }

// Push handles the payload of a telephone-event packet. It never blocks and ignores
// malformed payloads. Only the reader of the stream calls it.
func (d *DTMFReceiver) Push(stamp uint32, payload []byte) {
	if len(payload) < dtmfPayload || int(payload[0]) >= len(dtmfDigits) {
		return
	}
	if d.started && int32(stamp-d.stamp) <= 0 {
		return
	}
	d.started, d.stamp = true, stamp
	select {
	case d.Digits <- dtmfDigits[payload[0]]:
	default:
	}
}
