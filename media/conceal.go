package media

const (
	concealHistory = EarRate * 40 / 1000
	concealShort   = EarRate / 400 // the shortest pitch period: 400 Hz
	concealLong    = EarRate / 60  // the longest: 60 Hz
	concealFade    = 5             // frames until concealment has faded to silence
	concealBlend   = EarRate / 200 // 5 ms to come back
)

// concealer fills lost frames by repeating the last pitch period, quieter with every
// frame (the idea of ITU-T G.711 Appendix I), and blends back into what follows.
type concealer struct {
	history [concealHistory]int16 // the last sound, oldest first
	lost    int                   // frames concealed in a row
	period  int
	at      int // in the period
}

// heard notes a good frame and smooths its beginning after a loss.
func (c *concealer) heard(frame []int16) {
	if c.lost > 0 {
		for i := range min(concealBlend, len(frame)) {
			made := c.sample()
			frame[i] = int16((int(made)*(concealBlend-i) + int(frame[i])*i) / concealBlend)
		}
		c.lost = 0
	}
	n := copy(c.history[:], c.history[min(len(frame), concealHistory):])
	copy(c.history[n:], frame[max(0, len(frame)-concealHistory):])
}

// fill makes a frame for one that is missing.
func (c *concealer) fill(frame []int16) {
	if c.lost == 0 {
		c.period, c.at = c.pitch(), 0
	}
	c.lost++
	for i := range frame {
		frame[i] = c.sample()
	}
}

func (c *concealer) sample() int16 {
	left := concealFade - c.lost
	if left <= 0 {
		return 0
	}
	s := c.history[concealHistory-c.period+c.at]
	c.at = (c.at + 1) % c.period
	return int16(int(s) * left / concealFade)
}

// pitch finds the lag at which the history is most like itself, by normalised
// autocorrelation at every second sample.
func (c *concealer) pitch() int {
	const window = concealHistory - concealLong
	best, at := float32(0), concealLong
	tail := c.history[concealHistory-window:]
	for lag := concealShort; lag <= concealLong; lag++ {
		var cross, energy float32
		past := c.history[concealHistory-window-lag:]
		for i := 0; i < window; i += 2 {
			a, b := float32(tail[i]), float32(past[i])
			cross += a * b
			energy += b * b
		}
		if cross > 0 && cross*cross > best*(energy+1) {
			best, at = cross*cross/(energy+1), lag
		}
	}
	return at
}
