package media

// ComfortNoise generates the faint hiss of an open telephone line, about -66 dB of full
// scale, because people take digital silence for a dead line. It is not safe for
// concurrent use. The zero value is ready.
type ComfortNoise struct {
	seed uint32
	last int32
}

// Fill fills pcm with white noise under a first-order low-pass.
func (n *ComfortNoise) Fill(pcm []int16) {
	for i := range pcm {
		n.seed = n.seed*1664525 + 1013904223 // the generator of Numerical Recipes, good enough for noise
		white := int32(n.seed>>24) - 128
		n.last += (white - n.last) / 4
		pcm[i] = int16(n.last / 2)
	}
}
