package amd

import "time"

const (
	silenceWithoutBeep = 2500 * time.Millisecond // after which a message is left although no beep came
	latestMessage      = 40 * time.Second        // after the answer, whatever the machine does
)

// Action is what to do on a call that was answered.
type Action int

const (
	Wait          Action = iota // it is not known yet who answered
	SpeakToPerson               // a person answered: speak
	WaitForBeep                 // a machine answered: wait for its beep
	LeaveMessage                // speak now, to leave a message
	GiveUp                      // nobody is there
)

func (a Action) String() string {
	return [...]string{"wait", "speak to person", "wait for beep", "leave message", "give up"}[a]
}

// MessageTimer tells when to speak on a call that was answered: to a person at once, to a
// machine after its beep, else after silence, at the latest at a fixed time. Not safe for
// concurrent use.
type MessageTimer struct {
	classifier *Classifier
	action     Action
}

// NewMessageTimer returns a timer for a call that was answered now.
func NewMessageTimer() *MessageTimer { return &MessageTimer{classifier: NewClassifier()} }

// AddFrame adds a frame as Classifier.AddFrame does, and returns what to do. It begins with
// Wait. SpeakToPerson becomes WaitForBeep or LeaveMessage if the Classifier corrects itself,
// so frames must be added while the agent speaks, too. LeaveMessage and GiveUp are final.
func (m *MessageTimer) AddFrame(frame []int16, speech float32) Action {
	c := m.classifier
	answeredBy := c.AddFrame(frame, speech)
	switch {
	case m.action == LeaveMessage || m.action == GiveUp:
	case answeredBy == Person:
		m.action = SpeakToPerson
	case answeredBy == Nobody:
		m.action = GiveUp
	case answeredBy != Machine:
	case c.hasBeeped || c.silence >= silenceWithoutBeep || c.age >= latestMessage:
		m.action = LeaveMessage
	default:
		m.action = WaitForBeep
	}
	return m.action
}

// SetTranscript sets what a recognizer has understood so far. It counts from the next
// AddFrame on.
func (m *MessageTimer) SetTranscript(text string) { m.classifier.SetTranscript(text) }

// Reason says in a few words how it is known who answered.
func (m *MessageTimer) Reason() string { return m.classifier.Reason() }
