// Package dialog is the vocabulary of a conversation: the interfaces of ears, mouths,
// recognizers, synthesizers and language models, what a caller does (Heard), what happens
// (Event), and the plain data that is stored (Message, Turn, Memory, ResumeState).
//
// A conversation speaks text; voice is an adapter. It listens to an Ear that yields what
// the caller did, and talks through a Mouth that says text and returns what the caller
// heard. Cancelling a context is the interruption; return values are the events.
//
// Package conversation holds conversations, ear and mouth adapt voice, amd detects
// answering machines, and provider/NAME adapts one vendor each. dialog imports media,
// tools, internal/fault and internal/hours.
package dialog

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"frontdesk/media"
	"frontdesk/tools"
)

// Ear yields what the caller does.
type Ear interface {
	// Listen sends what the caller does to heard, in order. It returns nil when the caller
	// has hung up, and an error when ctx ends or the line breaks. It does not close heard,
	// and leaves no goroutine behind.
	Listen(ctx context.Context, heard chan<- Heard) error
}

// HeardKind is a kind of thing that a caller does.
type HeardKind int

const (
	Onset           HeardKind = iota // the caller began to speak
	PossibleOnset                    // the first frame of what may become an Onset
	FalseOnset                       // a PossibleOnset was no speech
	Offset                           // the caller fell silent; the turn may go on
	Partial                          // Text is the transcript of the utterance so far
	DistanceChanged                  // IsDistant has changed for the utterance
	MaybeFinished                    // Text may be all the caller wants to say; a reply may be prepared
	Final                            // the utterance is over; Text is its transcript, "" if it had no words
	Typed                            // Text was typed; it asks for no reply by itself
	Respond                          // the client asks for a reply: to what was typed, to its tools' results, or to nothing new
	DTMF                             // Text is one digit: 0-9 * # A-D
	CancelReply                      // the client asks the agent to stop speaking
	Update                           // a trusted client changes the agent (Heard.Update)
	ToolOutput                       // Result answers a call of one of the client's own tools
	EarFailed                        // speech cannot be recognized any more (Err); typing still works
)

// Heard is one thing that the caller did. Which fields are set depends on Kind.
type Heard struct {
	Kind          HeardKind
	Item          string // id of the conversation item: one for each utterance or typed text
	Text          string
	Reason        string    // Offset: why the turn was judged finished, if it was, and Final follows; Partial: why it came
	At            time.Time // for Onset and Offset the time of the audio, not of the decision
	StillSpeaking bool      // MaybeFinished: the caller has not fallen silent yet
	MayBeEcho     bool      // Partial, Final: it may be the agent's own voice, from the caller's loudspeaker
	IsDistant     bool      // Onset, DistanceChanged: the voice is much softer than the caller's, and may be another's
	IsNoisy       bool      // Final: the background was so loud that the words are doubtful
	Update        *AgentUpdate
	Result        *tools.Result
	Err           error
}

// AgentUpdate is what a trusted client changes for the rest of a conversation. A nil field
// changes nothing.
type AgentUpdate struct {
	Instructions *string
	Voice        *string
	Tools        []tools.Spec // the client's own tools; the client answers their calls with ToolOutput
	ReplaceTools bool         // Tools replaces the client's tools, even if it is empty
}

// Mouth says text.
type Mouth interface {
	// Say speaks clauses as they come. It returns when the caller has heard the last one,
	// or at once when ctx is cancelled. progress is called with each further piece of text
	// that the caller has heard; heard is all of them, in the very words of clauses. An
	// error means that speaking failed; heard still says how far it got.
	Say(ctx context.Context, clauses iter.Seq[string], progress func(piece string)) (heard string, err error)
}

// Ducker is a Mouth that can lower or hold its audio while the caller may be interrupting.
type Ducker interface {
	Duck(to media.Level)
}

// Preparer is a Mouth that can synthesize a clause before it is to be said.
type Preparer interface {
	// Prepare synthesizes clause for the next Say that begins with it, until ctx ends.
	// It returns when the audio is complete.
	Prepare(ctx context.Context, clause string)
}

// Recognizer turns speech into text. It is shared by all calls.
type Recognizer interface {
	// Listen opens a listener for one call. It lives until Close or until ctx ends, and
	// keeps what it learns of the caller's voice from utterance to utterance.
	Listen(ctx context.Context, agent *Agent) (Listener, error)
}

