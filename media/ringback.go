package media

import "math"

const (
	ringTone  = 425                 // Hz, as in most countries (ITU-T E.180)
	ringLevel = 3276.8              // -20 dB of full scale
	ringOn    = MouthRate           // samples of tone
	ringOff   = 4 * MouthRate       // samples of silence after it
	ringEdge  = MouthRate * 5 / 1e3 // 5 ms of fade, so that it does not click
)

// RingBack generates the endless tone that a caller hears while another telephone rings.
type RingBack struct {
	at     int // position in the cadence
	re, im float64
}

// NewRingBack returns a RingBack that starts with the tone.
func NewRingBack() *RingBack { return &RingBack{re: 1} }

// Fill fills pcm with the next samples at MouthRate.
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
