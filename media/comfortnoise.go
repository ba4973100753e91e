package media

// ComfortNoise is the faint hiss of an open telephone line, about -66 dB of full scale: a line
// that is silent in every sample is taken for a dead one. Not safe for concurrent use.
type ComfortNoise struct {
	seed uint32
	last int32
}

// Fill fills pcm with what comes next: white noise under a first-order low-pass.
func (n *ComfortNoise) Fill(pcm []int16) {
	for i := range pcm {
		n.seed = n.seed*1664525 + 1013904223 // Numerical Recipes' generator; it need not be good
		white := int32(n.seed>>24) - 128
		n.last += (white - n.last) / 4
		pcm[i] = int16(n.last / 2)
	}
}
