package amd

import (
	"cmp"
	"time"

	"frontdesk/media"
)

// Verdict is what an Answerer makes of who answered.
type Verdict int

const (
	Undecided Verdict = iota
	Person
	Machine // an answering machine, a voicemail or an announcement
	Nobody  // neither: no sound, or none of a voice
)

func (v Verdict) String() string {
	return [...]string{"undecided", "person", "machine", "nobody"}[v]
}

// AnswerOptions are when an Answerer decides. A zero field has the default.
//
// A person is waiting for the agent, so that verdict must come soon; a machine goes on
// talking until its beep, so a late verdict costs nothing. Hence Long is longer than a
// receptionist's greeting.
type AnswerOptions struct {
	Quiet     time.Duration // without any sound, before a voice was heard: Nobody; default 6 s
	Short     time.Duration // a greeting up to this length is a person's "hello"; default 1.8 s
	Pause     time.Duration // silence after a short greeting: Person; default 0.8 s
	LongPause time.Duration // silence after a longer one: Person; default 1.2 s
	Long      time.Duration // a greeting of this length, pauses and all: Machine; default 5 s
	Phrases   int           // a greeting of so many phrases, 250 ms or more apart: Machine; default 5
	Deadline  time.Duration // from the answer on, by which there is a verdict; default 20 s
}

func (o AnswerOptions) orDefault() AnswerOptions {
	return AnswerOptions{
		Quiet:     cmp.Or(o.Quiet, 6*time.Second),
		Short:     cmp.Or(o.Short, 1800*time.Millisecond),
		Pause:     cmp.Or(o.Pause, 800*time.Millisecond),
		LongPause: cmp.Or(o.LongPause, 1200*time.Millisecond),
		Long:      cmp.Or(o.Long, 5*time.Second),
		Phrases:   cmp.Or(o.Phrases, 5),
		Deadline:  cmp.Or(o.Deadline, 20*time.Second),
	}
}

const (
	answerOn     = 0.6                    // probability from which silence becomes speech
	answerOff    = 0.4                    // below which speech becomes silence
	answerWord   = 100 * time.Millisecond // of voice that make a greeting: less is a click
	answerParted = 250 * time.Millisecond // silence between two phrases
	answerLoud   = 100 * 100              // mean square from which there is sound: -50 dBFS
	answerNear   = 0.25                   // share of the voice's power from which other sound is no silence
	answerOver   = 8                      // times the power of the background that it has, too
	answerRise   = 1.01                   // by which the background may grow in a frame
)

// Answerer tells whether a person or a machine answered a call, by the length of the
// greeting and the silence behind it, by a beep, and by words. A person says a short
// hello and waits; a machine talks on, or beeps. Not safe for concurrent use.
type Classifier struct {
	o    AnswerOptions
	beep BeepDetector

	age, quiet    time.Duration // since the answer; since the last sound
	first, spoken time.Duration // the greeting's beginning, and the voice in it
	silence       time.Duration // since the last voice, or a sound as loud
	phrases       int
	voiced        bool
	level         float32 // the voice's mean square
	smooth, floor float32 // of all sound; of the background, the minimum of that
	beeped        bool

	verdict Verdict
	why     string
}

// NewAnswerer makes one for a call that was answered now.
func NewClassifier(o AnswerOptions) *Classifier { return &Classifier{o: o.orDefault()} }

// Hear takes the next frame (EarFrame samples at EarRate), which it does not keep, and
// the probability that it is speech, as Detector.Detect gives it. It returns the verdict,
// which stays, but for one case: before Deadline a beep or words turn a Person into a
// Machine, since a recording may begin with a short hello and a long pause.
func (a *Classifier) Hear(frame []int16, speech float32) Verdict {
	a.age += media.FrameTime
	if a.beep.Hear(frame) {
		a.beeped = true
		a.prove("a beep")
	}
	a.listen(frame, speech)
	if a.verdict == Undecided {
		a.judge()
	}
	return a.verdict
}

// Words takes all that a recogniser has understood so far. What only machines say makes
// it a Machine at once (English, German, Spanish and French are known).
func (a *Classifier) Words(text string) Verdict {
	if p := machinePhrase(text); p != "" {
		a.prove("it said: " + p)
	}
	return a.verdict
}

// Why says in a few words what the verdict rests on, "" while there is none.
func (a *Classifier) Reason() string { return a.why }

// prove makes it a machine, beyond doubt.
func (a *Classifier) prove(why string) {
	if a.verdict == Undecided || a.verdict == Person && a.age < a.o.Deadline {
		a.verdict, a.why = Machine, why
	}
}

// listen measures the greeting and the silence behind it.
func (a *Classifier) listen(frame []int16, speech float32) {
	power := a.measure(frame)
	a.quiet += media.FrameTime
	if power >= answerLoud && !a.beep.IsTone() {
		a.quiet = 0
	}
	a.voiced = !a.beep.IsTone() && (speech >= answerOn || a.voiced && speech >= answerOff)
	switch {
	case a.voiced:
		if a.spoken == 0 {
			a.first = a.age
		}
		if a.spoken == 0 || a.silence >= answerParted {
			a.phrases++
		}
		a.spoken += media.FrameTime
		a.silence = 0
		a.level += (power - a.level) * 0.1
	case a.spoken > 0 && (a.beep.IsTone() || power > answerNear*a.level && power > answerOver*a.floor):
		a.silence = 0
	default:
		a.silence += media.FrameTime
	}
	if a.spoken < answerWord && a.silence >= answerParted {
		a.spoken, a.phrases = 0, 0
	}
}

// measure returns the mean square of a frame, and follows that of the background.
func (a *Classifier) measure(frame []int16) (power float32) {
	for _, s := range frame {
		power += float32(s) * float32(s)
	}
	power /= media.EarFrame
	if a.age == media.FrameTime {
		a.smooth, a.floor = power, power
	}
	a.smooth += (power - a.smooth) * 0.2
	if !a.voiced {
		a.floor = a.floor*answerRise + 1
	}
	a.floor = min(a.floor, a.smooth)
	return power
}

// judge decides as soon as what was heard allows.
func (a *Classifier) judge() {
	greeting := a.age - a.silence - a.first
	switch {
	case a.spoken >= answerWord && greeting >= a.o.Long:
		a.verdict, a.why = Machine, "it talks on"
	case a.spoken >= answerWord && a.phrases >= a.o.Phrases:
		a.verdict, a.why = Machine, "it says many phrases"
	case a.spoken >= answerWord && greeting <= a.o.Short && a.silence >= a.o.Pause:
		a.verdict, a.why = Person, "a short greeting, then silence"
	case a.spoken >= answerWord && a.silence >= a.o.LongPause:
		a.verdict, a.why = Person, "a greeting, then silence"
	case a.spoken == 0 && a.quiet >= a.o.Quiet:
		a.verdict, a.why = Nobody, "no sound"
	case a.age >= a.o.Deadline && a.spoken >= answerWord:
		a.verdict, a.why = Machine, "sound without an end"
	case a.age >= a.o.Deadline:
		a.verdict, a.why = Nobody, "no voice"
	}
}
