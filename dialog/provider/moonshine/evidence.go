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

	// Log probabilities, measured on 370 human and 60 synthetic utterances, many of them of
	// one or two words, and on 140 clips of silence, white and pink noise, hum, tones, coughs,
	// knocks, breath, keyboards, monkeys and music on hold.
	silenceLogProb = -0.2  // that nothing was said: no vocabulary makes words of more
	surelySilent   = -0.02 // the same: more is not read again; that of the clips was mostly -0.01 or more
	minLogProb     = -1.2  // mean of a reading; that of speech was -0.73 or more
	retryLogProb   = -0.5  // mean of a reading that had to have words; -0.69 was wrong
	wordLogProb    = -1.8  // of such a reading, given that something was said; that of the clips was -2 or less, except noiseWords

	// Without the silence around the audio, that nothing was said. Of 147 short synthetic
	// utterances it was -2.8 or less, but for one hum; that of 83 clips was -1 or more.
	speechLogProb = -2
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

// mustSpeak reports whether the audio probably holds speech, although nothing was read, as
// the hypothesis says.
func (e evidence) mustSpeak(empty Hypothesis) bool {
	return e.isClear() && empty.logProb() < surelySilent
}

// believes reports whether text, of a hypothesis with the given mean of log probabilities,
// is what somebody said.
func believes(text string, logProb float64) bool {
	return logProb >= minLogProb && isText(text)
}

// isText reports whether text has letters of the Latin script or digits. For music the model
// may write musical notes.
func isText(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Latin, r) || unicode.IsDigit(r) })
}

// noiseWords are what the model writes for noise if it has to write something.
var noiseWords = []string{"You", "Thank you"}

// believesRetry reports whether text, of the hypothesis h that had to have words, is what
// somebody said. empty is the log probability that nothing was said.
func believesRetry(text string, h Hypothesis, empty float32) bool {
	if slices.Contains(noiseWords, text) || !isText(text) {
		return false
	}
	given := float64(h.logProb()) - math.Log1p(-math.Exp(float64(empty)))
	return given >= wordLogProb || empty < silenceLogProb && h.meanLogProb() >= retryLogProb
}
