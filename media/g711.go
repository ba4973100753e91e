package media

// G.711 (ITU-T G.711): 8 kHz, 8 bits per sample, in two companding laws.

var (
	pcmuDecode, pcmaDecode [256]int16
	pcmuEncode, pcmaEncode [1 << 14]byte // by the upper 14 bits of a sample
)

func init() {
	for i := range 256 {
		pcmuDecode[i] = expandMu(byte(i))
		pcmaDecode[i] = expandA(byte(i))
	}
	for i := range pcmuEncode {
		s := int(int16(i << 2))
		pcmuEncode[i] = compressMu(s)
		pcmaEncode[i] = compressA(s)
	}
}

// DecodePCMU appends the samples of mu-law bytes to dst.
func DecodePCMU(dst []int16, src []byte) []int16 { return expand(&pcmuDecode, dst, src) }

// DecodePCMA appends the samples of A-law bytes to dst.
func DecodePCMA(dst []int16, src []byte) []int16 { return expand(&pcmaDecode, dst, src) }

// EncodePCMU appends the mu-law bytes of samples to dst.
func EncodePCMU(dst []byte, src []int16) []byte { return compress(&pcmuEncode, dst, src) }

// EncodePCMA appends the A-law bytes of samples to dst.
func EncodePCMA(dst []byte, src []int16) []byte { return compress(&pcmaEncode, dst, src) }

func expand(table *[256]int16, dst []int16, src []byte) []int16 {
	for _, b := range src {
		dst = append(dst, table[b])
	}
	return dst
}

func compress(table *[1 << 14]byte, dst []byte, src []int16) []byte {
	for _, s := range src {
		dst = append(dst, table[uint16(s)>>2])
	}
	return dst
}

func expandMu(b byte) int16 {
	b = ^b
	v := (int(b&0x0f)<<3 + 0x84) << (b >> 4 & 7)
	if b&0x80 != 0 {
		return int16(0x84 - v)
	}
	return int16(v - 0x84)
}

func compressMu(s int) byte {
	sign := byte(0)
	if s < 0 {
		s, sign = -s, 0x80
	}
	s = min(s, 32635) + 0x84
	exp := byte(7)
	for mask := 0x4000; exp > 0 && s&mask == 0; mask >>= 1 {
		exp--
	}
	return ^(sign | exp<<4 | byte(s>>(exp+3))&0x0f)
}

func expandA(b byte) int16 {
	b ^= 0x55
	v := int(b&0x0f)<<4 + 8
	if exp := b >> 4 & 7; exp > 0 {
		v = (v + 0x100) << (exp - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return int16(v)
}

func compressA(s int) byte {
	sign := byte(0x80)
	if s < 0 {
		s, sign = -s-1, 0
	}
	exp := byte(7)
	for mask := 0x4000; exp > 0 && s&mask == 0; mask >>= 1 {
		exp--
	}
	shift := max(exp, 1) + 3
	return (sign | exp<<4 | byte(s>>shift)&0x0f) ^ 0x55
}

// G711Encoder encodes frames at MouthRate as G.711, 160 bytes each.
type G711Encoder struct {
	down     *Resampler
	compress func(dst []byte, src []int16) []byte
	pcm      []int16
}

// NewG711Encoder returns an encoder for one stream; law is EncodePCMU or EncodePCMA.
func NewG711Encoder(law func(dst []byte, src []int16) []byte) *G711Encoder {
	return &G711Encoder{down: NewResampler(MouthRate, 8000), compress: law}
}

// Encode writes one frame (MouthFrame samples) into packet and returns the part of packet
// that it filled.
func (g *G711Encoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	g.pcm = g.down.Process(g.pcm[:0], frame)
	return g.compress(packet[:0], g.pcm), nil
}

// maxPhonePacket bounds a packet of G.711 or G.722, at 8 bytes per millisecond, to 120 ms.
const maxPhonePacket = 8 * 120

// G711Decoder decodes G.711 to EarRate.
type G711Decoder struct {
	expand func(dst []int16, src []byte) []int16
	pcm    []int16
	up     *Resampler
}

// NewG711Decoder returns a decoder for one stream; law is DecodePCMU or DecodePCMA.
func NewG711Decoder(law func(dst []int16, src []byte) []int16) *G711Decoder {
	return &G711Decoder{expand: law, up: NewResampler(8000, EarRate)}
}

// Decode implements Decoder.
func (d *G711Decoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	if len(packet) == 0 || len(packet) > maxPhonePacket {
		return dst, ErrCodec
	}
	d.pcm = d.expand(d.pcm[:0], packet)
	return d.up.Process(dst, d.pcm), nil
}
