package media

import "math"

const (
	vadBands    = 16
	vadBlock    = 10   // frames of one minimum
	vadBlocks   = 7    // minima remembered: together 1.4 s
	vadBias     = 2    // dB by which the smoothed minimum lies under the mean of noise
	vadDeaf     = 2    // mean absolute sample below which a frame is digital silence
	vadRoom     = 25   // dB per bin that a quiet room has, assumed until something is heard
	vadQuiet    = 4    // dB below which noise is of no interest
	vadRange    = 30   // dB above noise beyond which more says nothing more
	vadPeak     = 66   // dB that speech is expected to reach, until it has been heard
	vadForget   = 0.06 // dB by which its loudest moment fades in a frame
	vadStep     = 1.0  // dB by which the usual level follows in a frame, at most
	vadQuantile = 0.3  // of frames that are quieter than the usual level
	vadAttack   = 0.7  // share of a new score that is believed when it is higher
	vadRelease  = 0.3  // and when it is lower
	vadSilence  = -6   // the score of what is surely no speech

	vadCut    = 4 // decimation for the pitch: 4 kHz
	vadPast   = 192
	vadWindow = 100
	vadShort  = EarRate / vadCut / 400
	vadLong   = EarRate / vadCut / 60
)

// vadEdges are the bins at which bands begin: about a third of an octave, 94 Hz to 7.2 kHz.
var vadEdges = [vadBands + 1]int{3, 6, 9, 12, 16, 20, 25, 31, 39, 48, 60, 75, 94, 117, 146, 182, 232}

// vadFeatures is what a frame is judged by, each of the order of one.
type vadFeatures [11]float32

// vadWeights are those of a logistic regression on speech in quiet and in noise.
var vadWeights = vadFeatures{8.13, -1.56, -1.85, 0.20, 0.94, 1.22, 2.50, 2.33, -9.09, -1.24, -0.40}

// Detector tells speech from other sound: how far sub-bands rise above the noise that
// is always there, whether the sound has a pitch, and how loud it is compared with the
// loudest lately, weighed by a logistic function. The noise of a band is its minimum
// over 1.4 s (after Martin, Noise power spectral density estimation based on optimal
// smoothing and minimum statistics, 2001), so that a new level is known as soon. Not
// safe for concurrent use.
type Detector struct {
	sound    [fftSize]float32 // the last samples, oldest first
	low      [vadPast]float32 // the same at 4 kHz, without its DC
	dc       float32
	fft      spectrum
	power    [fftHalf]float32
	smooth   [vadBands]float32            // power, smoothed
	minima   [vadBlocks][vadBands]float32 // dB
	block    int
	frames   int // in the block
	peak     float32
	usual    float32
	heard    bool // usual is known
	score    float32
	features vadFeatures
}

// NewDetector makes a detector for one stream.
func NewDetector() *Detector {
	d := &Detector{peak: vadPeak, score: vadSilence}
	for i := range d.minima {
		for b := range d.minima[i] {
			d.minima[i][b] = math.MaxFloat32
		}
	}
	for b := range vadBands { // forgotten after two blocks
		d.minima[1][b] = vadRoom
	}
	return d
}

// Detect takes the next frame (EarFrame samples at EarRate), which it does not keep,
// and returns the probability that it is speech, 0 to 1.
func (d *Detector) Detect(frame []int16) float32 {
	d.take(frame)
	score := float32(vadSilence)
	if !isDeaf(frame) {
		d.measure()
		score = 0
		for i, w := range vadWeights {
			score += w * d.features[i]
		}
	}
	if score > d.score {
		d.score += (score - d.score) * vadAttack
	} else {
		d.score += (score - d.score) * vadRelease
	}
	d.score = min(max(d.score, vadSilence), -vadSilence)
	return float32(1 / (1 + math.Exp(-float64(d.score))))
}

