package moonshine

import (
	"math"
	"slices"

	"frontdesk/media"
)

// evidence says how much in a piece of audio speaks for speech.
type evidence struct {
	voiced  int     // frames with voice
	overall int     // frames
	ratio   float64 // of the level of voiced frames to that of the background, in dB
}

const (
	minVoiced    = 3  // frames that an onset of speech has
	sureVoiced   = 12 // frames of voice that a word has at least
	sureRatio    = 10 // dB that speech stands out from the background
	maxRatio     = 60 // dB; the background may be digital silence
	minLogProb   = -1.2
	retryLogProb = -0.8
)

// evidenceOf measures a.
func evidenceOf(a audio) evidence {
	e := evidence{overall: a.frames()}
	var background, voice []float64
	for i, is := range a.voiced {
		level := energy(a.pcm[i*media.EarFrame:][:media.EarFrame])
		if is {
			e.voiced++
			voice = append(voice, level)
		} else {
			background = append(background, level)
		}
	}
	if e.voiced == 0 {
		return e
	}
	slices.Sort(voice)
	noise := 1.0
	if len(background) > 0 {
		slices.Sort(background)
		noise = max(noise, background[len(background)/4])
	}
	e.ratio = min(10*math.Log10(max(1, voice[len(voice)*3/4])/noise), maxRatio)
	return e
}

// maySpeak reports whether the audio is worth reading.
func (e evidence) maySpeak() bool { return e.voiced >= minVoiced }

// mustSpeak reports whether the audio surely holds speech.
func (e evidence) mustSpeak() bool { return e.voiced >= sureVoiced && e.ratio >= sureRatio }

// believes reports whether the hypothesis is what somebody said.
func (e evidence) believes(h Hypothesis, isRetry bool) bool {
	if len(h.Tokens) == 0 {
		return true
	}
	p := h.meanLogProb()
	if isRetry {
		return p >= retryLogProb
	}
	return p >= minLogProb
}
