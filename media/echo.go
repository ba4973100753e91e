package media

import (
	"math"
	"sync"

	"frontdesk/internal/fft"
)

const (
	echoBands           = 8
	echoLags            = 28    // longest delay of an echo in frames: 560 ms
	echoRing            = 64    // played frames that are kept; at least echoLags and a few
	echoKeep            = 0.985 // share of the statistics kept from frame to frame: about 1.3 s
	echoMinPlayed       = 30    // frames that must be played before a delay is accepted
	echoMinCorrelation  = 0.7   // correlation from which a delay is accepted
	echoHoldCorrelation = 0.7   // correlation from which an accepted delay is kept
	echoStep            = 0.5   // dB by which the gain of a band changes per frame
	echoFloor           = 20    // dB below which a band counts as empty
	echoLearn           = 15    // dB above echoFloor from which the gain of a band is learned
	echoMargin          = 6     // dB by which a caller exceeds the expected echo
	echoTail            = 3     // frames of reverberation
	echoDecay           = 6     // dB by which reverberation fades per frame
	echoMinBands        = 2     // bands in which a caller is louder than the echo, at least
	echoLearnFrames     = 50    // played frames with audio before echo can be distinguished from a caller
	echoProofFrames     = 100   // played frames with audio after which an echo, if there is one, has been detected
	echoMemory          = 500   // frames for which a line with echo may still have it after its delay is lost
	echoQuantile        = 0.6   // share of the observed gains below the gain that is learned
)

// echoEdges are the edges of the bands in Hz: what a small loudspeaker and a telephone
// carry.
var echoEdges = [echoBands + 1]float64{300, 450, 650, 900, 1200, 1600, 2200, 3000, 3700}

// EchoDetector decides whether the audio of a microphone is only the echo of the agent's
// own voice: up to half a second late, quieter, and colored by loudspeaker and room. It
// estimates the echo delay by cross-correlating the band levels of played and heard audio
// over the last second or two (a coarse form of the delay estimation of acoustic echo
// cancellers; G. C. Carter, "Coherence and time delay estimation", 1987), learns the gain
// of each band, and finds a caller where a frame is louder than the expected echo.
// AddPlayed may be called from another goroutine than IsEcho.
type EchoDetector struct {
	in, out echoInput

	mu     sync.Mutex
	played [echoRing][echoBands]float32 // dB, by frame
	frames int                          // ever played, including silence
	loud   int                          // of them with audio
	silent int                          // frames since the last one with audio

	correlation echoCorrelation
	gain        [echoBands]float32 // dB from played to heard; 0 until it is learned
	learned     int                // frames that gain was learned from
	lag         int                // delay in frames; -1 while unknown
	sinceEcho   int                // frames that could hold echo since the delay was known, up to echoMemory
}

// echoInput measures the band levels of one direction.
type echoInput struct {
	fft   fft.Spectrum
	edges [echoBands + 1]int
	audio [fft.Size]float32
	power [fft.Bins]float32
}

// echoCorrelation is the running cross-correlation of band levels at each delay.
type echoCorrelation struct {
	meanOut, meanIn  [echoBands]float32
	cross, squareOut [echoLags]float32
	squareIn, weight float32
}

// NewEchoDetector returns a detector for one call.
func NewEchoDetector() *EchoDetector {
	d := &EchoDetector{lag: -1, silent: echoRing, sinceEcho: echoMemory}
	for i, hz := range echoEdges {
		d.in.edges[i] = int(hz * fft.Size / EarRate)
		d.out.edges[i] = int(hz * fft.Size / MouthRate)
	}
	return d
}

