package media

import "time"

// Quality is how well a call could be heard, on the side that counts: from the caller to
// us, and the delay both ways.
type Quality struct {
	Codec  string        `json:"codec"`
	Loss   float64       `json:"loss"`      // of packets that came late or never, 0 to 1
	Jitter time.Duration `json:"jitter_ns"` // RFC 3550, 6.4.1
	RTT    time.Duration `json:"rtt_ns"`    // 0 where the other side does not tell
	Delay  time.Duration `json:"delay_ns"`  // from mouth to ear, one way, as far as it is known
	R      float64       `json:"r"`         // the E-model's rating, 0 to 93.2
	MOS    float64       `json:"mos"`       // what listeners would say, 1 to 4.5
}

// robust is how much loss a codec with our concealment bears (Bpl of ITU-T G.113, appendix
// I: G.711 with concealment under random loss). G.722 and Opus have no value on the
// narrow-band scale; they are rated like G.711, although they sound better.
const robust = 25.1

// Rate fills in R and MOS by the E-model (ITU-T G.107 with its default values, and the
// usual approximation of its delay impairment) from Loss and Delay.
func (q *Quality) Rate() {
	ms := float64(q.Delay) / float64(time.Millisecond)
	delay := 0.024 * ms
	if ms > 177.3 {
		delay += 0.11 * (ms - 177.3)
	}
	percent := 100 * min(max(q.Loss, 0), 1)
	loss := 95 * percent / (percent + robust)
	q.R = max(93.2-delay-loss, 0)
	q.MOS = mos(q.R)
}

// mos is G.107's appendix B.
func mos(r float64) float64 {
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return max(1+0.035*r+r*(r-60)*(100-r)*7e-6, 1)
}
