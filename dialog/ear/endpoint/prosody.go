package endpoint

import (
	"math"

	"frontdesk/media"
)

const (
	decimation  = 4 // for the pitch, to 4 kHz
	pitchWindow = 100
	minLag      = media.EarRate / decimation / 400 // 400 Hz
	maxLag      = media.EarRate / decimation / 60  // 60 Hz
	pitchBuffer = pitchWindow + maxLag + 1
	minPeriodic = 0.6 // autocorrelation of a frame with a pitch
	lastPitches = 6   // frames with a pitch at the end, which are compared with the usual pitch
	maxPitches  = 200 // frames that the usual pitch is averaged over
)

// prosody follows the pitch and the pace of a caller.
type prosody struct {
	samples  [pitchBuffer]float32 // decimated, the newest last
	last     [lastPitches]float32 // latest pitches, as logarithms to base 2
	next     int                  // index in last
	count    int                  // frames with a pitch, ever
	usual    float64              // mean of their logarithms
	run      int                  // consecutive frames with a pitch, now or last
	isInRun  bool                 // the run continues
	usualRun float64              // mean length of runs
}

// hear takes a frame with speech. It does not keep the frame.
func (p *prosody) hear(frame []int16) {
	copy(p.samples[:], p.samples[media.EarFrame/decimation:])
	for i := range media.EarFrame / decimation {
		sum := float32(0)
		for _, s := range frame[i*decimation : i*decimation+decimation] {
			sum += float32(s)
		}
		p.samples[pitchBuffer-media.EarFrame/decimation+i] = sum
	}
	hz := p.pitch()
	if hz == 0 {
		if p.isInRun && p.run >= 2 {
			p.usualRun += (float64(p.run) - p.usualRun) / 10
		}
		p.isInRun = false
		return
	}
	if !p.isInRun {
		p.run, p.isInRun = 0, true
	}
	p.run++
	octave := math.Log2(hz)
	p.last[p.next] = float32(octave)
	p.next = (p.next + 1) % lastPitches
	p.count++
	p.usual += (octave - p.usual) / float64(min(p.count, maxPitches))
}

// set sets the features of prosody in f.
func (p *prosody) set(f *Features) {
	if p.count < 2*lastPitches {
		return
	}
	sum := 0.0
	for _, v := range p.last {
		sum += float64(v)
	}
	f[pitch] = min(max(p.usual-sum/lastPitches, -1), 1)
	f[slowing] = min(max((float64(p.run)-p.usualRun)/5, -2), 2)
}

// pitch returns the frequency of the latest samples, 0 if they have none: the highest peak
// of the normalized autocorrelation.
func (p *prosody) pitch() float64 {
	now := p.samples[pitchBuffer-pitchWindow:]
	energy := dot(now, now) + 1
	var best float32
	bestLag := 0
	for lag := minLag; lag <= maxLag; lag++ {
		earlier := p.samples[pitchBuffer-pitchWindow-lag:][:pitchWindow]
		cross := dot(now, earlier)
		if cross <= 0 {
			continue
		}
		// Longer lags count a little less, so that two periods are not taken for one.
		r := cross / float32(math.Sqrt(float64(energy*(dot(earlier, earlier)+1)))) * (1 - 0.001*float32(lag))
		if r > best {
			best, bestLag = r, lag
		}
	}
	if best < minPeriodic {
		return 0
	}
	return media.EarRate / decimation / float64(bestLag)
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
