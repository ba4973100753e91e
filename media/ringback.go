package media

import "math"

const (
	ringTone  = 425                 // Hz (ITU-T E.180: what most countries have)
	ringLevel = 3276.8              // -20 dB of full scale
	ringOn    = MouthRate           // samples of tone
	ringOff   = 4 * MouthRate       // and of silence behind it
	ringEdge  = MouthRate * 5 / 1e3 // 5 ms in and out, so that it does not click
)

// RingBack is the tone callers hear while another telephone rings. It does not end.
type RingBack struct {
	at     int // sample of the cadence
	re, im float64
}

// NewRingBack begins with the tone.
func NewRingBack() *RingBack { return &RingBack{re: 1} }

// Fill fills pcm, at MouthRate, with what comes next.
func (r *RingBack) Fill(pcm []int16) {
	sin, cos := math.Sincos(2 * math.Pi * ringTone / MouthRate)
	for i := range pcm {
		level := 0.0
		if r.at < ringOn {
			level = ringLevel * min(1, float64(r.at)/ringEdge, float64(ringOn-r.at)/ringEdge)
			r.re, r.im = r.re*cos-r.im*sin, r.re*sin+r.im*cos
		} else {
			r.re, r.im = 1, 0
		}
		pcm[i] = int16(level * r.im)
		r.at = (r.at + 1) % (ringOn + ringOff)
	}
}