// AddPlayed adds the next frame that was sent to the caller (MouthFrame samples at
// MouthRate), nil for silence. It does not keep it.
func (d *EchoDetector) AddPlayed(frame []int16) {
	var levels [echoBands]float32
	if frame != nil {
		d.out.measure(&levels, frame)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.played[d.frames%echoRing] = levels
	d.frames++
	if d.silent++; frame != nil {
		d.silent = 0
		d.loud++
	}
}

// IsEcho reports whether the next frame that was heard (EarFrame samples at EarRate)
// holds nothing but echo. It does not keep frame.
func (d *EchoDetector) IsEcho(frame []int16) bool {
	if d.IsQuiet() {
		return false
	}
	var heard [echoBands]float32
	d.in.measure(&heard, frame)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.correlate(&heard)
	if d.lag < 0 {
		d.sinceEcho = min(d.sinceEcho+1, echoMemory)
		return false
	}
	if d.loud >= echoProofFrames { // before that, noise can look like an echo
		d.sinceEcho = 0
	}
	expected, hasEcho := d.expect()
	if !hasEcho {
		return false
	}
	d.learn(&heard)
	beyond := 0
	for b, level := range heard {
		if level > echoMargin/2 && level > expected[b]+echoMargin {
			beyond++
		}
	}
	return beyond < echoMinBands
}

// MayHaveEcho reports whether there is or was echo lately, or too little was played to
// exclude it. A caller who speaks over the agent hides the delay of the echo for a while.
func (d *EchoDetector) MayHaveEcho() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sinceEcho < echoMemory || d.loud < echoProofFrames
}

// IsQuiet reports whether nothing was played of which an echo may still come.
func (d *EchoDetector) IsQuiet() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.silent > echoLags+echoTail
}

// correlate estimates the echo delay by cross-correlating band levels.
func (d *EchoDetector) correlate(heard *[echoBands]float32) {
	const slow = 1 - echoKeep
	c, now := &d.correlation, d.at(0)
	for b := range echoBands {
		c.meanOut[b] += slow * (now[b] - c.meanOut[b])
		c.meanIn[b] += slow * (heard[b] - c.meanIn[b])
	}
	var in [echoBands]float32
	c.squareIn *= echoKeep
	for b := range echoBands {
		in[b] = heard[b] - c.meanIn[b]
		c.squareIn += in[b] * in[b]
	}
	best, highest := -1, float32(echoMinCorrelation)
	if d.lag >= 0 {
		highest = echoHoldCorrelation
	}
	for lag := range echoLags {
		out := d.at(lag)
		cross, square := float32(0), float32(0)
		for b := range echoBands {
			x := out[b] - c.meanOut[b]
			cross += x * in[b]
			square += x * x
		}
		c.cross[lag] = c.cross[lag]*echoKeep + cross
		c.squareOut[lag] = c.squareOut[lag]*echoKeep + square
		if r := c.cross[lag] / float32(math.Sqrt(float64(c.squareOut[lag]*c.squareIn)+1)); r > highest {
			best, highest = lag, r
		}
	}
	if c.weight = c.weight*echoKeep + 1; c.weight >= echoMinPlayed*0.8 {
		d.lag = best
	}
}

// expect returns the highest levels that the echo may have now, and whether audio
// was played that may come back now.
func (d *EchoDetector) expect() (levels [echoBands]float32, hasEcho bool) {
	for k := -1; k <= echoTail; k++ {
		if d.lag+k < 0 {
			continue
		}
		out := d.at(d.lag + k)
		for b := range echoBands {
			if out[b] == 0 {
				continue
			}
			hasEcho = true
			levels[b] = max(levels[b], out[b]+d.gain[b]-float32(max(k-1, 0)*echoDecay))
		}
	}
	return levels, hasEcho
}

// learn adapts the gain of each band.
func (d *EchoDetector) learn(heard *[echoBands]float32) {
	step := float32(echoStep)
	if d.learned++; d.learned < echoLearnFrames {
		step *= 4
	}
	out := d.at(d.lag)
	for b := range echoBands {
		switch {
		case out[b] < echoLearn || heard[b] == 0:
		case heard[b]-out[b] > d.gain[b]:
			d.gain[b] += step * echoQuantile
		default:
			d.gain[b] -= step * (1 - echoQuantile)
		}
	}
}

// at returns the band levels that were played lag frames ago.
func (d *EchoDetector) at(lag int) *[echoBands]float32 {
	return &d.played[(d.frames-1-lag+2*echoRing)%echoRing]
}

// measure appends frame to the audio and computes the band levels in dB above echoFloor;
// a quieter band is 0.
func (e *echoInput) measure(levels *[echoBands]float32, frame []int16) {
	n := copy(e.audio[:], e.audio[min(len(frame), fft.Size):])
	for i, s := range frame[:fft.Size-n] {
		e.audio[n+i] = float32(s)
	}
	e.fft.Power(&e.power, &e.audio)
	for b := range levels {
		levels[b] = max(fft.Decibel(mean(e.power[e.edges[b]:e.edges[b+1]]))-echoFloor, 0)
	}
}
