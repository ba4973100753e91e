package media

import "math"

const (
	resamplerHalf = 0.001 // half the length of the filter in seconds, which is its delay
	resamplerBeta = 7.0   // of the Kaiser window, for 70 dB of stop-band attenuation
)

// Resampler converts a stream of mono PCM from one rate to another with a polyphase FIR
// filter, a sinc under a Kaiser window (Crochiere & Rabiner, Multirate Digital Signal
// Processing, 1983). Its delay is about 1 ms. It is not safe for concurrent use.
type Resampler struct {
	up, down int         // the ratio in lowest terms
	phases   [][]float32 // up filters, each over taps input samples, newest last
	taps     int
	buf      []float32 // taps-1 samples of history, then input
	phase    int       // of the next output sample
	skip     int       // input samples to advance before it
}

// NewResampler returns a Resampler from one rate to another, both positive and in Hz.
func NewResampler(from, to int) *Resampler {
	g := gcd(from, to)
	r := &Resampler{up: to / g, down: from / g}
	if r.up == r.down {
		return r
	}
	// The filter runs at from*up Hz and passes the frequencies that both rates can carry.
	half := max(int(resamplerHalf*float64(from)), 12)
	r.taps = 2 * half
	cutoff := 0.92 * float64(min(from, to)) / float64(from) // of the input's Nyquist frequency
	r.phases = make([][]float32, r.up)
	for p := range r.phases {
		r.phases[p] = phase(float64(p)/float64(r.up), half, cutoff)
	}
	r.buf = make([]float32, r.taps-1, 4*r.taps+EarFrame*4)
	return r
}

// phase returns the filter for an output sample that lies frac of an input sample after
// the middle of the taps.
func phase(frac float64, half int, cutoff float64) []float32 {
	h := make([]float64, 2*half)
	sum := 0.0
	for k := range h {
		x := float64(k-half+1) - frac
		h[k] = sinc(cutoff*x) * kaiser(x/float64(half))
		sum += h[k]
	}
	out := make([]float32, len(h))
	for k := range h {
		out[k] = float32(h[k] / sum) // each phase passes DC unchanged
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

func kaiser(x float64) float64 {
	if x <= -1 || x >= 1 {
		return 0
	}
	return bessel0(resamplerBeta*math.Sqrt(1-x*x)) / bessel0(resamplerBeta)
}

// bessel0 returns the modified Bessel function of the first kind, order 0, by its series.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Process resamples src, appends the result to dst and returns dst. It keeps neither, and
// does not allocate while dst has room and src is no longer than before.
func (r *Resampler) Process(dst, src []int16) []int16 {
	if r.up == r.down {
		return append(dst, src...)
	}
	for _, s := range src {
		r.buf = append(r.buf, float32(s))
	}
	at := r.skip // of the oldest sample under the filter
	for at+r.taps <= len(r.buf) {
		dst = append(dst, clip(dot(r.phases[r.phase], r.buf[at:at+r.taps])))
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	drop := min(at, len(r.buf))
	r.skip = at - drop
	r.buf = r.buf[:copy(r.buf, r.buf[drop:])]
	return dst
}

// Flush appends the end of the stream, which the filter still holds, and resets the filter.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.up == r.down {
		return dst
	}
	dst = r.Process(dst, make([]int16, r.taps/2))
	r.buf = r.buf[:r.taps-1]
	clear(r.buf)
	r.phase, r.skip = 0, 0
	return dst
}

func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

func clip(x float32) int16 {
	switch {
	case x >= math.MaxInt16:
		return math.MaxInt16
	case x <= math.MinInt16:
		return math.MinInt16
	case x < 0:
		return int16(x - 0.5)
	default:
		return int16(x + 0.5)
	}
}
