package media

// G.722 (ITU-T G.722, 09/2012): 16 kHz in two sub-bands of 8 kHz, each coded by adaptive
// differential PCM at 64 kbit/s. Of each code (two samples) 6 bits are the lower band's.

// Tables of the recommendation, under its names.
var (
	g722WL  = [8]int{-60, -30, 58, 172, 334, 538, 1198, 3042}
	g722RL4 = [16]int{0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0}
	g722ILB = [32]int{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
	g722WH  = [3]int{0, -214, 798}
	g722RH2 = [4]int{2, 1, 2, 1}
	g722QM2 = [4]int{-7408, -1616, 7408, 1616}
	g722QM4 = [16]int{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	g722QM6 = [64]int{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	g722Q6 = [30]int{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650,
		714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
	}
	g722QMF = [12]int{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
)

// g722Band is the state of one sub-band: its scale factor and its predictor of two poles
// and six zeros.
type g722Band struct {
	det, nb int // scale factor, and its logarithm
	s, sz   int // prediction, and the part of it from the zeros
	p, a    [2]int
	b       [6]int
	r       [2]int // doubled, as d
	d       [6]int
}

func saturate(x int) int { return min(max(x, -32768), 32767) }

// scale adapts the scale factor to a code: block 3L and 3H.
func (b *g722Band) scale(step, most, shift int) {
	b.nb = min(max(b.nb*127>>7+step, 0), most)
	b.det = g722ILB[b.nb>>6&31]
	if n := shift - b.nb>>11; n < 0 {
		b.det <<= -n
	} else {
		b.det >>= n
	}
	b.det <<= 2
}

// adapt adapts the predictor to the quantised difference d and predicts the next sample: block 4.
func (b *g722Band) adapt(d int) {
	r, p := saturate(b.s+d), saturate(b.sz+d)
	same := func(x, y int) bool { return x>>15 == y>>15 }

	pole := saturate(b.a[0] << 2) // UPPOL2
	if same(p, b.p[0]) {
		pole = min(-pole, 32767)
	}
	second := -128
	if same(p, b.p[1]) {
		second = 128
	}
	second = min(max(pole>>7+second+b.a[1]*32512>>15, -12288), 12288)
	first := -192 // UPPOL1
	if same(p, b.p[0]) {
		first = 192
	}
	limit := saturate(15360 - second)
	first = min(max(saturate(first+b.a[0]*32640>>15), -limit), limit)
	b.a = [2]int{first, second}

	step := 128 // UPZERO, in which nothing can saturate, and FILTEZ
	if d == 0 {
		step = 0
	}
	zeros, next := 0, saturate(2*d)
	for i := range b.b {
		was := b.d[i]
		turn := (was ^ d) >> 63 // 0 where the signs are the same, else -1
		b.b[i] = b.b[i]*32640>>15 + (step ^ turn - turn)
		zeros += b.b[i] * next >> 15
		b.d[i], next = next, was
	}
	b.sz = saturate(zeros)
	b.r, b.p = [2]int{saturate(2 * r), b.r[0]}, [2]int{p, b.p[0]}
	poles := saturate(b.a[0]*b.r[0]>>15 + b.a[1]*b.r[1]>>15)
	b.s = saturate(poles + b.sz)
}

// adaptLow adapts the lower band to a code without its two least bits, as encoder and
// decoder both do.
func (b *g722Band) adaptLow(code int) {
	d := b.det * g722QM4[code] >> 15
	b.scale(g722WL[g722RL4[code]], 18432, 8)
	b.adapt(d)
}

// adaptHigh adapts the higher band to a code.
func (b *g722Band) adaptHigh(code int) {
	d := b.det * g722QM2[code] >> 15
	b.scale(g722WH[g722RH2[code]], 22528, 10)
	b.adapt(d)
}

// g722Bands is the state of both sub-bands and of the quadrature mirror filter.
type g722Bands struct {
	low, high g722Band
	x         [g722Past + 160]int // input of the filter; x[at-g722Past:at] are the last samples
	at        int
}

const g722Past = 24

func newG722Bands() g722Bands {
	return g722Bands{low: g722Band{det: 32}, high: g722Band{det: 8}, at: g722Past}
}

// filter adds two samples to the filter and returns its two sums.
func (b *g722Bands) filter(first, second int) (even, odd int) {
	if b.at == len(b.x) {
		b.at = copy(b.x[:], b.x[len(b.x)-g722Past+2:])
	}
	b.x[b.at], b.x[b.at+1] = first, second
	b.at += 2
	x := (*[g722Past]int)(b.x[b.at-g722Past:])
	for i, c := range g722QMF {
		even += x[2*i] * c
		odd += x[2*i+1] * g722QMF[11-i]
	}
	return even, odd
}

// encode encodes a pair of samples.
func (b *g722Bands) encode(first, second int16) byte {
	even, odd := b.filter(int(first), int(second))
	low := g722Low(saturate((even+odd)>>14-b.low.s), b.low.det)
	high := g722High(saturate((odd-even)>>14-b.high.s), b.high.det)
	b.low.adaptLow(low >> 2)
	b.high.adaptHigh(high)
	return byte(high<<6 | low)
}

// g722Low quantises the lower band's difference: block 1L.
func g722Low(e, det int) int {
	size := e
	if e < 0 {
		size = -(e + 1)
	}
	i := 0 // by halves: 29 levels
	for step := 16; step > 0; step >>= 1 {
		if next := i + step; next < len(g722Q6) && size >= g722Q6[next]*det>>12 {
			i = next
		}
	}
	i++
	switch {
	case e >= 0:
		return 62 - i
	case i < 3:
		return 64 - i
	}
	return 34 - i
}

// g722High quantises the higher band's difference: block 1H.
func g722High(e, det int) int {
	size := e
	if e < 0 {
		size = -(e + 1)
	}
	code := 1
	if size >= 564*det>>12 {
		code = 0
	}
	if e >= 0 {
		code += 2
	}
	return code
}

// decode appends the two samples of a code.
func (b *g722Bands) decode(dst []int16, code byte) []int16 {
	l, h := int(code&0x3f), int(code>>6)
	low := min(max(b.low.s+b.low.det*g722QM6[l]>>15, -16384), 16383)
	high := min(max(b.high.s+b.high.det*g722QM2[h]>>15, -16384), 16383)
	b.low.adaptLow(l >> 2)
	b.high.adaptHigh(h)
	even, odd := b.filter(low+high, low-high)
	return append(dst, int16(saturate(odd>>11)), int16(saturate(even>>11)))
}

// G722Encoder encodes frames at MouthRate as G.722, 160 bytes each.
type G722Encoder struct {
	down  *Resampler
	bands g722Bands
	pcm   []int16
}

// NewG722Encoder returns an encoder for one stream.
func NewG722Encoder() *G722Encoder {
	return &G722Encoder{down: NewResampler(MouthRate, EarRate), bands: newG722Bands()}
}

// Encode writes one frame (MouthFrame samples) into packet and returns the part of packet
// that it filled.
func (g *G722Encoder) Encode(packet []byte, frame []int16) ([]byte, error) {
	g.pcm = g.down.Process(g.pcm[:0], frame)
	packet = packet[:0]
	for i := 0; i+1 < len(g.pcm); i += 2 {
		packet = append(packet, g.bands.encode(g.pcm[i], g.pcm[i+1]))
	}
	return packet, nil
}

// G722Decoder decodes G.722 to EarRate. It is a Decoder.
type G722Decoder struct{ bands g722Bands }

// NewG722Decoder returns a decoder for one stream.
func NewG722Decoder() *G722Decoder { return &G722Decoder{newG722Bands()} }

// Decode implements Decoder.
func (g *G722Decoder) Decode(dst []int16, packet []byte) ([]int16, error) {
	if len(packet) == 0 || len(packet) > maxPhonePacket {
		return dst, ErrCodec
	}
	for _, code := range packet {
		dst = g.bands.decode(dst, code)
	}
	return dst, nil
}
