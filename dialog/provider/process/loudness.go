package process

import (
	"math"

	"frontdesk/media"
)

const (
	leadTime     = 0.020  // seconds of silence kept before the speech
	tailTime     = 0.080  // seconds of silence kept after it
	silenceShare = 0.0056 // blocks below this share (-45 dB) of the loudest block are silence
	blockTime    = 0.005  // seconds
)

// trim shortens the silence around the speech to leadTime and tailTime.
func trim(pcm []int16, rate int) []int16 {
	block := int(blockTime * float64(rate))
	loudest := 0.0
	for i := 0; i+block <= len(pcm); i += block {
		loudest = max(loudest, media.RMS(pcm[i:i+block]))
	}
	start, end := len(pcm), 0
	for i := 0; i+block <= len(pcm); i += block {
		if r := media.RMS(pcm[i : i+block]); r > 0 && r >= silenceShare*loudest {
			start, end = min(start, i), i+block
		}
	}
	if end == 0 {
		return nil // all of it is silence
	}
	start = max(0, start-int(leadTime*float64(rate)))
	end = min(len(pcm), end+int(tailTime*float64(rate)))
	return pcm[start:end]
}

const (
	targetLoudness = 3277.0  // RMS, -20 dBFS
	maxPeak        = 29204.0 // -1 dBFS
	maxGain        = 8.0
	loudnessBlock  = 320 // samples
)

// level brings speech of any voice to targetLoudness, or as close as maxPeak and maxGain
// allow. It changes pcm.
func level(pcm []int16) []int16 {
	loud := loudness(pcm)
	if loud == 0 {
		return pcm
	}
	peak := 0.0
	for _, s := range pcm {
		peak = max(peak, math.Abs(float64(s)))
	}
	gain := min(targetLoudness/loud, maxPeak/peak, maxGain)
	for i, s := range pcm {
		pcm[i] = int16(math.RoundToEven(float64(s) * gain))
	}
	return pcm
}

// loudness returns the RMS of the blocks within 20 dB of the loudest one, so that long
// pauses do not lower it.
func loudness(pcm []int16) float64 {
	var blocks []float64
	loudest := 0.0
	for i := 0; i < len(pcm); i += loudnessBlock {
		r := media.RMS(pcm[i:min(i+loudnessBlock, len(pcm))])
		blocks, loudest = append(blocks, r), max(loudest, r)
	}
	sum, n := 0.0, 0
	for _, r := range blocks {
		if r >= loudest/10 {
			sum, n = sum+r*r, n+1
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}
