package media

import (
	"cmp"
	"time"
)

// Stage is where a call to somebody stands.
type Stage int

const (
	Listening Stage = iota // who answered is not known yet
	Talk                   // a person did: speak
	Await                  // a machine did: wait for its beep
	Leave                  // speak now, to leave a message
	GiveUp                 // nobody is there
)

func (s Stage) String() string {
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
type Message struct {
	answer *Answerer
	o      MessageOptions
	stage  Stage
}

// NewMessage makes one for a call that was answered now.
func NewMessage(a AnswerOptions, o MessageOptions) *Message {
	return &Message{answer: NewAnswerer(a), o: MessageOptions{
		Silence: cmp.Or(o.Silence, 2500*time.Millisecond),
		Latest:  cmp.Or(o.Latest, 40*time.Second),
	}}
}

// Hear takes a frame as Answerer.Hear does, and returns the stage: Listening, then Talk,
// GiveUp, or Await and Leave. Talk becomes Await or Leave where the Answerer corrects
// itself, so whoever speaks goes on listening until its deadline. Leave and GiveUp stay.
func (m *Message) Hear(frame []int16, speech float32) Stage {
	verdict := m.answer.Hear(frame, speech)
	switch {
	case m.stage == Leave || m.stage == GiveUp:
	case verdict == Person:
		m.stage = Talk
	case verdict == Nobody:
		m.stage = GiveUp
	case verdict != Machine:
	case m.answer.beeped || m.answer.silence >= m.o.Silence || m.answer.age >= m.o.Latest:
		m.stage = Leave
	default:
		m.stage = Await
	}
	return m.stage
}

// Words takes all that a recogniser has understood so far; the next Hear tells what came
// of it.
func (m *Message) Words(text string) { m.answer.Words(text) }

// Why says in a few words who answered and how that is known.
func (m *Message) Why() string { return m.answer.Why() }
