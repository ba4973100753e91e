package amd

import (
	"time"

	"frontdesk/media"
)

// AnsweredBy is who answered a call.
type AnsweredBy int

const (
	Undecided AnsweredBy = iota
	Person
	Machine // an answering machine, a voicemail or an announcement
	Nobody  // there was no voice and no beep
)

func (a AnsweredBy) String() string {
	return [...]string{"undecided", "person", "machine", "nobody"}[a]
}

// When a Classifier decides. A person waits for the agent, so that verdict must come soon.
// A machine talks on until its beep, so a late verdict costs nothing: longGreeting may be
// longer than a receptionist's greeting.
const (
	quietLine     = 6 * time.Second         // Nobody: without any audio
	shortGreeting = 1800 * time.Millisecond // longest "hello" of a person
	shortPause    = 800 * time.Millisecond  // Person: silence after a short greeting
	longPause     = 1200 * time.Millisecond // Person: silence after a longer one
	longGreeting  = 5 * time.Second         // Machine: including its pauses
	manyPhrases   = 5                       // Machine
	deadline      = 20 * time.Second        // after the answer, for a verdict and its correction
)

const (
	speechOn      = 0.6                    // probability from which silence becomes speech
	speechOff     = 0.4                    // below which speech becomes silence
	minGreeting   = 100 * time.Millisecond // of voice; less is a click
	phraseGap     = 250 * time.Millisecond // silence between two phrases
	audiblePower  = 100 * 100              // mean square: -50 dBFS
	nearVoice     = 0.25                   // audio is not silence if it has this part of the voice's power,
	overNoise     = 8                      // and also this many times the power of the background
	noiseRise     = 1.01                   // factor by which the background may grow in a frame
	powerSmoothed = 0.2                    // weight of the latest frame in smoothed
	voiceSmoothed = 0.1                    // weight of the latest frame in voicePower
)

// Classifier tells whether a person or a machine answered a call: by the length of the
// greeting and the silence after it, by a beep, and by words. A person says a short hello
// and waits; a machine talks on, or beeps. Not safe for concurrent use.
type Classifier struct {
	beep BeepDetector

	age     time.Duration // since the answer
	quiet   time.Duration // since the last audible frame
	start   time.Duration // of the greeting, after the answer
	spoken  time.Duration // voice in the greeting
	silence time.Duration // since the last voice, or audio nearly as loud
	phrases int           // in the greeting

	isSpeech   bool    // the last frame was voice
	voicePower float32 // mean square of the voice
	smoothed   float32 // mean square of all audio
	noisePower float32 // mean square of the background: the minimum of smoothed
	hasBeeped  bool

	answeredBy AnsweredBy
	reason     string
}

// NewClassifier returns a classifier for a call that was answered now.
func NewClassifier() *Classifier { return new(Classifier) }

// AddFrame adds the next frame (EarFrame samples at EarRate, not kept) and the probability
// that it is speech, and returns the verdict. A verdict is final, with one exception:
// before the deadline a beep or words turn a Person into a Machine, because a recording
// may begin with a short hello and a long pause.
func (c *Classifier) AddFrame(frame []int16, speech float32) AnsweredBy {
	c.age += media.FrameTime
	if c.beep.AddFrame(frame) {
		c.hasBeeped = true
		c.setMachine("a beep")
	}
	c.measureGreeting(frame, speech)
	if c.answeredBy == Undecided {
		c.decide()
	}
	return c.answeredBy
}

// SetTranscript sets what a recognizer has understood so far, and returns the verdict. A
// phrase that only machines say means Machine (in English, German, Spanish and French).
func (c *Classifier) SetTranscript(text string) AnsweredBy {
	if p := machinePhrase(text); p != "" {
		c.setMachine("it said: " + p)
	}
	return c.answeredBy
}

// Reason says in a few words what the verdict rests on; it is "" without a verdict.
func (c *Classifier) Reason() string { return c.reason }

func (c *Classifier) setMachine(reason string) {
	if c.answeredBy == Undecided || c.answeredBy == Person && c.age < deadline {
		c.answeredBy, c.reason = Machine, reason
	}
}

// measureGreeting measures the greeting and the silence after it.
func (c *Classifier) measureGreeting(frame []int16, speech float32) {
	power := c.measurePower(frame)
	c.quiet += media.FrameTime
	if power >= audiblePower && !c.beep.IsTone() {
		c.quiet = 0
	}
	c.isSpeech = !c.beep.IsTone() && (speech >= speechOn || c.isSpeech && speech >= speechOff)
	switch {
	case c.isSpeech:
		if c.spoken == 0 {
			c.start = c.age
		}
		if c.spoken == 0 || c.silence >= phraseGap {
			c.phrases++
		}
		c.spoken += media.FrameTime
		c.silence = 0
		c.voicePower += (power - c.voicePower) * voiceSmoothed
	case c.spoken > 0 && (c.beep.IsTone() || power > nearVoice*c.voicePower && power > overNoise*c.noisePower):
		c.silence = 0
	default:
		c.silence += media.FrameTime
	}
	if c.spoken < minGreeting && c.silence >= phraseGap {
		c.spoken, c.phrases = 0, 0
	}
}

// measurePower returns the mean square of a frame and tracks that of the background.
func (c *Classifier) measurePower(frame []int16) (power float32) {
	for _, s := range frame {
		power += float32(s) * float32(s)
	}
	power /= media.EarFrame
	if c.age == media.FrameTime {
		c.smoothed, c.noisePower = power, power
	}
	c.smoothed += (power - c.smoothed) * powerSmoothed
	if !c.isSpeech {
		c.noisePower = c.noisePower*noiseRise + 1
	}
	c.noisePower = min(c.noisePower, c.smoothed)
	return power
}

// decide sets the verdict as soon as the greeting allows one.
func (c *Classifier) decide() {
	hasGreeting := c.spoken >= minGreeting
	length := c.age - c.silence - c.start
	switch {
	case hasGreeting && length >= longGreeting:
		c.answeredBy, c.reason = Machine, "a long greeting"
	case hasGreeting && c.phrases >= manyPhrases:
		c.answeredBy, c.reason = Machine, "a greeting of many phrases"
	case hasGreeting && length <= shortGreeting && c.silence >= shortPause:
		c.answeredBy, c.reason = Person, "a short greeting, then silence"
	case hasGreeting && c.silence >= longPause:
		c.answeredBy, c.reason = Person, "a greeting, then silence"
	case c.spoken == 0 && c.quiet >= quietLine:
		c.answeredBy, c.reason = Nobody, "no sound"
	case c.age >= deadline && hasGreeting:
		c.answeredBy, c.reason = Machine, "no silence after the greeting"
	case c.age >= deadline:
		c.answeredBy, c.reason = Nobody, "no voice"
	}
}
