package endpoint

import (
	"math"

	"frontdesk/media"
)

const (
	cut      = 4 // decimation for the pitch: 4 kHz
	window   = 100
	shortest = media.EarRate / cut / 400
	longest  = media.EarRate / cut / 60
	past     = window + longest + 1
	periodic = 0.6 // autocorrelation from which a frame has a pitch
	tail     = 6   // frames with a pitch at the end that are compared with those before
	learning = 200 // frames over which the usual pitch is learned
)

// Prosody follows how a caller speaks. The zero value knows nothing of the caller yet.
type Prosody struct {
	low    [past]float32
	last   [tail]float32 // logarithms of the latest pitches, base 2
	next   int           // in last
	heard  int           // frames with a pitch, ever
	usual  float64       // mean of their logarithms
	run    int           // frames with a pitch in a row, now or last
	within bool          // the run goes on
	runs   float64       // their usual length
}

// Hear takes a frame with speech, which it does not keep.
func (p *Prosody) Hear(frame []int16) {
	copy(p.low[:], p.low[media.EarFrame/cut:])
	for i := range media.EarFrame / cut {
		sum := float32(0)
		for _, s := range frame[i*cut : i*cut+cut] {
			sum += float32(s)
		}
		p.low[past-media.EarFrame/cut+i] = sum
	}
	hz := p.pitch()
	if hz == 0 {
		if p.within && p.run >= 2 {
			p.runs += (float64(p.run) - p.runs) / 10
		}
		p.within = false
		return
	}
	if !p.within {
		p.run, p.within = 0, true
	}
	p.run++
	octave := math.Log2(hz)
	p.last[p.next] = float32(octave)
	p.next = (p.next + 1) % tail
	p.heard++
	p.usual += (octave - p.usual) / float64(min(p.heard, learning))
}

// set puts what is known now into f.
func (p *Prosody) set(f *Features) {
	if p.heard < 2*tail {
		return
	}
	sum := 0.0
	for _, v := range p.last {
		sum += float64(v)
	}
	f[pitch] = min(max(p.usual-sum/tail, -1), 1)
	f[slowing] = min(max((float64(p.run)-p.runs)/5, -2), 2)
}

// pitch is the frequency of the last frames, 0 when they have none: the highest peak of
// the normalised autocorrelation.
func (p *Prosody) pitch() float64 {
	now := p.low[past-window:]
	energy := dot(now, now) + 1
	var best float32
	at := 0
	for lag := shortest; lag <= longest; lag++ {
		then := p.low[past-window-lag:][:window]
		cross := dot(now, then)
		if cross <= 0 {
			continue
		}
		// A little less for longer lags, so that a period is not taken for two.
		r := cross / float32(math.Sqrt(float64(energy*(dot(then, then)+1)))) * (1 - 0.001*float32(lag))
		if r > best {
			best, at = r, lag
		}
	}
	if best < periodic {
		return 0
	}
	return media.EarRate / cut / float64(at)
}

func dot(a, b []float32) float32 {
	sum := float32(0)
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
