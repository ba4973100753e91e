package endpoint

import (
	"strings"
	"time"

	"frontdesk/media"
)

const (
	minPause   = 200 * time.Millisecond // the shortest silence that counts as a pause
	hesitation = 450 * time.Millisecond // that a sound of hesitation lasts, at most
	fading     = 0.9                    // share of a pause that is remembered from turn to turn
)

// Judge follows one caller through a call. Not safe for concurrent use.
type Judge struct {
	words, wordless *Model
	english         bool
	prosody         Prosody
	pause           time.Duration // the longest one lately
	silence         time.Duration
	stretch         time.Duration // of speech since the last pause
	paused          bool          // there was one in this turn
	said, asked     string        // what features was made of
	judged          bool          // features is of this silence
	features        Features
}

// NewJudge makes one. In other languages than English, words say nothing.
func NewJudge(words, wordless *Model, language string) *Judge {
	l := strings.ToLower(language)
	return &Judge{words: words, wordless: wordless, english: l == "" || l == "en" || strings.HasPrefix(l, "en-")}
}

// Reset begins a turn.
func (j *Judge) Reset() {
	j.silence, j.judged = 0, false
	j.stretch, j.paused = 0, false
	j.pause = time.Duration(fading * float64(j.pause))
}

// Hear takes a frame with speech, which it does not keep.
func (j *Judge) Hear(frame []int16) {
	if j.silence >= minPause {
		j.pause = max(j.pause, j.silence)
		j.stretch, j.paused = 0, true
	}
	j.stretch += media.FrameTime
	j.silence, j.judged = 0, false
	if len(frame) > 0 {
		j.prosody.Hear(frame)
	}
}

// Features tells what is known of a silence that has lasted so long, in which the words
// are said after asked. They are the Judge's own until the next call.
func (j *Judge) Features(said, asked string, silence time.Duration) *Features {
	j.silence = silence
	if j.judged && said == j.said && asked == j.asked {
		return &j.features
	}
	j.judged, j.said, j.asked = true, said, asked
	if j.english {
		j.features.words(normalised(said), normalised(asked))
	} else {
		j.features = Features{always: 1, wordless: 1}
	}
	j.prosody.set(&j.features)
	j.features[pace] = min(j.pause.Seconds(), 1.5)
	if j.paused && j.stretch < hesitation {
		j.features[island] = 1
	}
	return &j.features
}

// Wait is how long that silence must last to be the end of the turn, and in a word what
// says so.
func (j *Judge) Wait(said, asked string, silence time.Duration) (wait time.Duration, why string) {
	f := j.Features(said, asked, silence)
	m := j.words
	if f[wordless] > 0 {
		m = j.wordless
	}
	return m.Wait(m.Logit(f)), m.Reason(f)
}

// normalised is the words of text in lower case, without punctuation.
func normalised(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '\'' || r >= 0x80)
	})
}
