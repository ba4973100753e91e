package moonshine

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"frontdesk/media"
)

// evidence is what voice activity and level say about the speech in a piece of audio.
type evidence struct {
	voiced int     // frames with voice
	ratio  float64 // of the level of voiced frames to that of the background, in dB
}

const (
	minVoiced  = 3  // frames of voice that an onset of speech has
	sureVoiced = 12 // frames of voice that the shortest word has
	sureRatio  = 10 // dB of clear speech above the background
	maxRatio   = 60 // dB; the background may be digital silence

	// Log probabilities, measured on 110 human and 60 synthetic utterances and on 57 clips
	// of silence, white and pink noise, hum, tones, coughs and music on hold.
	silenceLogProb = -0.2 // that nothing was said; -0.16 or more for each of the clips, -0.6 for speech that was read as nothing
	minLogProb     = -1.2 // mean of a reading's tokens; -0.73 or more for speech
	retryLogProb   = -0.5 // the same of a reading that was not allowed to be empty; one with -0.69 was wrong
)

// evidenceOf measures a.
func evidenceOf(a audio) evidence {
	e := evidence{}
	var background, voice []float64
	for i, isVoiced := range a.voiced {
		level := energy(a.pcm[i*media.EarFrame:][:media.EarFrame])
		if isVoiced {
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

// isClear reports whether there is enough voice for a word, well above the background.
func (e evidence) isClear() bool { return e.voiced >= sureVoiced && e.ratio >= sureRatio }

// mustSpeak reports whether the audio surely holds speech although the model read nothing.
// empty is what it read.
func (e evidence) mustSpeak(empty Hypothesis) bool {
	return e.isClear() && empty.meanLogProb() < silenceLogProb
}

// believes reports whether a reading is what somebody said. logProb is the mean of its
// tokens. For music the model may write musical notes.
func believes(text string, logProb float64, isRetry bool) bool {
	if !strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Latin, r) || unicode.IsDigit(r) }) {
		return false
	}
	if isRetry {
		return logProb >= retryLogProb
	}
	return logProb >= minLogProb
}
