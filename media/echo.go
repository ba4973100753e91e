package media

import (
	"math"
	"sync"

	"frontdesk/internal/fft"
)

const (
	echoBands  = 8
	echoLags   = 28    // frames by which an echo may be late: 560 ms
	echoRing   = 64    // frames of what was played that are kept; at least echoLags and a few
	echoKeep   = 0.985 // of the statistics from frame to frame: about 1.3 s
	echoEnough = 30    // frames played before a delay is believed
	echoAlike  = 0.7   // correlation from which it is
	echoStill  = 0.7   // and from which it still is, once it was
	echoStep   = 0.5   // dB by which what is known of a band changes in a frame
	echoFloor  = 20    // dB, a band's level under which it holds nothing of interest
	echoSpan   = 30    // dB over that which count as one loudness more or less
	echoMargin = 6     // dB by which a caller stands out of the echo that is expected
	echoTail   = 3     // frames for which a room goes on sounding
	echoDecay  = 6     // dB by which that fades in a frame
	echoBeyond = 2     // bands in which a caller stands out
	echoWarm   = 50    // frames of sound before which there is no telling
	echoUnsure = 100   // frames of sound in which echo must have shown, if there is any
	echoTypic  = 0.6   // of the gains seen that are lower than the one expected
)

// echoEdges are where the bands begin, in Hz: what a small loudspeaker and a telephone
// carry.
var echoEdges = [echoBands + 1]float64{300, 450, 650, 900, 1200, 1600, 2200, 3000, 3700}

// EchoDetector tells whether what a microphone brings is only the agent's own voice
// come back: late by up to half a second, quieter, and coloured by loudspeaker and room.
// It correlates the levels of bands of what was played with those of what is heard, at
// each delay, over the last second or two (a coarse form of the delay estimation of
// acoustic echo cancellers; G. C. Carter, "Coherence and time delay estimation", 1987),
// learns how loud each band comes back, and hears a caller where a frame is louder than
// that. Played may be called from another goroutine than IsEcho.
type EchoDetector struct {
	fftIn, fftOut      fft.Spectrum
	edgesIn, edgesOut  [echoBands + 1]int
	soundIn, soundOut  [fft.Size]float32
	powerIn, powerOut  [fft.Bins]float32
	mu                 sync.Mutex
	played             [echoRing][echoBands]float32 // dB, by frame
	frames             int                          // ever played, silence included
	sounded            int                          // of them with sound
	quiet              int                          // frames since something was
	meanOut, meanIn    [echoBands]float32
	cross, squareOut   [echoLags]float32
	squareIn, evidence float32
	gain               [echoBands]float32 // dB by which a band comes back; as loud as it went until it is known
	learned            int                // frames gain was learned from
	lag                int                // -1 while none is known
}

// NewEchoDetector makes a detector for one call.
func NewEchoDetector() *EchoDetector {
	d := &EchoDetector{lag: -1, quiet: echoRing}
	for i, hz := range echoEdges {
		d.edgesIn[i] = int(hz * fft.Size / EarRate)
		d.edgesOut[i] = int(hz * fft.Size / MouthRate)
	}
	return d
}

// Played takes the next frame that left for the caller (MouthFrame samples at MouthRate),
// nil for silence. It does not keep it.
func (d *EchoDetector) Played(frame []int16) {
	var levels [echoBands]float32
	if frame != nil {
		shift(&d.soundOut, frame)
		d.fftOut.Power(&d.powerOut, &d.soundOut)
		bands(&levels, &d.powerOut, &d.edgesOut)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.played[d.frames%echoRing] = levels
	d.frames++
	if d.quiet++; frame != nil {
		d.quiet = 0
		d.sounded++
	}
}

// IsEcho takes the next frame that was heard (EarFrame samples at EarRate), which it
// does not keep, and reports whether all that is in it is echo.
func (d *EchoDetector) IsEcho(frame []int16) bool {
	d.mu.Lock()
	idle := d.quiet > echoLags+echoTail
	d.mu.Unlock()
	if idle {
		return false
	}
	shift(&d.soundIn, frame)
	d.fftIn.Power(&d.powerIn, &d.soundIn)
	var heard [echoBands]float32
	bands(&heard, &d.powerIn, &d.edgesIn)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.correlate(&heard)
	if d.lag < 0 {
		return false
	}
	expected, any := d.expect()
	if !any {
		return false
	}
	d.learn(&heard)
	beyond := 0
	for b, level := range heard {
		if level > echoMargin/2 && level > expected[b]+echoMargin {
			beyond++
		}
	}
	return beyond < echoBeyond
}

// Unsure reports whether so little was played yet that echo could not be told.
func (d *EchoDetector) Unsure() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.quiet <= echoLags && d.sounded < echoWarm
}

