package amd

import (
	"time"

	"frontdesk/internal/fft"
	"frontdesk/media"
)

const (
	// minBeep and maxBeep bound how long a beep lasts. A longer tone is a fax machine
	// (ITU-T T.30: 2100 Hz for 2.6 to 4 s) or a dial tone.
	minBeep = 100 * time.Millisecond
	maxBeep = 2 * time.Second

	lowestBeep   = 400  // Hz
	highestBeep  = 2500 // Hz
	maxDrift     = 8    // Hz by which two measurements of a steady tone differ
	levelBlock   = 64   // samples over which the level is compared
	steadyLevel  = 0.4  // smallest ratio of power between the softest block and the loudest
	minTonePower = 3600 // mean square below which nothing is a tone: -55 dBFS
	minPurity    = 0.8  // part of the telephone band's power that is in the peak
	maxSecond    = 0.03 // ratio of the second peak's power to the peak's
	peakWidth    = 2    // bins on either side that belong to a peak under a Hann window
	bandFrom     = 6    // first bin of the telephone band: 190 Hz
	bandTo       = 125  // and the bin after its last: 3.9 kHz

	// gapAfterBeep is how many frames without another tone follow a beep.
	gapAfterBeep = 5
	// minToneFrames is how many windows lie within the shortest beep, at least.
	minToneFrames = (int(minBeep/time.Millisecond)*media.EarRate/1000 - fft.Size) / media.EarFrame
	maxToneFrames = int(maxBeep/media.FrameTime) + 1

	// Tones of the network are at 400 to 450 Hz, and up to 480 Hz if two are combined (ITU-T
	// E.180). A tone at these frequencies is a beep only after other audio with the energy of
	// audioBeforeBeep frames of the tone.
	networkFromHz, networkToHz = 395, 490
	audioBeforeBeep            = 3
)

// BeepDetector finds the beep with which an answering machine begins to record: one steady,
// pure tone of 400 to 2500 Hz with no other tone next to it. Other audio on a telephone
// differs from it:
//
//   - Voice and music have power at other frequencies, or their frequency changes.
//   - DTMF and the busy tones of North America have two peaks (480+620 Hz).
//   - Ring-back of two near tones (440+480, 400+450 Hz) beats 40 or 50 times a second.
//   - Special information tones and melodies are tones that follow each other without a gap.
//   - Ring-back and busy tones of one frequency (425 Hz) repeat with only silence between
//     them, before anything is said: at 395 to 490 Hz a tone is a beep only if other audio
//     with the energy of 60 ms of the tone came after the last such tone. The noise of a
//     line that is 20 dB below the tone has the energy of 40 ms in the longest pause, 4 s.
//
// The zero value is ready. Not safe for concurrent use.
type BeepDetector struct {
	samples  [fft.Size]float32 // the latest, oldest first
	spectrum fft.Spectrum
	power    [fft.Bins]float32

	hz          float32    // mean frequency of the current tone
	frames      int        // length of the current tone; 0 for none
	gap         int        // frames since its last window
	isMelody    bool       // another tone came right before it
	toneEnergy  float32    // of the current tone
	otherEnergy float32    // of audio that was not a tone, since the last tone of the network
	recent      [2]float32 // energy of the last frames, which may hold the beginning of a tone
}

// AddFrame adds the next frame (EarFrame samples at EarRate, not kept) and reports whether
// a beep has ended. It does so 100 ms after the end.
func (b *BeepDetector) AddFrame(frame []int16) bool {
	n := copy(b.samples[:], b.samples[media.EarFrame:])
	for i, s := range frame[:media.EarFrame] {
		b.samples[n+i] = float32(s)
	}
	hz, isTone := b.findTone()
	switch energy := energy(b.samples[n:]); {
	case isTone:
		b.extendTone(hz, energy)
		return false
	case b.frames == 0:
		b.otherEnergy += b.recent[0]
		b.recent = [2]float32{b.recent[1], energy}
		return false
	}
	if b.gap++; b.gap < gapAfterBeep {
		return false
	}
	return b.endTone()
}

// IsTone reports whether the last frame was part of a steady, pure tone of any length.
func (b *BeepDetector) IsTone() bool { return b.frames > 0 && b.gap == 0 }

// extendTone adds a frame of hz to the current tone, or to a new one if hz differs.
func (b *BeepDetector) extendTone(hz, energy float32) {
	if d := hz - b.hz; b.frames == 0 || max(d, -d) > maxDrift {
		b.isMelody = b.frames > 0 && (b.isMelody || b.frames >= minToneFrames)
		b.frames, b.gap, b.hz, b.toneEnergy = 0, 0, hz, 0
	}
	b.frames += b.gap + 1
	b.gap = 0
	b.hz += (hz - b.hz) / float32(b.frames)
	b.toneEnergy += energy
	b.recent = [2]float32{}
}

// endTone ends the current tone and reports whether it was a beep.
func (b *BeepDetector) endTone() bool {
	isBeep := b.frames >= minToneFrames && b.frames <= maxToneFrames && !b.isMelody
	if b.frames >= minToneFrames && b.hz > networkFromHz && b.hz < networkToHz {
		isBeep = isBeep && b.otherEnergy > audioBeforeBeep*b.toneEnergy/float32(b.frames)
		b.otherEnergy = 0
	}
	b.frames, b.isMelody, b.toneEnergy = 0, false, 0
	return isBeep
}

// findTone returns the frequency of the loudest tone in samples, and whether it is steady
// and pure.
func (b *BeepDetector) findTone() (hz float32, isTone bool) {
	if !b.isSteady() {
		return 0, false
	}
	b.spectrum.Power(&b.power, &b.samples)
	peak, total := bandFrom, float32(0)
	for k := bandFrom; k < bandTo; k++ {
		total += b.power[k]
		if b.power[k] > b.power[peak] {
			peak = k
		}
	}
	from, to := max(peak-peakWidth, bandFrom), min(peak+peakWidth+1, bandTo)
	line, second := float32(0), float32(0)
	for k := bandFrom; k < bandTo; k++ {
		switch {
		case k >= from && k < to:
			line += b.power[k]
		case k < from-1 || k > to:
			second = max(second, b.power[k])
		}
	}
	hz = (float32(peak) + b.peakOffset(peak)) * media.EarRate / fft.Size
	isTone = hz >= lowestBeep-maxDrift && hz <= highestBeep+maxDrift && line > minPurity*total && second < maxSecond*b.power[peak]
	return hz, isTone
}

// peakOffset returns how far the peak is from the middle of its bin, -0.5 to 0.5 bins: the
// vertex of a parabola through three levels in dB.
func (b *BeepDetector) peakOffset(peak int) float32 {
	left, top, right := fft.Decibel(b.power[peak-1]), fft.Decibel(b.power[peak]), fft.Decibel(b.power[peak+1])
	bend := left - 2*top + right
	if bend >= 0 {
		return 0
	}
	return min(max((left-right)/(2*bend), -0.5), 0.5)
}

// isSteady reports whether the level of samples is constant. Speech rarely is, and two
// tones too close to each other for the transform never are.
func (b *BeepDetector) isSteady() bool {
	softest, loudest := float32(0), float32(0)
	for i := 0; i < fft.Size; i += levelBlock {
		power := energy(b.samples[i:][:levelBlock]) / levelBlock
		if i == 0 {
			softest = power
		}
		softest, loudest = min(softest, power), max(loudest, power)
	}
	return softest >= minTonePower && softest >= steadyLevel*loudest
}

// energy returns the sum of the squares of x.
func energy(x []float32) (sum float32) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}
