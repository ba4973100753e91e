package dialog

import (
	"time"

	"frontdesk/tools"
)

// EventKind is a kind of thing that happens in a conversation.
type EventKind int

const (
	CallerStarted    EventKind = iota // the caller began to speak; At is when the audio began (Item)
	CallerStopped                     // the caller's audio ended (Item, At)
	CallerPartial                     // Text is the transcript so far; later ones may differ (Item)
	CallerSaid                        // Text is what the caller said or, with Typed, typed (Item)
	ReplyStarted                      // a reply begins (Response, Item)
	ReplyText                         // Text is the next piece written, not heard yet (Response, Item)
	SpeakingStarted                   // the first audio of a reply leaves (Response)
	ReplyHeard                        // Text is the next piece that the caller heard (Response, Item)
	SpeakingStopped                   // the last audio of a reply has left; Interrupted if it was cut (Response)
	ReplyEnded                        // the reply has ended; Text is all that was heard (Response, Item, Status)
	ToolStarted                       // Call begins; Text is Consented if the caller agreed to it (Response)
	ToolEnded                         // Result of Call, maybe long after its reply (Response)
	ToolHeld                          // Call waits until the caller agrees to it; Text is the condition of an escalation (Response, Result)
	ToolRefused                       // Call must not run; Text is the rule that objects (Response, Result)
	ClauseReplaced                    // a clause of the model was not said; Text says why (Response)
	ClientToolCalled                  // Call is for a tool of the client, which answers with ToolOutput (Response)
	NoticeRaised                      // Notice tells the caller that something changed, of Call if a tool failed
	TurnEnded                         // Finished is the complete turn
	AgentChosen                       // the caller chose the agent that continues the call
	TurnRead                          // Reading is what a model read of an earlier turn (Turn)
	OverviewChanged                   // Overview is what the session is about, and Issues are those of it that changed (Turn)
	ToolAbandoned                     // the caller left before they agreed to Call, which is kept unless there is a failed Result
)

// Consented is the Text of ToolStarted for a call to which the caller agreed.
const Consented = "consent"

// UnknownTool is the Text of ToolRefused for a tool that the agent does not have.
const UnknownTool = "unknown tool"

// NoticeToolFailed is the Code of the notice that a tool has failed.
const NoticeToolFailed = "tool_failed"

// Status is how a reply ended. The values are those of the Realtime API.
type Status string

const (
	Completed Status = "completed"
	Cancelled Status = "cancelled" // interrupted
	Failed    Status = "failed"
)

// Outcome is how a conversation ended.
type Outcome string

const (
	CallerGone  Outcome = "caller_gone" // the line closed
	Goodbye     Outcome = "goodbye"     // the caller said goodbye and was answered
	NoAnswer    Outcome = "no_answer"   // the caller stayed silent
	Transferred Outcome = "transferred" // a person took over
	Chosen      Outcome = "chosen"      // the caller chose an agent by a key, which is to continue the call
	Drained     Outcome = "parted"      // it was asked to end, and continues on another line
)

// Event is something that happened in a conversation, for the client to show and the
// session to record. Which fields are set depends on Kind.
type Event struct {
	Kind        EventKind
	At          time.Time
	Turn        int    // number of the turn, from 1; 0 for the greeting
	Item        string // conversation item
	Response    string // id of the reply
	Text        string
	Typed       bool
	Interrupted bool
	Status      Status
	Call        *tools.Call
	Result      *tools.Result
	Finished    *Turn
	Reading     *Reading
	Overview    *Overview
	Issues      []Issue
	Notice      *Notice
	Usage       *Usage
}

// Notice tells the caller of a degradation, or of something else that changed.
type Notice struct {
	Code string // stable: "hearing_lost", "line_noisy", "voice_lost", "model_lost", "tool_failed", …
	Text string // for the caller
	Err  error  // the cause, for the log
}

// Turn is one finished turn as plain data: stored, archived, counted and shown.
type Turn struct {
	Number         int       `json:"turn"`
	Caller         string    `json:"caller"`
	Typed          bool      `json:"typed,omitempty"`
	Reply          string    `json:"reply"`   // what the caller heard
	Written        string    `json:"written"` // what the model wrote
	Interrupted    bool      `json:"interrupted,omitempty"`
	InterruptedBy  string    `json:"cut,omitempty"` // which speech interrupted: "words", "lasting speech", "a turn"
	Status         Status    `json:"status"`
	EndpointReason string    `json:"why,omitempty"` // why the caller's turn was judged finished
	Tools          []ToolUse `json:"tools,omitempty"`
	Usage          Usage     `json:"usage"`
	Discarded      Usage     `json:"discarded,omitzero"` // of replies that were prepared before this one and discarded
	Times          Times     `json:"times"`
	Error          string    `json:"error,omitempty"` // code of the failure, if there was one
	// Understanding is nil for turns of earlier versions.
	Understanding *Understanding `json:"understanding,omitempty"`
}

// ToolUse is one tool call of a turn.
type ToolUse struct {
	Name   string `json:"name"`
	CallID string `json:"call_id"`
	Failed bool   `json:"failed,omitempty"`
	// Background says that the call went on after the turn; Duration is how long the turn waited.
	Background bool          `json:"background,omitempty"`
	Duration   time.Duration `json:"took_ns"`
}

// Times are the stages of a turn. A zero time is a stage that did not happen.
type Times struct {
	Onset       time.Time `json:"onset,omitzero"`        // the caller's audio began
	SpeechEnd   time.Time `json:"speech_end,omitzero"`   // the caller's audio ended
	Endpoint    time.Time `json:"endpoint,omitzero"`     // the turn was judged finished
	Transcript  time.Time `json:"transcript,omitzero"`   // the final transcript came
	Speculated  time.Time `json:"speculated,omitzero"`   // the reply was begun, before the turn was over
	FirstToken  time.Time `json:"first_token,omitzero"`  // the model's first text
	FirstClause time.Time `json:"first_clause,omitzero"` // the first clause went to the mouth
	FirstAudio  time.Time `json:"first_audio,omitzero"`  // the first audio left
	Heard       time.Time `json:"heard,omitzero"`        // the last audio left, or the reply was cut
}
