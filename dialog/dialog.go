// Package dialog is the vocabulary of a conversation: the interfaces of ears, mouths,
// recognisers, synthesizers and language models, what a caller does (Heard), what happens
// (Event), and the plain data that is stored (Message, Turn, Memory, ResumeState).
//
// A conversation speaks text; voice is an adapter. It listens to an Ear that yields what
// the caller did, and talks through a Mouth that says text and returns what the caller
// heard. Cancelling a context is the interruption; return values are the events.
//
// Package conversation holds conversations, ear and mouth adapt voice, amd detects
// answering machines, and provider/NAME adapts one vendor each. dialog imports media,
// tools and internal/fault.
package dialog

import (
	"context"
	"iter"
	"time"

	"frontdesk/media"
	"frontdesk/tools"
)

// Ear yields what the caller does.
type Ear interface {
	// Listen sends what the caller does to heard, in order, until the caller is
	// gone (it returns nil) or ctx ends or the line breaks (it returns the error).
	// It does not close heard and leaves no goroutine behind.
	Listen(ctx context.Context, heard chan<- Heard) error
}

// HeardKind is a kind of thing a caller does.
type HeardKind int

const (
	Onset         HeardKind = iota // the caller began to make a sound that may be speech
	PossibleOnset                  // the first moment of what may become an Onset
	FalseOnset                     // it did not
	Offset                         // the sound ended; the turn may go on
	Partial                        // Text is the words of this utterance so far
	MaybeFinished                  // Text may be all the caller wants to say; the reply may be prepared
	Final                          // the utterance is over; Text is all of it, "" when there were no words
	Typed                          // Text was typed; it asks for no reply by itself
	Respond                        // a reply is wanted now, to what was typed, to the client's tools or to nothing new
	DTMF                           // Text is one DTMF digit, 0-9 * # A-D
	CancelReply                    // the caller's client asks the agent to be quiet now
	Update                         // Change holds what a trusted client alters in the agent
	ToolOutput                     // Result answers a call of a client's own tool
	EarFailed                      // the ear cannot hear any more (Err); typing still works
)

// Heard is one thing the caller did.
type Heard struct {
	Kind          HeardKind
	Item          string // id of the conversation item this belongs to: one per utterance or typed text
	Text          string
	Reason        string    // Offset: the turn was judged finished, for this reason, and Final follows; Partial: words come only at pauses
	At            time.Time // when it happened: for Onset and Offset the time of the sound, not of the decision
	StillSpeaking bool      // MaybeFinished: they have not yet fallen silent
	MayBeEcho     bool      // Onset, Partial, Final: the agent's own voice may come back from the caller's loudspeaker
	Update        *AgentUpdate
	Result        *tools.Result
	Err           error
}

// Change is what a trusted client may alter while a conversation runs. Nil fields stay.
type AgentUpdate struct {
	Instructions *string
	Voice        *string
	Tools        []tools.Spec // the client's own tools, answered by ToolOutput
	ReplaceTools bool         // Tools replaces the client's tools, even when empty
}

// Mouth says text.
type Mouth interface {
	// Say speaks clauses as they come and returns when the last one has been heard,
	// or at once when ctx is cancelled. progress is called with each further piece of
	// text as the caller hears it; heard is all of it, in the very words of clauses.
	// An error means that speaking failed; heard still tells how far it got.
	Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (heard string, err error)
}

// Ducker is a Mouth that can lower its voice, or hold it, while the caller may be
// interrupting.
type Ducker interface {
	Duck(to media.Level)
}

// Preparer is a Mouth that can synthesize a clause before it is to be said.
type Preparer interface {
	// Prepare synthesizes clause for the next Say that begins with it, until ctx ends.
	// It returns when the audio is complete.
	Prepare(ctx context.Context, clause string)
}

// Recognizer turns speech into text. One serves many calls.
type Recognizer interface {
	// Listen opens an ear for one call. The Listener keeps what it learns of the
	// caller's voice from utterance to utterance.
	Listen(ctx context.Context, agent *Agent) (Listener, error)
}

// Listener recognises one caller's utterances, one at a time.
type Listener interface {
	// Utterance reads frames (EarFrame samples at EarRate, each valid until the next
	// is asked for) until the sequence ends, which is when the turn is over. It
	// yields transcripts as they change; the last one it yields is the final one. A
	// recogniser that needs the whole utterance yields once. It yields at most one
	// error, and then nothing more; fault.IsRetryable tells whether to try again.
	Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[Transcript, error]
	Close() error
}

// NarrowListener is a Listener that hears better when it knows that there is no sound above
// 4 kHz. Narrow is called before the first Utterance.
type NarrowbandListener interface{ SetNarrowband() }

// OpenListener opens the agent's recogniser for one call. narrow says that the line
// carries no audio above 4 kHz.
func (a *Agent) OpenListener(ctx context.Context, narrow bool) (Listener, error) {
	l, err := a.Recognizer.Listen(ctx, a)
	if n, ok := l.(NarrowbandListener); ok && err == nil && narrow {
		n.SetNarrowband()
	}
	return l, err
}

// Transcript is the words of an utterance as known so far.
type Transcript struct {
	Text  string
	Final bool // no later transcript will differ
}

// Synthesizer turns text into speech. One serves many calls.
type Synthesizer interface {
	// Speak yields one clause as PCM at MouthRate, in pieces of any length, as they
	// are made; each piece belongs to the receiver. It yields at most one error.
	Speak(ctx context.Context, text string, voice Voice) iter.Seq2[[]int16, error]
}

