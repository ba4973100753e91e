package amd

import (
	"cmp"
	"time"
)

// Stage is where a call to somebody stands.
type Action int

const (
	Wait          Action = iota // who answered is not known yet
	SpeakToPerson               // a person did: speak
	WaitForBeep                 // a machine did: wait for its beep
	LeaveMessage                // speak now, to leave a message
	GiveUp                      // nobody is there
)

func (s Action) String() string {
	return [...]string{"listening", "talk", "await", "leave", "give up"}[s]
}

// MessageOptions are when a message may be left. A zero field has the default.
type MessageOptions struct {
	Silence time.Duration // after the greeting of a machine that does not beep; default 2.5 s
	Latest  time.Duration // after the answer, in any case; default 40 s
}

// Message tells when to speak to whoever answered a call: to a person at once, to a
// machine after its beep, else after silence, at the latest at a fixed time. Not safe
// for concurrent use.
type MessageTimer struct {
	answer *Classifier
	o      MessageOptions
	stage  Action
}

// NewMessage makes one for a call that was answered now.
func NewMessageTimer(a AnswerOptions, o MessageOptions) *MessageTimer {
	return &MessageTimer{answer: NewClassifier(a), o: MessageOptions{
		Silence: cmp.Or(o.Silence, 2500*time.Millisecond),
		Latest:  cmp.Or(o.Latest, 40*time.Second),
	}}
}

// Hear takes a frame as Answerer.Hear does, and returns the stage: Listening, then Talk,
// GiveUp, or Await and Leave. Talk becomes Await or Leave where the Answerer corrects
// itself, so whoever speaks goes on listening until its deadline. Leave and GiveUp stay.
func (m *MessageTimer) Hear(frame []int16, speech float32) Action {
	verdict := m.answer.Hear(frame, speech)
	switch {
	case m.stage == LeaveMessage || m.stage == GiveUp:
	case verdict == Person:
		m.stage = SpeakToPerson
	case verdict == Nobody:
		m.stage = GiveUp
	case verdict != Machine:
	case m.answer.beeped || m.answer.silence >= m.o.Silence || m.answer.age >= m.o.Latest:
		m.stage = LeaveMessage
	default:
		m.stage = WaitForBeep
	}
	return m.stage
}

// Words takes all that a recogniser has understood so far; the next Hear tells what came
// of it.
func (m *MessageTimer) Words(text string) { m.answer.Words(text) }

// Why says in a few words who answered and how that is known.
func (m *MessageTimer) Reason() string { return m.answer.Reason() }
