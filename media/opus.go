package media

const (
	// MaxOpusPacket is the length of the longest Opus packet in bytes (RFC 6716, section 3.4).
	MaxOpusPacket = 1275*6 + 100

	maxOpusSamples = EarRate * 120 / 1000 // the longest audio of one packet: 120 ms
	dtxBytes       = 2                    // packets of at most this many bytes carry no audio (DTX)
)

// NewOpusDecoder returns a decoder for one Opus stream (RFC 6716). A build with cgo
// uses libopus, and the decoder is also a Concealer. A build without cgo uses
// pion/opus, which has no packet loss concealment and allocates for every packet.
func NewOpusDecoder() (Decoder, error) { return newOpusDecoder() }

// opusSamples returns how many samples at EarRate a packet claims to hold (RFC 6716,
// sections 3.1 and 3.2), and 0 for packets that no decoder should see.
func opusSamples(packet []byte) int {
	const ms = EarRate / 1000
	if len(packet) == 0 || len(packet) > MaxOpusPacket {
		return 0
	}
	config := packet[0] >> 3
	var frame int
	switch {
	case config < 12: // SILK
		frame = [...]int{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config&3]
	case config < 16: // hybrid
		frame = [...]int{10 * ms, 20 * ms}[config&1]
	default: // CELT
		frame = [...]int{5 * ms / 2, 5 * ms, 10 * ms, 20 * ms}[config&3]
	}
	frames := 2
	switch code := packet[0] & 3; {
	case code == 0, code == 3 && len(packet) < 2:
		frames = 1
	case code == 3:
		frames = int(packet[1] & 0x3f)
	}
	if n := frame * frames; n <= maxOpusSamples {
		return n
	}
	return 0
}
