package media

const (
	keyQueue   = 32 // keys that wait for their reader; later ones are dropped
	keyPayload = 4  // bytes: event, end and volume, duration (RFC 4733, section 2.3)
	keyNames   = "0123456789*#ABCD"
)

// Keys finds the keys a caller presses among a stream's telephone events (RFC 4733).
// Every packet of one event has the same time stamp; the first that comes counts.
type Keys struct {
	Pressed chan byte // 0-9 * # A-D
	begun   bool
	stamp   uint32 // of the last event
}

// NewKeys makes one for a stream. Take is for its one reader.
func NewKeys() *Keys { return &Keys{Pressed: make(chan byte, keyQueue)} }

// Take takes a packet of events.
func (k *Keys) Take(stamp uint32, payload []byte) {
	if len(payload) < keyPayload || int(payload[0]) >= len(keyNames) {
		return
	}
	if k.begun && int32(stamp-k.stamp) <= 0 {
		return
	}
	k.begun, k.stamp = true, stamp
	select {
	case k.Pressed <- keyNames[payload[0]]:
	default:
	}
}
