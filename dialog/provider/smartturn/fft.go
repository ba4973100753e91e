package smartturn

import "math"

const (
	fftSize = 400 // real samples of a window; internal/fft has powers of two only
	half    = fftSize / 2
)

// stages are the factors of half.
var stages = [...]int{4, 2, 5, 5}

// Tables of the transform; constant after init.
var (
	twiddles [fftSize]complex64 // exp(-2πik/fftSize)
	order    [half]uint8        // of the input
)

func init() {
	for k := range twiddles {
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) / fftSize)
		twiddles[k] = complex(float32(cos), float32(sin))
	}
	// The last stage combines sequences of every stages[last]-th sample, and so on.
	for i := range order {
		from, stride, rest, size := 0, 1, i, half
		for s := len(stages) - 1; s >= 0; s-- {
			size /= stages[s]
			from += rest / size * stride
			rest %= size
			stride *= stages[s]
		}
		order[i] = uint8(from)
	}
}

// spectrum is the working memory of the transform.
type spectrum struct{ z [half]complex64 }

// transform writes the power of x, with fftSize samples, under the window to out. It runs a
// mixed-radix transform of half the length, with the even samples as real and the odd ones
// as imaginary parts (Press et al., Numerical Recipes, sections 12.2 and 12.3).
func (s *spectrum) transform(out *[bins]float32, x []float32) {
	x = x[:fftSize]
	for i, from := range order {
		k := 2 * int(from)
		s.z[i] = complex(x[k]*window[k], x[k+1]*window[k+1])
	}
	size := 1
	for _, radix := range stages {
		stride := half / (size * radix)
		for at := 0; at < half; at += size * radix {
			for j := range size {
				switch part := s.z[at+j:]; radix {
				case 2:
					butterfly2(part, size, j*stride)
				case 4:
					butterfly4(part, size, j*stride)
				case 5:
					butterfly5(part, size, j*stride)
				}
			}
		}
		size *= radix
	}
	s.separate(out)
}

// turn returns the k-th root of unity of order half.
func turn(k int) complex64 { return twiddles[2*k] }

func butterfly2(z []complex64, n, k int) {
	a, b := z[0], z[n]*turn(k)
	z[0], z[n] = a+b, a-b
}

func butterfly4(z []complex64, n, k int) {
	a, b, c, d := z[0], z[n]*turn(k), z[2*n]*turn(2*k), z[3*n]*turn(3*k)
	sum, difference := b+d, b-d
	rotated := complex(imag(difference), -real(difference)) // times -i
	z[0], z[2*n] = a+c+sum, a+c-sum
	z[n], z[3*n] = a-c+rotated, a-c-rotated
}

// Cosines and sines of 72 and 144 degrees.
var (
	cos1, cos2 = float32(math.Cos(2 * math.Pi / 5)), float32(math.Cos(4 * math.Pi / 5))
	sin1, sin2 = float32(math.Sin(2 * math.Pi / 5)), float32(math.Sin(4 * math.Pi / 5))
)

func butterfly5(z []complex64, n, k int) {
	a, b, c, d, e := z[0], z[n]*turn(k), z[2*n]*turn(2*k), z[3*n]*turn(3*k), z[4*n]*turn(4*k)
	be, cd, b_e, c_d := b+e, c+d, b-e, c-d
	z[0] = a + be + cd
	even1 := complex(real(a)+cos1*real(be)+cos2*real(cd), imag(a)+cos1*imag(be)+cos2*imag(cd))
	even2 := complex(real(a)+cos2*real(be)+cos1*real(cd), imag(a)+cos2*imag(be)+cos1*imag(cd))
	// The odd parts times -i.
	odd1 := complex(sin1*imag(b_e)+sin2*imag(c_d), -sin1*real(b_e)-sin2*real(c_d))
	odd2 := complex(sin2*imag(b_e)-sin1*imag(c_d), -sin2*real(b_e)+sin1*real(c_d))
	z[n], z[4*n] = even1+odd1, even1-odd1
	z[2*n], z[3*n] = even2+odd2, even2-odd2
}

// separate recovers the power of the real transform from the complex one.
func (s *spectrum) separate(out *[bins]float32) {
	first := s.z[0]
	out[0] = (real(first) + imag(first)) * (real(first) + imag(first))
	out[half] = (real(first) - imag(first)) * (real(first) - imag(first))
	for k := 1; k < half; k++ {
		a, b := s.z[k], s.z[half-k]
		even := complex(real(a)+real(b), imag(a)-imag(b))
		odd := complex(imag(a)+imag(b), real(b)-real(a)) * twiddles[k]
		re, im := real(even+odd)/2, imag(even+odd)/2
		out[k] = re*re + im*im
	}
}