// Listener transcribes the utterances of one caller, one at a time.
type Listener interface {
	// Utterance reads frames (EarFrame samples at EarRate, each valid until the next is
	// asked for) until the sequence ends with the utterance. It yields transcripts as they
	// change; the last one is final. It yields at most one error, and then nothing more;
	// fault.IsRetryable says whether to try again.
	Utterance(ctx context.Context, frames iter.Seq[[]int16]) iter.Seq2[Transcript, error]
	Close() error
}

// BatchListener is a Listener that needs whole utterances. At a pause it is given what was
// said so far, as if that were all, so it must allow several Utterances at once.
type BatchListener interface {
	Listener
	Batch()
}

// VoicedListener is a Listener that wants to know which frames hold the caller's voice, so
// that it can read the words as soon as the caller pauses.
type VoicedListener interface {
	Listener
	// VoicedUtterance is Utterance, but each frame comes with whether the caller speaks.
	VoicedUtterance(ctx context.Context, frames iter.Seq2[[]int16, bool]) iter.Seq2[Transcript, error]
}

// ReplayListener is a Listener that must be told when frames come faster than real time.
// After SetReplay, which is called before the first Utterance, its transcripts come at the
// frame at which they would come in a call on an idle machine.
type ReplayListener interface{ SetReplay() }

// ContextListener is a Listener that recognizes better when it knows to what the caller
// answers. SetLastReply is called before an Utterance with what the agent said last.
type ContextListener interface{ SetLastReply(text string) }

// NarrowbandListener is a Listener that recognizes better when it knows that the line has
// no audio above 4 kHz. SetNarrowband is called before the first Utterance.
type NarrowbandListener interface{ SetNarrowband() }

// OpenListener opens the agent's recognizer for one call. isNarrowband says that the line
// has no audio above 4 kHz.
func (a *Agent) OpenListener(ctx context.Context, isNarrowband bool) (Listener, error) {
	l, err := a.Recognizer.Listen(ctx, a)
	if n, ok := l.(NarrowbandListener); ok && err == nil && isNarrowband {
		n.SetNarrowband()
	}
	return l, err
}

// Transcript is what was understood of an utterance so far.
type Transcript struct {
	Text  string
	Final bool // no later transcript differs
}

// Synthesizer turns text into speech. It is shared by all calls.
type Synthesizer interface {
	// Speak yields the audio of one clause as PCM at MouthRate, in pieces of any length;
	// each piece belongs to the receiver. It ends early when ctx is cancelled, and yields
	// at most one error.
	Speak(ctx context.Context, text string, voice Voice) iter.Seq2[[]int16, error]
}

// Voice is how to speak. The synthesizer chooses what is empty.
type Voice struct {
	Language string // BCP 47, such as "en-US"
	Name     string // the vendor's name for the voice
}

// Model writes the agent's replies.
type Model interface {
	// Reply streams one step of a reply: text, tool calls, or both. After tool calls the
	// conversation runs the tools and asks again. Reply ends promptly when ctx is
	// cancelled, and yields at most one error.
	Reply(ctx context.Context, p Prompt) iter.Seq2[Chunk, error]
}

// Collector is a Model that knows for which tool call it is collecting values from the caller.
type Collector interface {
	Model
	// Unfinished returns the call that the model would have made if the caller had not left
	// after the messages of p, with what they have said so far. It has no effect.
	Unfinished(p Prompt) (call tools.Call, ok bool)
}

// Prompt is what a model is asked.
type Prompt struct {
	Agent        *Agent
	Instructions string // the agent's, or those of a trusted client, and Frontdesk's own rules
	Messages     []Message
	Tools        []tools.Spec
	Schema       json.RawMessage // JSON schema of the answer, an object; nil asks for plain text
	Now          time.Time       // in the agent's time zone; zero if the model need not know
}

// System returns all that a model is told before the messages: the instructions, and after
// them what changes from turn to turn, the date and time and the opening hours. The prompt
// caches of models keep what comes before.
func (p Prompt) System() string {
	if p.Now.IsZero() || p.Agent == nil {
		return p.Instructions
	}
	return strings.TrimSpace(p.Instructions + "\n\n" + p.Agent.Handover.Hours.Prompt(p.Now))
}

