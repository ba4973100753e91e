package program

import "math"

const (
	leadTime  = 0.020  // seconds of silence kept before the first sound
	tailTime  = 0.080  // and after the last
	quietest  = 0.0056 // of the loudest block: -45 dB is taken to be silence
	blockTime = 0.005  // seconds
)

// trim cuts the silence around the sound down to leadTime and tailTime.
func trim(pcm []int16, rate int) []int16 {
	block := int(blockTime * float64(rate))
	loudest := 0.0
	for i := 0; i+block <= len(pcm); i += block {
		loudest = max(loudest, rms(pcm[i:i+block]))
	}
	start, end := len(pcm), 0
	for i := 0; i+block <= len(pcm); i += block {
		if r := rms(pcm[i : i+block]); r > 0 && r >= quietest*loudest {
			start, end = min(start, i), i+block
		}
	}
	if end == 0 {
		return nil // nothing but silence
	}
	start = max(0, start-int(leadTime*float64(rate)))
	end = min(len(pcm), end+int(tailTime*float64(rate)))
	return pcm[start:end]
}

const (
	speechLevel = 3277.0  // RMS of the loud parts: -20 dBFS
	peakLevel   = 29204.0 // -1 dBFS, never to be exceeded
	mostGain    = 8.0
	levelBlock  = 320 // samples
)

// level brings speech to the same loudness whoever speaks. It changes pcm.
func level(pcm []int16) []int16 {
	loud := loudness(pcm)
	if loud == 0 {
		return pcm
	}
	peak := 0.0
	for _, s := range pcm {
		peak = max(peak, math.Abs(float64(s)))
	}
	gain := min(speechLevel/loud, peakLevel/peak, mostGain)
	for i, s := range pcm {
		pcm[i] = int16(math.RoundToEven(float64(s) * gain))
	}
	return pcm
}

// loudness is the RMS of the blocks that are not pauses: those within 20 dB of the
// loudest, so that long pauses do not make a clause loud.
func loudness(pcm []int16) float64 {
	var blocks []float64
	loudest := 0.0
	for i := 0; i < len(pcm); i += levelBlock {
		r := rms(pcm[i:min(i+levelBlock, len(pcm))])
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

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}