// Voice is how to speak. Empty fields leave the choice to the synthesizer.
type Voice struct {
	Language string // BCP 47, such as "en-US"
	Name     string // the vendor's name of a voice
}

// Model writes the agent's replies.
type Model interface {
	// Reply streams one step of a reply: text, or calls of tools, or both. When the
	// step held calls, the loop runs them and asks again. It yields at most one error.
	Reply(ctx context.Context, p Prompt) iter.Seq2[Chunk, error]
}

// Prompt is what a model is asked.
type Prompt struct {
	Agent        *Agent
	Instructions string // the agent's, or what a trusted client put in their place
	Messages     []Message
	Tools        []tools.Spec
}

// Chunk is a piece of a reply.
type Chunk struct {
	Text  string
	Call  *tools.Call // complete
	Usage *Usage      // with the last chunk, where the model tells it
	// Notice says that the reply comes in another way than usual, such as from the
	// next model of a Fallback. It may come in every reply; the loop tells a change.
	Notice *Notice
}

// Usage counts a reply's tokens.
type Usage struct {
	Input  int `json:"input_tokens"`
	Output int `json:"output_tokens"`
}

// Add adds v to u.
func (u *Usage) Add(v Usage) {
	u.Input += v.Input
	u.Output += v.Output
}

// Role says whose message it is.
type Role string

const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
)

// Message is one entry of the history a model sees. An assistant's text is what
// the caller heard, not what was written.
type Message struct {
	ID          string        `json:"id"` // the conversation item's id
	Role        Role          `json:"role"`
	Text        string        `json:"text,omitempty"`
	Typed       bool          `json:"typed,omitempty"`       // a user's text that was typed, not spoken
	Interrupted bool          `json:"interrupted,omitempty"` // an assistant's text that was cut short
	Calls       []tools.Call  `json:"calls,omitempty"`       // an assistant's wishes
	Result      *tools.Result `json:"result,omitempty"`      // a tool's answer
}

// VoiceDetector tells speech from other sound. Not safe for concurrent use.
type VoiceDetector interface {
	// Detect takes the next frame (EarFrame samples at EarRate) and returns the
	// probability, 0 to 1, that it holds speech.
	Detect(frame []int16) float32
}

// Endpointer decides when the caller's turn is over. Not safe for concurrent use.
type Endpointer interface {
	// Judge sees every frame's evidence, from onset on, in order.
	Judge(Evidence) Verdict
	// Reset starts a new utterance, so long after the last one was judged finished.
	Reset(since time.Duration)
}

// Evidence is what an Endpointer knows after a frame.
type Evidence struct {
	Frame     []int16       // the frame itself, for prosody; must not be kept
	IsSpeech  bool          // this frame holds speech
	Spoken    time.Duration // speech in this utterance so far
	Silence   time.Duration // since the last frame with speech
	Words     string        // the words so far, "" when the recogniser gives no partials
	Final     bool          // the recogniser itself says that the turn is over
	LastReply string        // what the agent said last
}

// Verdict is an Endpointer's decision.
type Verdict struct {
	MaybeFinished bool   // the turn may be finished: prepare the reply
	Finished      bool   // the turn is finished
	Reason        string // in a few words, for the turn's record
}

// Line is a caller's connection, whatever carries it.
type Line struct {
	// Inputs is what the client does beside speaking: Typed, Respond, Digit, Stop,
	// Alter and ToolOutput. The line closes it when the caller is gone.
	Inputs <-chan Heard
	// Source and Sink are the caller's sound; both nil on a line of text alone.
	Source media.Source
	Sink   media.Sink
	// Narrow says that Source has nothing above 4 kHz, as telephones' has.
	Narrowband bool
	// Transfer connects the caller with a person, and returns nil when they are done or the
	// caller's network has taken the call over. The error, a fault.Error, says why nobody
	// took the call, and the conversation goes on. nil where that cannot be.
	Transfer func(ctx context.Context, h HandoverRequest) error
	// Refer asks the caller's own network to connect them with another number or SIP
	// address in our place, and returns as Transfer does; nil where there is none to ask.
	Refer func(ctx context.Context, to string) error
	// Press sends keys to the other side: 0-9 * # A-D, and a comma to wait half a second.
	// The error is a fault.Error. nil where there are no keys.
	SendDTMF func(keys string) error
	// Quality tells how well the line carries sound; nil where it is not known.
	Quality func() media.Quality
	// Tell hands the client what happens. It must not block; events must not be kept
	// back. It is called from one goroutine at a time.
	Emit func(Event)
}

// Journal keeps a conversation durable.
type Journal interface {
	// Append returns once the record is durable. It is called before a tool with an
	// effect runs, while a reply is said and after each turn; a message already appended
	// under the same ID is not appended again. What an error kept from being written is
	// the journal's to write with the next Append. Calls come one at a time.
	Append(ctx context.Context, r JournalEntry) error
}

// Record is what is new in a conversation.
type JournalEntry struct {
	Messages []Message
	Turn     *Turn        // that has ended, or nil
	Memory   *Memory      // in place of what was remembered before, or nil
	Resume   *ResumeState // the reply under way, in place of what was kept before; nil when there is none
}

// Batch is a Listener that needs a whole utterance. At a pause it is asked for the
// words so far, as if that were all: it must allow several Utterances at once.
type BatchListener interface {
	Listener
	Batch()
}
