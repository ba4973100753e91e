package dialog

import (
	"time"

	"frontdesk/tools"
)

// EventKind is a kind of thing that happens in a conversation.
type EventKind int

const (
	CallerStarted    EventKind = iota // the caller began to speak (Item, At is when the sound began)
	CallerStopped                     // the caller's sound ended (Item, At)
	CallerPartial                     // Text is the caller's words so far; later ones may differ (Item)
	CallerSaid                        // Text is what the caller said or, with Typed, typed (Item)
	ReplyStarted                      // a reply begins (Response, Item)
	ReplyText                         // Text is the next piece written, not yet heard (Response, Item)
	SpeakingStarted                   // the first sound of a reply leaves (Response)
	ReplyHeard                        // Text is the next piece the caller heard (Response, Item)
	SpeakingStopped                   // the last sound of a reply has left (Response); Interrupted when it was cut
	ReplyEnded                        // the reply is over (Response, Item, Status); Text is all that was heard
	ToolStarted                       // Call begins (Response)
	ToolEnded                         // Result of Call (Response)
	ClientToolCalled                  // Call is for the client's own tool; it answers with ToolOutput (Response)
	NoticeRaised                      // Notice tells the caller, in plain words, that something changed
	TurnEnded                         // Turn is complete
)

// Status is how a reply ended. The values are the Realtime protocol's.
type Status string

const (
	Completed Status = "completed"
	Cancelled Status = "cancelled" // interrupted
	Failed    Status = "failed"
)

// Event is something that happened in a conversation, for the client to show and
// the session to record. Which fields are set depends on Kind.
type Event struct {
	Kind        EventKind
	At          time.Time
	Turn        int    // number of the turn it belongs to, from 1; 0 is the greeting
	Item        string // conversation item
	Response    string // the reply
	Text        string
	Typed       bool
	Interrupted bool
	Status      Status
	Call        *tools.Call
	Result      *tools.Result
	Finished    *Turn
	Notice      *Notice
	Usage       *Usage
}

// Notice is a step on the degradation ladder or another thing the caller should know.
type Notice struct {
	Code string // stable: "hearing_lost", "voice_lost", "model_lost", "tool_failed", ...
	Text string // for the caller, in plain words
	Err  error  // the cause, for the log
}

// Turn is one finished exchange as plain data: stored, archived, counted and shown.
type Turn struct {
	Number         int       `json:"turn"`
	Caller         string    `json:"caller"`
	Typed          bool      `json:"typed,omitempty"`
	Reply          string    `json:"reply"`   // what the caller heard
	Written        string    `json:"written"` // what the model wrote
	Interrupted    bool      `json:"interrupted,omitempty"`
	InterruptedBy  string    `json:"cut,omitempty"` // why the agent stopped for the caller's speech: "words", "lasting speech", "a turn"
	Status         Status    `json:"status"`
	EndpointReason string    `json:"why,omitempty"` // why the caller's turn was judged finished
	Tools          []ToolUse `json:"tools,omitempty"`
	Usage          Usage     `json:"usage"`
	Discarded      Usage     `json:"discarded,omitzero"` // tokens of replies prepared before this one and thrown away
	Times          Times     `json:"times"`
	Error          string    `json:"error,omitempty"` // code of the failure, where there was one
}

// ToolUse is one use of a tool in a turn.
type ToolUse struct {
	Name     string        `json:"name"`
	CallID   string        `json:"call_id"`
	Failed   bool          `json:"failed,omitempty"`
	Duration time.Duration `json:"took_ns"`
}

// Times are the stages of a turn; a zero time is a stage that did not happen.
type Times struct {
	Onset       time.Time `json:"onset,omitzero"`        // the caller's sound began
	SpeechEnd   time.Time `json:"speech_end,omitzero"`   // the caller's sound ended
	Endpoint    time.Time `json:"endpoint,omitzero"`     // the turn was judged finished
	Transcript  time.Time `json:"transcript,omitzero"`   // the final words were known
	Speculated  time.Time `json:"speculated,omitzero"`   // the reply was begun, before the turn was over
	FirstToken  time.Time `json:"first_token,omitzero"`  // the model's first text
	FirstClause time.Time `json:"first_clause,omitzero"` // the first clause went to the mouth
	FirstAudio  time.Time `json:"first_audio,omitzero"`  // the first sound left
	Heard       time.Time `json:"heard,omitzero"`        // the last sound left, or the reply was cut
}
