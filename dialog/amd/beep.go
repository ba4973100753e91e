package amd

import (
	"time"

	"frontdesk/internal/fft"
	"frontdesk/media"
)

const (
	// BeepShortest and BeepLongest bound how long a beep lasts. What lasts longer is a
	// fax machine (ITU-T T.30: 2100 Hz for 2.6 to 4 s) or a dial tone.
	BeepShortest = 100 * time.Millisecond
	BeepLongest  = 2 * time.Second

	beepLow      = 400  // Hz
	beepHigh     = 2500 // Hz
	beepBlock    = 64   // samples over which the level is compared
	beepSteady   = 0.4  // share of the loudest block's power that the softest has, at least
	beepQuiet    = 3600 // mean square below which nothing is a tone: -55 dBFS
	beepPure     = 0.8  // share of the telephone band's power that is in the peak, at least
	beepSecond   = 0.03 // share of the peak's power that any other has, at most
	beepLobe     = 2    // bins either side of the peak that are its own under a Hann window
	beepDrift    = 8    // Hz by which a steady tone is measured differently, at most
	beepAlone    = 5    // frames without another tone behind a beep
	beepBandFrom = 6    // bins of the telephone band: 190 Hz
	beepBandTo   = 125  // to 3.9 kHz

	// How many windows lie within the shortest beep, at least, and within the longest.
	beepFew  = (int(BeepShortest/time.Millisecond)*media.EarRate/1000 - fft.Size) / media.EarFrame
	beepMany = int(BeepLongest/media.FrameTime) + 1

	// Tones of the network are at 400 to 450 Hz, also up to 480 Hz where two sound
	// together (ITU-T E.180).
	progressLow, progressHigh = 395, 490
	progressOther             = 3 // frames of the tone whose energy other sound has, at least
)

// Beep finds the beep with which an answering machine begins to record: one steady, pure
// tone of 400 to 2500 Hz that stands alone. What else sounds on a telephone differs:
//
//   - voice and music have power at other frequencies, or do not keep one;
//   - DTMF and the busy tones of North America have two peaks (480+620 Hz);
//   - ring-back of two near tones (440+480, 400+450 Hz) swells and fades 40 or 50 times
//     a second;
//   - special information tones and melodies of pure notes follow each other at once;
//   - ring-back and busy tones of one frequency (425 Hz) repeat after mere silence, and
//     come before anything was said: at 395 to 490 Hz a tone is a beep only if other sound
//     with the energy of 60 ms of it was heard since the last such tone. The noise of a
//     line has that of 40 ms in the longest pause, 4 s, where it is 20 dB under the tone.
//
// The zero value is ready. Not safe for concurrent use.
type BeepDetector struct {
	sound [fft.Size]float32 // the last samples, oldest first
	fft   fft.Spectrum
	power [fft.Bins]float32

	hz     float32 // mean of the tone under way
	run    int     // its windows; 0: none
	gap    int     // frames since its last window
	melody bool    // another tone went before it at once

	tone  float32    // its energy
	other float32    // the energy of what is no tone, since the last tone of the network
	edge  [2]float32 // of the last frames, which may hold the beginning of a tone
}

// Hear takes the next frame (EarFrame samples at EarRate), which it does not keep, and
// reports whether a beep has ended, 100 ms after its end.
func (b *BeepDetector) Hear(frame []int16) bool {
	n := copy(b.sound[:], b.sound[media.EarFrame:])
	for i, s := range frame[:media.EarFrame] {
		b.sound[n+i] = float32(s)
	}
	hz, pure := b.measure()
	now := b.sound[n:]
	switch energy := energy(now); {
	case pure:
		b.follow(hz, energy)
		return false
	case b.run == 0:
		b.other += b.edge[0]
		b.edge = [2]float32{b.edge[1], energy}
		return false
	}
	if b.gap++; b.gap < beepAlone {
		return false
	}
	return b.end()
}

// Tonal reports whether the last frame was one of a steady, pure tone, of whatever length.
func (b *BeepDetector) IsTone() bool { return b.run > 0 && b.gap == 0 }

// follow takes a frame of a tone of hz, which may be another than the one under way.
func (b *BeepDetector) follow(hz, energy float32) {
	if d := hz - b.hz; b.run == 0 || max(d, -d) > beepDrift {
		b.melody = b.run > 0 && (b.melody || b.run >= beepFew)
		b.run, b.gap, b.hz, b.tone = 0, 0, hz, 0
	}
	b.run += b.gap + 1
	b.gap = 0
	b.hz += (hz - b.hz) / float32(b.run)
	b.tone += energy
	b.edge = [2]float32{}
}

// end reports whether the tone that has ended was a beep.
func (b *BeepDetector) end() bool {
	beep := b.run >= beepFew && b.run <= beepMany && !b.melody
	if b.run >= beepFew && b.hz > progressLow && b.hz < progressHigh {
		beep = beep && b.other > progressOther*b.tone/float32(b.run)
		b.other = 0
	}
	b.run, b.melody, b.tone = 0, false, 0
	return beep
}

// measure finds the tone of the last fftSize samples.
func (b *BeepDetector) measure() (hz float32, pure bool) {
	if !b.steady() {
		return 0, false
	}
	b.fft.Power(&b.power, &b.sound)
	peak, total := beepBandFrom, float32(0)
	for k := beepBandFrom; k < beepBandTo; k++ {
		total += b.power[k]
		if b.power[k] > b.power[peak] {
			peak = k
		}
	}
	from, to := max(peak-beepLobe, beepBandFrom), min(peak+beepLobe+1, beepBandTo)
	line, second := float32(0), float32(0)
	for k := beepBandFrom; k < beepBandTo; k++ {
		switch {
		case k >= from && k < to:
			line += b.power[k]
		case k < from-1 || k > to:
			second = max(second, b.power[k])
		}
	}
	hz = (float32(peak) + b.between(peak)) * media.EarRate / fft.Size
	pure = hz >= beepLow-beepDrift && hz <= beepHigh+beepDrift && line > beepPure*total && second < beepSecond*b.power[peak]
	return hz, pure
}

// between is where between bins the peak lies, -0.5 to 0.5: the vertex of a parabola
// through three levels in dB.
func (b *BeepDetector) between(peak int) float32 {
	left, top, right := fft.Decibel(b.power[peak-1]), fft.Decibel(b.power[peak]), fft.Decibel(b.power[peak+1])
	bend := left - 2*top + right
	if bend >= 0 {
		return 0
	}
	return min(max((left-right)/(2*bend), -0.5), 0.5)
}

// steady reports whether the sound has one level: speech seldom has, and two tones that
// are too near for the transform never.
func (b *BeepDetector) steady() bool {
	least, most := float32(0), float32(0)
	for i := 0; i < fft.Size; i += beepBlock {
		block := b.sound[i:][:beepBlock]
		power := energy(block) / beepBlock
		if i == 0 {
			least = power
		}
		least, most = min(least, power), max(most, power)
	}
	return least >= beepQuiet && least >= beepSteady*most
}

// energy returns the sum of the squares of x.
func energy(x []float32) (sum float32) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}
