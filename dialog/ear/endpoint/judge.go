package endpoint

import (
	"time"

	"frontdesk/internal/words"
	"frontdesk/media"
)

const (
	minPause      = 200 * time.Millisecond // the shortest silence that counts as a pause
	maxHesitation = 450 * time.Millisecond // of speech between two pauses, to be a hesitation

	// The judge adapts to a caller: to pauses within turns, and to turns that it ended too
	// soon. These values are not learned, because each recording has one turn of a caller.
	decay        = 0.9                     // of the longest pause, per turn
	resumeTime   = 600 * time.Millisecond  // a caller who speaks again within this time had not finished
	pauseMargin  = 200 * time.Millisecond  // waited beyond the longest pause
	maxPauseWait = 2000 * time.Millisecond // waited because of pauses
	guessMargin  = 1.15                    // logits above Model.At: a reply is prepared during speech only if its end is likely
	cautionStep  = 0.7                     // logits by which the end must be more certain after a turn that was cut off
	// cautionDecay is the share of the caution that remains after each turn. With 0.9, one
	// turn that was cut off made a caller wait for ten turns, and hardly fewer turns were cut
	// off: in babble at 10 dB a person waited 720 ms instead of 380.
	cautionDecay = 0.5
)

// Judge judges the silences of one caller during a call. Not safe for concurrent use.
type Judge struct {
	models       *Models
	isEnglish    bool
	prosody      prosody
	longestPause time.Duration // lately, within a turn
	caution      float64       // logits by which the end must be more certain
	silence      time.Duration
	speech       time.Duration // since the last pause
	hasPause     bool          // in this turn

	// features is cached for one silence with the same words and question.
	features    Features
	said, asked string
	isCached    bool
}

// NewJudge returns a Judge for one call. In languages other than English, words have no
// influence.
func NewJudge(models *Models, language string) *Judge {
	return &Judge{models: models, isEnglish: words.IsEnglish(language)}
}

// Reset begins a turn. since is the time from the end of the previous turn.
func (j *Judge) Reset(since time.Duration) {
	j.longestPause = time.Duration(decay * float64(j.longestPause))
	j.caution *= cautionDecay
	if j.speech > 0 && since < resumeTime {
		j.longestPause = max(j.longestPause, min(j.silence+since, maxPauseWait))
		j.caution = min(j.caution+cautionStep, 2*cautionStep)
	}
	j.silence, j.isCached = 0, false
	j.speech, j.hasPause = 0, false
}

// Hear takes a frame with speech. It does not keep the frame.
func (j *Judge) Hear(frame []int16) {
	if j.silence >= minPause {
		j.longestPause = max(j.longestPause, min(j.silence, maxPauseWait))
		j.speech, j.hasPause = 0, true
	}
	j.speech += media.FrameTime
	j.silence, j.isCached = 0, false
	if len(frame) > 0 {
		j.prosody.hear(frame)
	}
}

// Features returns the features of a silence that has lasted for the given time, after the
// caller said said in answer to asked. They are valid until the next call.
func (j *Judge) Features(said, asked string, silence time.Duration) *Features {
	j.silence = silence
	if j.isCached && said == j.said && asked == j.asked {
		return &j.features
	}
	j.isCached, j.said, j.asked = true, said, asked
	if j.isEnglish {
		j.features.setWords(words.Split(spellOut(said)), parseQuestion(asked))
		j.features[mark] = markOf(said)
	} else {
		j.features = Features{always: 1, wordless: 1}
	}
	j.prosody.set(&j.features)
	if j.hasPause && j.speech < maxHesitation {
		j.features[island] = 1
	}
	return &j.features
}

// Wait returns how long the silence must last to end the turn, and the reason in one word:
// the feature that decided, "pace" for the caller's pauses, or "doubt".
func (j *Judge) Wait(said, asked string, silence time.Duration) (wait time.Duration, reason string) {
	f := j.Features(said, asked, silence)
	m := &j.models.Words
	if f[wordless] > 0 {
		m = &j.models.Wordless
	}
	slow := max(m.Slow, min(j.longestPause+pauseMargin, maxPauseWait))
	wait, reason = m.wait(m.Logit(f)-j.caution, slow), m.Reason(f)
	if wait > m.Slow && wait > m.Wait(m.Logit(f)) {
		reason = "pace"
	}
	return wait, reason
}

// IsComplete reports whether the words alone make it certain that the turn is over, if the
// caller fell silent now.
func (j *Judge) IsComplete(said, asked string) bool {
	if !j.isEnglish || said == "" {
		return false
	}
	var f Features
	f.setWords(words.Split(spellOut(said)), parseQuestion(asked))
	m := &j.models.Words
	return m.Logit(&f)-j.caution >= m.At+guessMargin
}
