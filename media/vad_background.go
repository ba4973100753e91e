package media

import (
	"math"

	"frontdesk/internal/fft"
)

const (
	backgroundBlock  = 10 // frames of one minimum
	backgroundBlocks = 7  // minima remembered: together 1.4 s
	backgroundBias   = 2  // dB by which the smoothed minimum lies under the mean of steady noise
	backgroundSpan   = 12 // dB over the minimum up to which sound may be background, as voices far away
	backgroundFrames = 25 // over which background is averaged
	backgroundMost   = 45 // dB that it is believed to have at once: a stream may begin with speech
)

// background is the sound that is always there, in the bands of a listener and as a
// whole, in dB. Its floor is the minimum over 1.4 s (after Martin, Noise power spectral
// density estimation based on optimal smoothing and minimum statistics, 2001), so that
// a new level is known as soon. What stays near that floor is averaged: the usual level
// of noise that swells and fades lies far above its minimum.
type background struct {
	smooth [vadBands + 1]float32                   // power, smoothed
	minima [backgroundBlocks][vadBands + 1]float32 // dB
	block  int
	frames int // in the block
	floor  [vadBands + 1]float32
	usual  [vadBands + 1]float32
	unrest float32 // mean distance of the level from the usual one
	pitch  float32 // how periodic it usually is, -1 to 1: hum is, noise is not
	known  int     // frames averaged
}

// forget makes it know nothing.
func (g *background) forget() {
	*g = background{unrest: 3, pitch: -1}
	for i := range g.minima {
		clearMinima(&g.minima[i])
	}
}

func clearMinima(m *[vadBands + 1]float32) {
	for b := range m {
		m[b] = math.MaxFloat32
	}
}

// hear takes the power of a frame and how periodic it is.
func (g *background) hear(power *[vadBands + 1]float32, pitch float32) {
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

// average learns the usual levels from a frame that may be background.
func (g *background) average(power *[vadBands + 1]float32, pitch float32) {
	level := max(fft.Decibel(power[vadLevel]), vadQuiet)
	if g.known == 0 {
		for b, p := range power {
			g.usual[b] = min(max(fft.Decibel(p), vadQuiet), backgroundMost)
		}
	}
	if level < g.floor[vadLevel]+backgroundSpan {
		g.known = min(g.known+1, 2*backgroundFrames)
		rate := 1 / float32(min(g.known, backgroundFrames))
		for b, p := range power {
			g.usual[b] += (max(fft.Decibel(p), vadQuiet) - g.usual[b]) * rate
		}
		off := level - g.usual[vadLevel]
		g.unrest += (max(off, -off) - g.unrest) * rate / 2
		g.pitch += (pitch - g.pitch) * rate
	}
	for b, floor := range g.floor {
		g.usual[b] = min(max(g.usual[b], floor), floor+backgroundSpan)
	}
}
