package endpoint

import (
	"time"

	"frontdesk/internal/words"
	"frontdesk/media"
)

const (
	minPause   = 200 * time.Millisecond // the shortest silence that counts as a pause
	hesitation = 450 * time.Millisecond // that a sound of hesitation lasts, at most

	// What is learned of a caller: how long a pause they go on from, and that turns were
	// ended too soon. No recordings taught these, which hold one turn of each caller.
	fading   = 0.9                     // share that is remembered from turn to turn
	reaction = 600 * time.Millisecond  // from a turn's end; who speaks sooner had not finished
	slack    = 200 * time.Millisecond  // waited beyond the longest pause
	slowest  = 2000 * time.Millisecond // wait because of pauses
	caution  = 0.7                     // logits that a turn must be surer of its end, behind one that was cut off
)

// Judge follows one caller through a call. Not safe for concurrent use.
type Judge struct {
	words, wordless *Model
	english         bool
	prosody         Prosody
	pause           time.Duration // the longest one lately that was no end
	careful         float64       // logits to be surer by
	silence         time.Duration
	stretch         time.Duration // of speech since the last pause
	paused          bool          // there was one in this turn
	said, asked     string        // what features was made of
	judged          bool          // features is of this silence
	features        Features
}

// NewJudge makes one. In other languages than English, words say nothing.
func NewJudge(wordModel, wordlessModel *Model, language string) *Judge {
	return &Judge{words: wordModel, wordless: wordlessModel, english: words.IsEnglish(language)}
}

// Reset begins a turn, so long after the last one was ended.
func (j *Judge) Reset(since time.Duration) {
	j.pause = time.Duration(fading * float64(j.pause))
	j.careful *= fading
	if j.stretch > 0 && since < reaction {
		j.pause = max(j.pause, min(j.silence+since, slowest))
		j.careful = min(j.careful+caution, 2*caution)
	}
	j.silence, j.judged = 0, false
	j.stretch, j.paused = 0, false
}

// Hear takes a frame with speech, which it does not keep.
func (j *Judge) Hear(frame []int16) {
	if j.silence >= minPause {
		j.pause = max(j.pause, min(j.silence, slowest))
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
		j.features.words(words.Split(said), newAsked(asked))
	} else {
		j.features = Features{always: 1, wordless: 1}
	}
	j.prosody.set(&j.features)
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
	wait, why = m.wait(m.Logit(f)-j.careful, max(m.Slow, min(j.pause+slack, slowest))), m.Reason(f)
	if wait > m.Slow && wait > m.Wait(m.Logit(f)) {
		why = "pace"
	}
	return wait, why
}

// Complete reports whether by the words alone a turn would be over for sure, were the
// caller silent now.
func (j *Judge) Complete(said, asked string) bool {
	if !j.english || said == "" {
		return false
	}
	var f Features
	f.words(words.Split(said), newAsked(asked))
	return j.words.Wait(j.words.Logit(&f)-j.careful) < (j.words.Fast+j.words.Slow)/2
}