// Possible reports whether there is echo, or not yet enough was played to know.
func (d *EchoDetector) Possible() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lag >= 0 || d.sounded < echoUnsure
}

// correlate learns at which delay what is heard goes like what was played.
func (d *EchoDetector) correlate(heard *[echoBands]float32) {
	const slow = 1 - echoKeep
	now := d.at(0)
	for b := range echoBands {
		d.meanOut[b] += slow * (now[b] - d.meanOut[b])
		d.meanIn[b] += slow * (heard[b] - d.meanIn[b])
	}
	var in [echoBands]float32
	d.squareIn *= echoKeep
	for b := range echoBands {
		in[b] = heard[b] - d.meanIn[b]
		d.squareIn += in[b] * in[b]
	}
	best, alike := -1, float32(echoAlike)
	if d.lag >= 0 {
		alike = echoStill
	}
	for lag := range echoLags {
		out := d.at(lag)
		cross, square := float32(0), float32(0)
		for b := range echoBands {
			x := out[b] - d.meanOut[b]
			cross += x * in[b]
			square += x * x
		}
		d.cross[lag] = d.cross[lag]*echoKeep + cross
		d.squareOut[lag] = d.squareOut[lag]*echoKeep + square
		if r := d.cross[lag] / float32(math.Sqrt(float64(d.squareOut[lag]*d.squareIn)+1)); r > alike {
			best, alike = lag, r
		}
	}
	if d.evidence = d.evidence*echoKeep + 1; d.evidence >= echoEnough*0.8 {
		d.lag = best
	}
}

// expect is how loud the echo of what was played may be now, and whether there is any.
func (d *EchoDetector) expect() (levels [echoBands]float32, any bool) {
	for k := -1; k <= echoTail; k++ {
		if d.lag+k < 0 {
			continue
		}
		out := d.at(d.lag + k)
		for b := range echoBands {
			if out[b] == 0 {
				continue
			}
			any = true
			levels[b] = max(levels[b], out[b]+d.gain[b]-float32(max(k-1, 0)*echoDecay))
		}
	}
	return levels, any
}

// learn follows how loud each band comes back.
func (d *EchoDetector) learn(heard *[echoBands]float32) {
	step := float32(echoStep)
	if d.learned++; d.learned < echoWarm {
		step *= 4
	}
	out := d.at(d.lag)
	for b := range echoBands {
		switch {
		case out[b] < echoSpan/2 || heard[b] == 0:
		case heard[b]-out[b] > d.gain[b]:
			d.gain[b] += step * echoTypic
		default:
			d.gain[b] -= step * (1 - echoTypic)
		}
	}
}

// at is what was played lag frames ago.
func (d *EchoDetector) at(lag int) *[echoBands]float32 {
	return &d.played[(d.frames-1-lag+2*echoRing)%echoRing]
}

// shift appends frame to the last fftSize samples.
func shift(sound *[fft.Size]float32, frame []int16) {
	n := copy(sound[:], sound[min(len(frame), fft.Size):])
	for i, s := range frame[:fft.Size-n] {
		sound[n+i] = float32(s)
	}
}

// bands are the levels of bands in dB over echoFloor, and 0 where there is less.
func bands(levels *[echoBands]float32, power *[fft.Bins]float32, edges *[echoBands + 1]int) {
	for b := range levels {
		levels[b] = max(fft.Decibel(mean(power[edges[b]:edges[b+1]]))-echoFloor, 0)
	}
}
