package ear

import (
	"math"

	"frontdesk/media"
)

const (
	// noisyRatio is the ratio of the voice to the background, in dB, below which recognition
	// fails: of read human speech, Moonshine mishears 2 % of the words at 15 dB, 4 % at 10 dB,
	// 10 to 14 % at 5 dB (frontdesk eval speech --condition pink5,babble5).
	noisyRatio = 5

	backgroundFrames = 50 // frames over which the background is averaged, 1 s
	minVoiceFrames   = 15 // frames of voice that give a ratio; a cough is shorter
)

// noiseMeter measures how far the caller's voice is above the background.
type noiseMeter struct {
	background float64 // mean square of recent frames without speech
	known      int     // frames in it, up to backgroundFrames
	voice      float64 // sum of the mean squares of the utterance's frames with speech
	frames     int     // of them
}

// addBackground adds a frame without speech.
func (m *noiseMeter) addBackground(frame []int16) {
	m.known = min(m.known+1, backgroundFrames)
	m.background += (meanSquare(frame) - m.background) / float64(m.known)
}

// addVoice adds a frame of the utterance with the caller's speech.
func (m *noiseMeter) addVoice(frame []int16) {
	m.voice += meanSquare(frame)
	m.frames++
}

// ratio returns the ratio of the voice to the background in the utterance so far, in dB,
// and begins the next utterance. ok is false while too little was heard of either.
func (m *noiseMeter) ratio() (db float64, ok bool) {
	both, enough := m.voice/float64(max(m.frames, 1)), m.frames >= minVoiceFrames && m.known == backgroundFrames
	m.voice, m.frames = 0, 0
	if !enough {
		return 0, false
	}
	background := max(m.background, 1)
	return 10 * math.Log10(max(both-background, background/100)/background), true
}

func meanSquare(frame []int16) float64 {
	rms := media.RMS(frame)
	return rms * rms
}
