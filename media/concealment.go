package media

const (
	concealHistory = EarRate * 40 / 1000
	concealShort   = EarRate / 400 // the shortest pitch period: 400 Hz
	concealLong    = EarRate / 60  // the longest: 60 Hz
	concealLost    = 5             // frames concealed while later packets are there; the last one fades out
	concealDry     = 3             // frames concealed while no packet is there
	concealBlend   = EarRate / 200 // 5 ms of cross-fade back to the stream
)

// repeater conceals lost frames by repeating the last pitch period (the idea of ITU-T
// G.711 Appendix I), and cross-fades into the audio that follows. It serves decoders that
// are not a Concealer.
type repeater struct {
	history   [concealHistory]int16 // the last audio, oldest first
	isFilling bool
	period    int
	at        int // position in the period
}

// add adds decoded audio to the history. After a loss it cross-fades its beginning.
func (c *repeater) add(pcm []int16) {
	if c.isFilling {
		for i := range min(concealBlend, len(pcm)) {
			pcm[i] = int16((int(c.sample())*(concealBlend-i) + int(pcm[i])*i) / concealBlend)
		}
		c.isFilling = false
	}
	n := copy(c.history[:], c.history[min(len(pcm), concealHistory):])
	copy(c.history[n:], pcm[max(0, len(pcm)-concealHistory):])
}

// fill fills pcm in place of lost audio.
func (c *repeater) fill(pcm []int16) {
	if !c.isFilling {
		c.isFilling, c.period, c.at = true, c.pitch(), 0
	}
	for i := range pcm {
		pcm[i] = c.sample()
	}
}

// stop ends a fill without a cross-fade.
func (c *repeater) stop() { c.isFilling = false }

func (c *repeater) sample() int16 {
	s := c.history[concealHistory-c.period+c.at]
	c.at = (c.at + 1) % c.period
	return s
}

// fader is the gain of concealed audio: full at first, then fading to silence, and
// quickly full again for decoded audio. The gain never jumps. It starts at 0.
type fader struct {
	gain float32
	lost int // samples concealed in a row
}

// up ramps decoded audio to full gain.
func (f *fader) up(pcm []int16) {
	f.lost = 0
	if f.gain == 1 || len(pcm) == 0 {
		return
	}
	ramp(pcm[:min(concealBlend, len(pcm))], f.gain, 1)
	f.gain = 1
}

// down fades concealed audio to silence once it has lasted the given number of frames.
func (f *fader) down(pcm []int16, frames int) {
	if f.lost += len(pcm); f.lost < frames*EarFrame {
		ramp(pcm, f.gain, f.gain)
		return
	}
	ramp(pcm, f.gain, 0)
	f.gain = 0
}

func (f *fader) isSilent() bool { return f.gain == 0 }

// ramp scales pcm by a gain that changes linearly between two values.
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

// pitch returns the lag with the highest normalized autocorrelation of the history,
// computed at every second sample.
func (c *repeater) pitch() int {
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
