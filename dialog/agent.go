package dialog

import (
	"context"
	"time"

	"frontdesk/internal/hours"
	"frontdesk/tools"
)

// Agent is a persona that answers callers: what its folder says, and the parts that make it
// work. It is shared by all its calls and must not be changed.
type Agent struct {
	Name         string   // of the folder; clients call it "model"
	Title        string   // of the company or service it speaks for
	Greeting     string   // said when a call begins; "" waits for the caller
	Instructions string   // for a language model
	Language     string   // BCP 47 tag; default "en-US"
	Voice        string   // the vendor's name for the voice
	Suggestions  []string // questions shown to callers
	Farewell     string   // said when the caller says goodbye or stays silent
	Silence      Silence
	Speculation  Speculation
	Memory       MemoryPolicy
	Filler       Filler
	Handover     Handover
	Grounding    Grounding

	Model       Model
	Recognizer  Recognizer  // nil: the agent cannot hear, callers type
	Synthesizer Synthesizer // nil: the agent cannot speak, callers read
	Tools       *tools.Registry
	Detector    func() VoiceDetector // makes one for a call
	Endpointer  func() Endpointer    // makes one for a call
}

// Choice is an agent that a caller chooses by pressing a key.
type Choice struct {
	Key   string // one digit
	Agent *Agent // it may be the agent that offers the choice
	Text  string // tells callers to press the key, in the language of Agent
}

// Silence is what the agent does while nobody speaks.
type Silence struct {
	Prompt     string        // said after each Wait of silence
	Wait       time.Duration // default 10 s
	MaxPrompts int           // after which the agent says goodbye and ends the call; default 2
}

// Grounding is what an agent may say beyond what its call contains.
type Grounding struct {
	AnyNumbers bool // it may say numbers and addresses that come from nowhere, because it calculates or knows them itself
}

// Handover is how the agent hands callers over to a person.
type Handover struct {
	Message          string        // said when a tool asked for a person: who calls back, and when; it may hold tools.NextOpening
	To               string        // telephone number or SIP address of the person; "" means that callers are called back
	Blind            bool          // blind transfer by the caller's network if it can; otherwise we stay on the line
	RingTimeout      time.Duration // for the person's telephone; default 30 s
	SkipConfirmation bool          // the person need not press 1, so an answering machine may take the call
	FailedMessage    string        // said when nobody took the call
	CallBackMessage  string        // said to a caller who pressed * to be called back instead
	Hours            *hours.Hours  // when people answer; nil: always
	Escalation       Escalation    // when the agent offers a person by itself
	CallBack         CallBack      // how promised call-backs are made
}

// CallBackBy is who makes promised call-backs.
type CallBackBy string

// Who makes promised call-backs. The zero value is CallBackByTeam.
const (
	CallBackByTeam   CallBackBy = "team"   // people do, and the ticket tells whether they did
	CallBackByPerson CallBackBy = "person" // Frontdesk calls Handover.To and connects that person with the caller
	CallBackByAgent  CallBackBy = "agent"  // the agent calls
	CallBackOff      CallBackBy = "off"    // people do, and nobody watches
)

// CallBack is how promised call-backs are made. Zero fields stand for the defaults.
type CallBack struct {
	By      CallBackBy
	Tries   int           // calls until somebody answers; default 3
	Delay   time.Duration // before the first call if no time was promised, and between calls; default 15 min
	Within  time.Duration // by the team: how long after the promised time they may work on the ticket; default 4 h
	Message string        // of the agent for an answering machine; "" leaves none
}

// HandoverRequest is a caller who is to be connected with a person.
type HandoverRequest struct {
	Summary string          // what the person should know, in a sentence or two
	Ticket  string          // opened for the hand-over, or ""
	Waiting context.Context // ends when the caller asks to be called back instead
}

// Filler is what the agent says while its model or a tool takes long.
type Filler struct {
	Texts []string      // said in turn; nil says "One moment." and the like in the agent's language, empty says nothing
	After time.Duration // from the end of the caller's turn; default 900 ms
}

// Speculation is whether replies are prepared before the caller's turn is certainly over.
type Speculation struct {
	Disabled  bool
	MaxTokens int // that a call may spend on replies that nobody hears; default 50,000
}
