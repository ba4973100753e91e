package media

import (
	"math"

	"frontdesk/internal/fft"
)

const (
	vadBands   = 16
	vadLevel   = vadBands // index of the whole level, after the bands
	vadQuiet   = 4        // dB; lower levels count as this one
	vadMargin  = 20       // dB by which a caller is assumed to be louder than the background, at least
	vadForget  = 0.01     // dB by which the estimate of the caller's level falls per frame
	vadRaise   = 0.3      // share by which it follows a louder frame
	vadSmooth  = 0.3      // share by which the smoothed features follow a frame
	vadRiseLag = 4        // frames over which a rise is measured

	vadCut    = 4 // decimation for the pitch: 4 kHz
	vadPast   = 192
	vadWindow = 100
	vadShort  = EarRate / vadCut / 400
	vadLong   = EarRate / vadCut / 60
)

// vadEdges are the bins at which bands begin: about a third of an octave each, 94 Hz to
// 7.2 kHz. The whole level is measured from 280 Hz to 4.5 kHz: every line carries these
// frequencies, and there is no hum in them.
var vadEdges = [vadBands + 1]int{3, 6, 9, 12, 16, 20, 25, 31, 39, 48, 60, 75, 94, 117, 146, 182, 232}

const vadLevelFrom, vadLevelTo = 2, 14

// VoiceFeatures are the inputs of a VoiceNet, scaled to a magnitude of about 1. Levels are
// in tens of dB; low is up to 625 Hz, mid to 2.3 kHz, and high above.
type VoiceFeatures [17]float32

// The indices of VoiceFeatures. A caller differs from other voices by the level of the last
// frames above the background and relative to the caller's own, and by a single clear pitch.
const (
	lowOverFloor = iota // level above the minimum of the background
	midOverFloor
	highOverFloor
	mostOverFloor // the same in the band where it is highest
	lowOverMean   // level above the mean of the background
	midOverMean
	highOverMean
	overMean        // the same of all bands together
	overMeanSmooth  // overMean, smoothed
	unsteadiness    // how much the level of the background varies
	underCaller     // level below the caller's
	backgroundUnder // level of the background below the caller's
	periodicity     // of the audio, -1 to 1
	periodicitySmooth
	backgroundPeriodicity
	rise     // of the level over vadRiseLag frames
	learning // how well the background is known, 0 to 1
)

// voiceAnalyzer computes the features of a stream.
type voiceAnalyzer struct {
	audio      [fft.Size]float32 // the last samples, oldest first
	low        [vadPast]float32  // the same at 4 kHz, without frequencies below a voice
	dc         [2]float32        // state of the filter that removes DC and hum
	fft        fft.Spectrum
	power      [fft.Bins]float32
	background background
	caller     float32 // level of the caller, dB
	levels     [vadRiseLag]float32
	features   VoiceFeatures
}

// Measure returns the features of the next frame (EarFrame samples at EarRate), valid
// until the next call, and nil for digital silence, which says nothing about the line. It
// does not keep frame. Detect calls it; call only one of the two.
func (a *voiceAnalyzer) Measure(frame []int16) *VoiceFeatures {
	a.append(frame)
	sum := 0
	for _, s := range frame {
		sum += max(int(s), -int(s))
	}
	if 2*sum < len(frame) {
		return nil
	}
	a.fft.Power(&a.power, &a.audio)
	bands := a.bands()
	pitch := 2*a.pitch() - 1
	a.background.add(&bands, pitch)
	a.compare(&bands, pitch)
	return &a.features
}

// append appends frame to the audio.
func (a *voiceAnalyzer) append(frame []int16) {
	n := copy(a.audio[:], a.audio[EarFrame:])
	for i, s := range frame[:EarFrame] {
		a.audio[n+i] = float32(s)
	}
	m := copy(a.low[:], a.low[EarFrame/vadCut:])
	for i := m; i < vadPast; i++ {
		sum := float32(0)
		for _, s := range a.audio[n:][(i-m)*vadCut:][:vadCut] {
			sum += s
		}
		sum /= vadCut
		for k := range a.dc {
			a.dc[k] += (sum - a.dc[k]) * 0.17 // 120 Hz
			sum -= a.dc[k]
		}
		a.low[i] = sum
	}
}

// bands returns the mean power of a bin in each band, and over the bands of the level.
func (a *voiceAnalyzer) bands() (out [vadBands + 1]float32) {
	for b := range vadBands {
		sum := float32(0)
		for _, p := range a.power[vadEdges[b]:vadEdges[b+1]] {
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

// compare computes the features of a frame from the power of its bands and its periodicity.
func (a *voiceAnalyzer) compare(power *[vadBands + 1]float32, pitch float32) {
	var floor, average [vadBands]float32
	most := float32(0)
	for b := range vadBands {
		db := max(fft.Decibel(power[b]), vadQuiet)
		floor[b] = min(max(db-a.background.floor[b], 0), 30)
		average[b] = min(max(db-a.background.mean[b], -10), 30)
		most = max(most, floor[b])
	}
	level, common := max(fft.Decibel(power[vadLevel]), vadQuiet), a.background.mean[vadLevel]
	a.caller = max(a.caller-vadForget, common+vadMargin)
	if level > a.caller {
		a.caller += (level - a.caller) * vadRaise
	}
	f := &a.features
	f[lowOverFloor], f[midOverFloor], f[highOverFloor] = mean(floor[:6])/10, mean(floor[6:11])/10, mean(floor[11:])/10
	f[lowOverMean], f[midOverMean], f[highOverMean] = mean(average[:6])/10, mean(average[6:11])/10, mean(average[11:])/10
	f[mostOverFloor] = most / 10
	f[overMean] = min(max(level-common, -10), 40) / 10
	f[overMeanSmooth] += (f[overMean] - f[overMeanSmooth]) * vadSmooth
	f[unsteadiness] = a.background.deviation / 5
	f[underCaller] = max(level-a.caller, -50) / 10
	f[backgroundUnder] = max(common-a.caller, -70) / 20
	f[periodicity] = pitch
	f[periodicitySmooth] += (pitch - f[periodicitySmooth]) * vadSmooth
	f[backgroundPeriodicity] = a.background.pitch
	f[rise] = min(max(level-a.levels[vadRiseLag-1], -30), 30) / 10
	f[learning] = float32(min(a.background.known, 2*backgroundFrames)) / (2 * backgroundFrames)
	copy(a.levels[1:], a.levels[:])
	a.levels[0] = level
}

// pitch returns how periodic the audio is at 60 to 400 Hz: the highest peak of the
// normalized autocorrelation, 0 to 1. A slope, as low-frequency noise has, is not a peak.
func (a *voiceAnalyzer) pitch() float32 {
	now := a.low[vadPast-vadWindow:]
	energy := dot(now, now) + 1
	var best, before, last float32
	for lag := vadShort - 1; lag <= vadLong+1; lag++ {
		past := a.low[vadPast-vadWindow-lag:][:vadWindow]
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
