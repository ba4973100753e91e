// Package loudness gives the voices that run on this machine the same loudness, and shortens
// the silence around their speech. It imports only media. Mono PCM enters and leaves.
package loudness

import (
	"math"

	"frontdesk/media"
)

const (
	Lead         = 0.020  // seconds of silence kept before the speech
	Tail         = 0.080  // seconds of silence kept after it
	SilenceShare = 0.0056 // blocks below this share (-45 dB) of the loudest block are silence
	Block        = 0.005  // seconds
)

// Loudest returns the RMS of the loudest block.
func Loudest(pcm []int16, rate int) float64 {
	block := int(Block * float64(rate))
	loudest := 0.0
	for i := 0; i+block <= len(pcm); i += block {
		loudest = max(loudest, media.RMS(pcm[i:i+block]))
	}
	return loudest
}

// Trim shortens the silence around the speech to Lead and Tail.
func Trim(pcm []int16, rate int) []int16 {
	block := int(Block * float64(rate))
	loudest := Loudest(pcm, rate)
	start, end := len(pcm), 0
	for i := 0; i+block <= len(pcm); i += block {
		if r := media.RMS(pcm[i : i+block]); r > 0 && r >= SilenceShare*loudest {
			start, end = min(start, i), i+block
		}
	}
	if end == 0 {
		return nil // all of it is silence
	}
	start = max(0, start-int(Lead*float64(rate)))
	end = min(len(pcm), end+int(Tail*float64(rate)))
	return pcm[start:end]
}

const (
	Target        = 3277.0  // RMS, -20 dBFS
	MaxPeak       = 29204.0 // largest sample, -1 dBFS
	MaxGain       = 8.0     // factor
	loudnessBlock = 320     // samples over which RMS is measured
)

// Level brings speech of any voice to Target, or as close as MaxPeak and MaxGain
// allow. It changes pcm.
func Level(pcm []int16) []int16 {
	loud := RMS(pcm)
	if loud == 0 {
		return pcm
	}
	peak := 0.0
	for _, s := range pcm {
		peak = max(peak, math.Abs(float64(s)))
	}
	gain := min(Target/loud, MaxPeak/peak, MaxGain)
	for i, s := range pcm {
		pcm[i] = int16(math.RoundToEven(float64(s) * gain))
	}
	return pcm
}

// RMS returns the RMS of the blocks within 20 dB of the loudest one, so that long
// pauses do not lower it.
func RMS(pcm []int16) float64 {
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