func isDeaf(frame []int16) bool {
	sum := 0
	for _, s := range frame {
		sum += max(int(s), -int(s))
	}
	return sum < vadDeaf*len(frame)
}

// take appends frame to what was heard.
func (d *Detector) take(frame []int16) {
	n := copy(d.sound[:], d.sound[EarFrame:])
	for i, s := range frame[:EarFrame] {
		d.sound[n+i] = float32(s)
	}
	m := copy(d.low[:], d.low[EarFrame/vadCut:])
	for i := m; i < vadPast; i++ {
		sum := float32(0)
		for _, s := range d.sound[n:][(i-m)*vadCut:][:vadCut] {
			sum += s
		}
		sum /= vadCut
		d.dc += (sum - d.dc) * 0.12 // 80 Hz
		d.low[i] = sum - d.dc
	}
}

// measure computes the features of the last frame and learns its noise.
func (d *Detector) measure() {
	d.fft.power(&d.power, &d.sound)
	var snr [vadBands]float32
	var loud float32
	for b := range vadBands {
		sum := float32(0)
		for _, p := range d.power[vadEdges[b]:vadEdges[b+1]] {
			sum += p
		}
		loud += sum
		mean := sum / float32(vadEdges[b+1]-vadEdges[b])
		d.smooth[b] += (mean - d.smooth[b]) * 0.5
		d.minima[d.block][b] = min(d.minima[d.block][b], decibel(d.smooth[b]))
		snr[b] = min(max(decibel(mean)-d.noise(b), 0), vadRange)
	}
	if d.frames++; d.frames == vadBlock {
		d.frames, d.block = 0, (d.block+1)%vadBlocks
		for b := range vadBands {
			d.minima[d.block][b] = math.MaxFloat32
		}
	}
	level := decibel(loud / fftHalf)
	d.peak = max(d.peak-vadForget, level, vadPeak-20)
	low, mid, high := mean(snr[:6]), mean(snr[6:11]), mean(snr[11:])
	pitch := d.pitch()
	d.follow(level)
	above := min(max(level-d.usual, -20), vadRange) / 10
	share := min(max((d.usual-d.peak+60)/60, 0), 1)
	below := max(level-d.peak, -50) / 10
	d.features = vadFeatures{
		1, low / 10, mid / 10, high / 10,
		pitch, pitch * low / 10, max(low, mid, high) / 10, below, share, share * below, above,
	}
}

// follow moves the usual level, the quantile below which 30 % of all frames lie, one
// step: noise that comes and goes, such as voices far away, lifts it, pauses do not.
func (d *Detector) follow(level float32) {
	switch {
	case !d.heard:
		d.usual, d.heard = level, true
	case level > d.usual:
		d.usual += vadStep * vadQuantile
	default:
		d.usual -= vadStep * (1 - vadQuantile)
	}
}

// noise is the floor of a band, in dB.
func (d *Detector) noise(b int) float32 {
	least := d.minima[0][b]
	for i := 1; i < vadBlocks; i++ {
		least = min(least, d.minima[i][b])
	}
	return max(least+vadBias, vadQuiet)
}

// pitch is how periodic the sound is at 60 to 400 Hz: the highest peak of the
// normalised autocorrelation, 0 to 1. A slope, as noise of low frequencies has, is no
// peak.
func (d *Detector) pitch() float32 {
	now := d.low[vadPast-vadWindow:]
	energy := dot(now, now) + 1
	var best, before, last float32
	for lag := vadShort - 1; lag <= vadLong+1; lag++ {
		past := d.low[vadPast-vadWindow-lag:][:vadWindow]
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

// decibel converts the power of a bin: 0 dB is what rounding to samples alone gives.
func decibel(power float32) float32 {
	return 10*float32(math.Log10(float64(power)+1e-3)) - 12
}

func mean(x []float32) float32 {
	sum := float32(0)
	for _, v := range x {
		sum += v
	}
	return sum / float32(len(x))
}