// Chunk is a piece of a reply.
type Chunk struct {
	Text  string
	Call  *tools.Call // complete
	Usage *Usage      // with the last chunk, if the model counts tokens
	// Notice says that the reply is degraded, such as when a second model writes it. It may
	// come with every reply; the conversation reports only changes.
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

// Role is the author of a message.
type Role string

const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	ToolRole  Role = "tool"
)

// Message is one entry of the history that a model sees. An assistant's text is what the
// caller heard, not what the model wrote.
type Message struct {
	ID          string        `json:"id"` // the conversation item's id
	Role        Role          `json:"role"`
	Text        string        `json:"text,omitempty"`
	Typed       bool          `json:"typed,omitempty"`       // a user's text that was typed, not spoken
	Interrupted bool          `json:"interrupted,omitempty"` // an assistant's text that was cut short
	Calls       []tools.Call  `json:"calls,omitempty"`       // an assistant's tool calls
	Result      *tools.Result `json:"result,omitempty"`      // of a tool call
}

// VoiceDetector tells speech from other audio. Not safe for concurrent use.
type VoiceDetector interface {
	// Detect returns the probability, 0 to 1, that the next frame (EarFrame samples at
	// EarRate) holds speech.
	Detect(frame []int16) float32
}

// Endpointer decides when the caller's turn is over. Not safe for concurrent use.
type Endpointer interface {
	// Judge is called for every frame from the onset on, in order.
	Judge(Evidence) Verdict
	// Reset starts a new utterance. since is the time after the end of the last one.
	Reset(since time.Duration)
}

// Evidence is what an Endpointer knows after a frame.
type Evidence struct {
	Frame     []int16       // must not be kept
	IsSpeech  bool          // the frame holds speech
	Silence   time.Duration // since the last frame with speech
	Words     string        // the transcript so far; "" if the recognizer gives no partial ones
	Final     bool          // the recognizer itself says that the turn is over
	LastReply string        // what the agent said last
}

// Verdict is an Endpointer's decision.
type Verdict struct {
	MaybeFinished bool   // the turn may be finished: prepare a reply
	Finished      bool   // the turn is finished
	Reason        string // in a few words, for the record of the turn
}

// Line is a caller's connection, whatever carries it.
type Line struct {
	// Inputs is what the client does besides speaking: Typed, Respond, DTMF, CancelReply,
	// Update and ToolOutput. The line closes it when the caller has hung up.
	Inputs <-chan Heard
	// Source and Sink carry the audio; both are nil on a line of text alone.
	Source media.Source
	Sink   media.Sink
	// Narrowband says that Source has no audio above 4 kHz, as telephones have none.
	Narrowband bool
	// HasKeypad says that the caller has a telephone with keys, and no screen to read on.
	HasKeypad bool
	// Transfer connects the caller with a person. It returns nil when they have finished,
	// or when the caller's network has taken over the call; otherwise a fault.Error says
	// why nobody took the call, and the conversation continues. nil if the line cannot.
	Transfer func(ctx context.Context, r HandoverRequest) error
	// Refer asks the caller's own network to connect the caller with another number or SIP
	// address instead of us (a blind transfer). It returns as Transfer does. nil if the
	// line cannot.
	Refer func(ctx context.Context, to string) error
	// SendDTMF sends digits to the other side: 0-9 * # A-D, and a comma for a pause of half
	// a second. The error is a fault.Error. nil if the line cannot.
	SendDTMF func(digits string) error
	// Quality returns how well the line carries audio; nil if that is not measured.
	Quality func() media.Quality
	// Emit reports an event to the client. It must not block or keep events back, and is
	// called by one goroutine at a time.
	Emit func(Event)
}

// Journal keeps a conversation durable.
type Journal interface {
	// Append returns when the entry is durable. It is called before a tool with an effect
	// runs, while a reply is said, and after each turn. A message whose ID was appended
	// before is skipped. After an error, the journal writes what is missing with the next
	// Append. It is called by one goroutine at a time.
	Append(ctx context.Context, e JournalEntry) error
}

// JournalEntry is what is new in a conversation.
type JournalEntry struct {
	Messages []Message
	Turn     *Turn        // that has ended, or nil
	Memory   *Memory      // replaces the last one, or nil
	Overview *Overview    // replaces the last one, or nil
	Reading  *Reading     // of an earlier turn by a model, or nil
	Resume   *ResumeState // of the current reply; replaces the last one, also if it is nil
}
