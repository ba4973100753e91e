package media

const (
	concealHistory = EarRate * 40 / 1000
	concealShort   = EarRate / 400 // the shortest pitch period: 400 Hz
	concealLong    = EarRate / 60  // the longest: 60 Hz
	concealLost    = 5             // frames made up while later packets are there, the last one fading
	concealDry     = 3             // and while no packet is
	concealBlend   = EarRate / 200 // 5 ms to come back
)

// concealer fills lost frames by repeating the last pitch period (the idea of ITU-T
// G.711 Appendix I), and blends back into what follows. For codecs that are no Concealer.
type concealer struct {
	history [concealHistory]int16 // the last sound, oldest first
	filling bool
	period  int
	at      int // in the period
}

// heard notes a good piece and smooths its beginning after a loss.
func (c *concealer) heard(pcm []int16) {
	if c.filling {
		for i := range min(concealBlend, len(pcm)) {
			pcm[i] = int16((int(c.sample())*(concealBlend-i) + int(pcm[i])*i) / concealBlend)
		}
		c.filling = false
	}
	n := copy(c.history[:], c.history[min(len(pcm), concealHistory):])
	copy(c.history[n:], pcm[max(0, len(pcm)-concealHistory):])
}

// fill makes a piece for one that is missing.
func (c *concealer) fill(pcm []int16) {
	if !c.filling {
		c.filling, c.period, c.at = true, c.pitch(), 0
	}
	for i := range pcm {
		pcm[i] = c.sample()
	}
}

// forget ends a fill that nothing heard is to blend with.
func (c *concealer) forget() { c.filling = false }

func (c *concealer) sample() int16 {
	s := c.history[concealHistory-c.period+c.at]
	c.at = (c.at + 1) % c.period
	return s
}

// fader is the loudness of what is made up: full at first, then down to silence, and
// quickly up again for what is heard. It never jumps. It begins in silence.
type fader struct {
	gain float32
	lost int // samples made up in a row
}

// up brings heard sound back to full loudness.
func (f *fader) up(pcm []int16) {
	f.lost = 0
	if f.gain == 1 || len(pcm) == 0 {
		return
	}
	ramp(pcm[:min(concealBlend, len(pcm))], f.gain, 1)
	f.gain = 1
}

// down lets made-up sound fade once frames of it are full.
func (f *fader) down(pcm []int16, frames int) {
	if f.lost += len(pcm); f.lost < frames*EarFrame {
		ramp(pcm, f.gain, f.gain)
		return
	}
	ramp(pcm, f.gain, 0)
	f.gain = 0
}

func (f *fader) silent() bool { return f.gain == 0 }

// ramp scales pcm by a gain that goes evenly from one value to the other.
func ramp(pcm []int16, from, to float32) {
	if from == 1 && to == 1 {
		return
	}
	step := (to - from) / float32(len(pcm))
	for i := range pcm {
		from += step
		pcm[i] = int16(float32(pcm[i]) * min(max(from, 0), 1))
	}
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
