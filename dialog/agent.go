package dialog

import (
	"time"

	"frontdesk/tools"
)

// Agent is a persona that answers callers: what its folder says, and the parts
// that make it work. It is read-only once built and shared by all its calls.
type Agent struct {
	Name         string   // the folder's name, and what clients call "model"
	Title        string   // for people: the company or service it speaks for
	Greeting     string   // said when a call begins; "" waits for the caller
	Instructions string   // what a language model is told
	Language     string   // BCP 47; default "en-US"
	Voice        string   // the vendor's name of a voice
	Suggestions  []string // things worth asking, shown to callers
	Farewell     string   // said when the caller says goodbye, or has gone silent
	Silence      Silence
	Speculation  Speculation
	Memory       MemoryPolicy
	Filler       Filler
	Handover     Handover
	RecordAudio  bool // record the sound of calls

	Model       Model
	Recognizer  Recognizer  // nil: this agent cannot hear, text only
	Synthesizer Synthesizer // nil: this agent cannot speak, captions only
	Tools       *tools.Registry
	Detector    func() VoiceDetector // one per call
	Endpointer  func() Endpointer    // one per call
}

// Silence is what to do when nobody speaks.
type Silence struct {
	Prompt     string        // said after each Wait of silence
	Wait       time.Duration // default 10 s
	MaxPrompts int           // how often to ask before saying farewell and ending; default 2
}

// Handover is how a person takes over.
type Handover struct {
	Message          string        // said when a hand-over was asked for: who calls back, and when
	To               string        // telephone number or SIP address of the person; "": the caller is called back
	Blind            bool          // the caller's network connects them, where it can; else we stay on the line
	RingTimeout      time.Duration // how long the person's telephone rings; default 30 s
	SkipConfirmation bool          // the person need not press 1 to take the call: an answering machine may take it, too
	FailedMessage    string        // said when nobody took the call
	CallBackMessage  string        // said to a caller who pressed * while it rang, to be called back instead
}

// Filler is what the agent says while its model or a tool has nothing to say yet.
type Filler struct {
	Texts []string      // said in turn; nil is "One moment." and the like in English, empty says none
	After time.Duration // from the end of the caller's turn; default 900 ms
}

// Speculation is whether replies are prepared before the caller's turn is surely over.
type Speculation struct {
	Disabled  bool
	MaxTokens int // that a call may spend on replies nobody hears; default 50,000
}
