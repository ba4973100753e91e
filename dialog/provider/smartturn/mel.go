package smartturn

import (
	"math"

	"frontdesk/media"
)

// The front end of Whisper, as in transformers.WhisperFeatureExtractor: 80 mel bands of
// Slaney's scale, each of unit area, from a periodic Hann window of 25 ms every 10 ms; the
// decimal logarithm, limited to 8 below the highest value, is brought to about [-1, 1].
const (
	maxSamples = 8 * media.EarRate // the network hears this much of the end of a turn
	hop        = 160
	frames     = maxSamples / hop
	bands      = 80
	bins       = fftSize/2 + 1

	epsilon  = 1e-7  // added to the variance
	melFloor = 1e-10 // the least power of a band
	logRange = 8     // decimal orders of magnitude below the highest value
)

// band is a triangular filter: weights of the bins from first on.
type band struct {
	first   int
	weights []float32
}

// Tables of the front end; constant after init.
var (
	window  [fftSize]float32
	filters [bands]band
)

func init() {
	for i := range window {
		window[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/fftSize))
	}
	var hz [bands + 2]float64
	top := hertzToMel(media.EarRate / 2)
	for i := range hz {
		hz[i] = melToHertz(top * float64(i) / (bands + 1))
	}
	for b := range filters {
		low, center, high := hz[b], hz[b+1], hz[b+2]
		f := &filters[b]
		for bin := range bins {
			at := float64(bin) * media.EarRate / fftSize
			w := min((at-low)/(center-low), (high-at)/(high-center)) * 2 / (high - low)
			if w <= 0 {
				continue
			}
			if f.weights == nil {
				f.first = bin
			}
			f.weights = append(f.weights, float32(w))
		}
	}
}

// Slaney's mel scale is linear below 1 kHz and logarithmic above.
const (
	melBreak   = 1000.0 // Hz
	melPerHz   = 3.0 / 200
	melAtBreak = melBreak * melPerHz
	melPerStep = 27.0
	hertzStep  = 6.4 // melPerStep mels are this factor above the break
)

func hertzToMel(hz float64) float64 {
	if hz < melBreak {
		return hz * melPerHz
	}
	return melAtBreak + math.Log(hz/melBreak)*melPerStep/math.Log(hertzStep)
}

func melToHertz(mel float64) float64 {
	if mel < melAtBreak {
		return mel / melPerHz
	}
	return melBreak * math.Exp(math.Log(hertzStep)/melPerStep*(mel-melAtBreak))
}

// extractor computes features. It is the working memory of one worker.
type extractor struct {
	samples  [fftSize/2 + maxSamples + fftSize/2]float32 // with mirrored ends
	spectrum spectrum
	power    [bins]float32
}

// features writes the log-mel spectrogram of the end of pcm to out, of the shape [bands,
// frames]. If pcm is shorter than maxSamples, silence precedes it.
func (x *extractor) features(out []float32, pcm []int16) {
	pcm = pcm[max(0, len(pcm)-maxSamples):]
	padding := maxSamples - len(pcm)
	x.normalize(pcm, padding)
	highest := float32(math.Inf(-1))
	for t := range frames {
		if t >= 3 && t*hop+fftSize/2 <= padding {
			// The window holds only padding, like the one before. The first windows hold the
			// mirrored beginning.
			for b := range bands {
				out[b*frames+t] = out[b*frames+t-1]
			}
			continue
		}
		x.spectrum.transform(&x.power, x.samples[t*hop:][:fftSize])
		for b := range filters {
			f := &filters[b]
			sum := float32(0)
			for i, w := range f.weights {
				sum += w * x.power[f.first+i]
			}
			v := float32(math.Log10(float64(max(sum, melFloor))))
			out[b*frames+t] = v
			highest = max(highest, v)
		}
	}
	for i, v := range out[:bands*frames] {
		out[i] = (max(v, highest-logRange) + 4) / 4
	}
}

// normalize fills samples with padding and pcm, scaled to a mean of zero and unit variance,
// and mirrors the ends.
func (x *extractor) normalize(pcm []int16, padding int) {
	sum, squares := 0.0, 0.0
	for _, v := range pcm {
		s := float64(v) / 32768
		sum += s
		squares += s * s
	}
	mean := sum / maxSamples
	scale := 1 / math.Sqrt(squares/maxSamples-mean*mean+epsilon)
	middle := x.samples[fftSize/2:][:maxSamples]
	for i := range middle[:padding] {
		middle[i] = float32(-mean * scale)
	}
	for i, v := range pcm {
		middle[padding+i] = float32((float64(v)/32768 - mean) * scale)
	}
	for i := range fftSize / 2 {
		x.samples[fftSize/2-1-i] = middle[i+1]
		x.samples[fftSize/2+maxSamples+i] = middle[maxSamples-2-i]
	}
}
