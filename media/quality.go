package media

import "time"

// Quality is the audio quality of a call, measured on what the caller sends.
type Quality struct {
	Codec  string        `json:"codec"`
	Loss   float64       `json:"loss"`      // share of packets late or lost, 0 to 1
	Jitter time.Duration `json:"jitter_ns"` // RFC 3550, 6.4.1
	RTT    time.Duration `json:"rtt_ns"`    // 0 if the other side does not report it
	Delay  time.Duration `json:"delay_ns"`  // one way, from mouth to ear, as far as known
	R      float64       `json:"r"`         // rating of the E-model, 0 to 93.2
	MOS    float64       `json:"mos"`       // estimated mean opinion score, 1 to 4.5
}

// lossRobustness is Bpl of ITU-T G.113, appendix I, for G.711 with packet loss concealment
// under random loss. G.722 and Opus have no value on the narrow-band scale; they are rated
// like G.711, although they sound better.
const lossRobustness = 25.1

// Rate computes R and MOS from Loss and Delay with the E-model (ITU-T G.107 with its
// default values, and the usual approximation of its delay impairment).
func (q *Quality) Rate() {
	ms := float64(q.Delay) / float64(time.Millisecond)
	delay := 0.024 * ms
	if ms > 177.3 {
		delay += 0.11 * (ms - 177.3)
	}
	percent := 100 * min(max(q.Loss, 0), 1)
	loss := 95 * percent / (percent + lossRobustness)
	q.R = max(93.2-delay-loss, 0)
	q.MOS = mos(q.R)
}

// mos converts R to MOS (G.107, appendix B).
func mos(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1+0.035*r+r*(r-60)*(100-r)*7e-6, 1)
}
