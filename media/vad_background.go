package media

import (
	"math"

	"frontdesk/internal/fft"
)

const (
	backgroundBlock  = 10 // frames per minimum
	backgroundBlocks = 7  // minima that are kept: 1.4 s together
	backgroundBias   = 2  // dB by which the smoothed minimum lies below the mean of steady noise
	backgroundSpan   = 12 // dB above the minimum up to which audio counts as background, such as distant voices
	backgroundFrames = 25 // frames over which the background is averaged
	backgroundMost   = 45 // upper limit of the first estimate in dB, because a stream may begin with speech
)

// background estimates the level of the background noise in dB, in each band and as a
// whole. floor is the minimum over 1.4 s (after Martin, Noise power spectral density
// estimation based on optimal smoothing and minimum statistics, 2001), which is how fast it
// follows a new level. mean averages the frames near the floor, because the mean of
// fluctuating noise lies far above its minimum.
type background struct {
	smooth    [vadBands + 1]float32                   // power, smoothed
	minima    [backgroundBlocks][vadBands + 1]float32 // dB
	block     int
	frames    int // in the current block
	floor     [vadBands + 1]float32
	mean      [vadBands + 1]float32
	deviation float32 // mean distance of the level from mean
	pitch     float32 // mean periodicity, -1 to 1: high for hum, low for noise
	known     int     // frames in mean
}

// reset forgets everything.
func (g *background) reset() {
	*g = background{deviation: 3, pitch: -1}
	for i := range g.minima {
		clearMinima(&g.minima[i])
	}
}

func clearMinima(m *[vadBands + 1]float32) {
	for b := range m {
		m[b] = math.MaxFloat32
	}
}

// add adds the power of a frame and its periodicity.
func (g *background) add(power *[vadBands + 1]float32, pitch float32) {
	if g.known == 0 {
		g.smooth = *power
	}
	for b, p := range power {
		g.smooth[b] += (p - g.smooth[b]) * 0.5
		g.minima[g.block][b] = min(g.minima[g.block][b], fft.Decibel(g.smooth[b]))
		least := g.minima[0][b]
		for i := 1; i < backgroundBlocks; i++ {
			least = min(least, g.minima[i][b])
		}
		g.floor[b] = max(least+backgroundBias, vadQuiet)
	}
	if g.frames++; g.frames == backgroundBlock {
		g.frames, g.block = 0, (g.block+1)%backgroundBlocks
		clearMinima(&g.minima[g.block])
	}
	g.average(power, pitch)
}

// average updates the means with a frame that may be background.
func (g *background) average(power *[vadBands + 1]float32, pitch float32) {
	level := max(fft.Decibel(power[vadLevel]), vadQuiet)
	if g.known == 0 {
		for b, p := range power {
			g.mean[b] = min(max(fft.Decibel(p), vadQuiet), backgroundMost)
		}
	}
	if level < g.floor[vadLevel]+backgroundSpan {
		g.known = min(g.known+1, 2*backgroundFrames)
		rate := 1 / float32(min(g.known, backgroundFrames))
		for b, p := range power {
			g.mean[b] += (max(fft.Decibel(p), vadQuiet) - g.mean[b]) * rate
		}
		off := level - g.mean[vadLevel]
		g.deviation += (max(off, -off) - g.deviation) * rate / 2
		g.pitch += (pitch - g.pitch) * rate
	}
	for b, floor := range g.floor {
		g.mean[b] = min(max(g.mean[b], floor), floor+backgroundSpan)
	}
}
