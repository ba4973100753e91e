package media

import (
	"math"

	"frontdesk/internal/fft"
)

const (
	vadBands   = 16
	vadLevel   = vadBands // index of the whole level, behind the bands
	vadQuiet   = 4        // dB below which sound is of no interest
	vadMargin  = 20       // dB by which a caller is louder than the background, at least
	vadForget  = 0.01     // dB by which the caller's level fades in a frame
	vadRaise   = 0.3      // share by which it follows a louder frame
	vadSmooth  = 0.3      // share by which the lasting traits follow a frame
	vadRiseLag = 4        // frames over which a rise is seen

	vadCut    = 4 // decimation for the pitch: 4 kHz
	vadPast   = 192
	vadWindow = 100
	vadShort  = EarRate / vadCut / 400
	vadLong   = EarRate / vadCut / 60
)

// vadEdges are the bins at which bands begin: about a third of an octave, 94 Hz to
// 7.2 kHz. The level is that of the bands from 280 Hz to 4.5 kHz: what all lines carry,
// without hum.
var vadEdges = [vadBands + 1]int{3, 6, 9, 12, 16, 20, 25, 31, 39, 48, 60, 75, 94, 117, 146, 182, 232}

const vadLevelFrom, vadLevelTo = 2, 14

// VoiceFeatures is what a frame is judged by, each of the order of one. Levels are in
// tens of dB; low, mid and high are up to 625 Hz, to 2.3 kHz and above.
type VoiceFeatures [17]float32

// The traits. A caller is told from other voices by the last frames' level over the
// background and under the caller's own, and by the single pitch that stands out.
const (
	lowOverFloor = iota // over the minimum of the background
	midOverFloor
	highOverFloor
	mostOverFloor // in the band that stands out most
	lowOverUsual  // over the mean of the background
	midOverUsual
	highOverUsual
	overUsual   // the whole level
	overLasting // the same over the last frames
	unrest      // of the background
	underCaller // from the caller's own level
	clearness   // of the line: the background under the caller's level
	pitched     // how periodic the sound is, -1 to 1
	pitchLasting
	pitchUsual // of the background
	rising     // since vadRiseLag frames
	learning   // how much of the background is known, 0 to 1
)

// listener measures the traits of a stream.
type listener struct {
	sound      [fft.Size]float32 // the last samples, oldest first
	low        [vadPast]float32  // the same at 4 kHz, without what is below a voice
	below      [2]float32        // what is: DC, hum
	fft        fft.Spectrum
	power      [fft.Bins]float32
	background background
	caller     float32 // dB, the level at which the caller speaks
	levels     [vadRiseLag]float32
	traits     VoiceFeatures
}

// Measure takes the next frame (EarFrame samples at EarRate), which it does not keep,
// and returns what it is judged by, valid until the next one: nil for digital silence,
// which teaches nothing about the line. Detect does the same; use one of them.
func (l *listener) Measure(frame []int16) *VoiceFeatures {
	l.take(frame)
	sum := 0
	for _, s := range frame {
		sum += max(int(s), -int(s))
	}
	if 2*sum < len(frame) {
		return nil
	}
	l.fft.Power(&l.power, &l.sound)
	bands := l.bands()
	pitch := 2*l.pitch() - 1
	l.background.hear(&bands, pitch)
	l.compare(&bands, pitch)
	return &l.traits
}

// take appends frame to what was heard.
func (l *listener) take(frame []int16) {
	n := copy(l.sound[:], l.sound[EarFrame:])
	for i, s := range frame[:EarFrame] {
		l.sound[n+i] = float32(s)
	}
	m := copy(l.low[:], l.low[EarFrame/vadCut:])
	for i := m; i < vadPast; i++ {
		sum := float32(0)
		for _, s := range l.sound[n:][(i-m)*vadCut:][:vadCut] {
			sum += s
		}
		sum /= vadCut
		for k := range l.below {
			l.below[k] += (sum - l.below[k]) * 0.17 // 120 Hz
			sum -= l.below[k]
		}
		l.low[i] = sum
	}
}

// bands is the mean power of a bin in each band, and in all that make the level.
func (l *listener) bands() (out [vadBands + 1]float32) {
	for b := range vadBands {
		sum := float32(0)
		for _, p := range l.power[vadEdges[b]:vadEdges[b+1]] {
			sum += p
		}
		if b >= vadLevelFrom && b < vadLevelTo {
			out[vadLevel] += sum
		}
		out[b] = sum / float32(vadEdges[b+1]-vadEdges[b])
	}
	out[vadLevel] /= float32(vadEdges[vadLevelTo] - vadEdges[vadLevelFrom])
	return out
}

// compare sets the traits of a frame with this power in its bands and this pitch.
func (l *listener) compare(power *[vadBands + 1]float32, pitch float32) {
	var floor, usual [vadBands]float32
	most := float32(0)
	for b := range vadBands {
		db := max(fft.Decibel(power[b]), vadQuiet)
		floor[b] = min(max(db-l.background.floor[b], 0), 30)
		usual[b] = min(max(db-l.background.usual[b], -10), 30)
		most = max(most, floor[b])
	}
	level, common := max(fft.Decibel(power[vadLevel]), vadQuiet), l.background.usual[vadLevel]
	l.caller = max(l.caller-vadForget, common+vadMargin)
	if level > l.caller {
		l.caller += (level - l.caller) * vadRaise
	}
	t := &l.traits
	t[lowOverFloor], t[midOverFloor], t[highOverFloor] = mean(floor[:6])/10, mean(floor[6:11])/10, mean(floor[11:])/10
	t[lowOverUsual], t[midOverUsual], t[highOverUsual] = mean(usual[:6])/10, mean(usual[6:11])/10, mean(usual[11:])/10
	t[mostOverFloor] = most / 10
	t[overUsual] = min(max(level-common, -10), 40) / 10
	t[overLasting] += (t[overUsual] - t[overLasting]) * vadSmooth
	t[unrest] = l.background.unrest / 5
	t[underCaller] = max(level-l.caller, -50) / 10
	t[clearness] = max(common-l.caller, -70) / 20
	t[pitched] = pitch
	t[pitchLasting] += (pitch - t[pitchLasting]) * vadSmooth
	t[pitchUsual] = l.background.pitch
	t[rising] = min(max(level-l.levels[vadRiseLag-1], -30), 30) / 10
	t[learning] = float32(min(l.background.known, 2*backgroundFrames)) / (2 * backgroundFrames)
	copy(l.levels[1:], l.levels[:])
	l.levels[0] = level
}

// pitch is how periodic the sound is at 60 to 400 Hz: the highest peak of the
// normalised autocorrelation, 0 to 1. A slope, as noise of low frequencies has, is no
// peak.
func (l *listener) pitch() float32 {
	now := l.low[vadPast-vadWindow:]
	energy := dot(now, now) + 1
	var best, before, last float32
	for lag := vadShort - 1; lag <= vadLong+1; lag++ {
		past := l.low[vadPast-vadWindow-lag:][:vadWindow]
		var r float32
		if cross := dot(now, past); cross > 0 {
			r = cross * cross / (energy * (dot(past, past) + 1))
		}
		if last > before && last >= r {
			best = max(best, last)
		}
		before, last = last, r
	}
	return float32(math.Sqrt(float64(best)))
}

func mean(x []float32) float32 {
	sum := float32(0)
	for _, v := range x {
		sum += v
	}
	return sum / float32(len(x))
}
