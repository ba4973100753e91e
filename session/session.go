// Package session runs calls: it decides who may call, which session a call belongs to,
// where the session is stored, and how the call ends. It imports dialog and its
// subpackages conversation, mouth and amd, and media, tools and internal/fault. Signaling
// brings a caller and a line: Desk.Admit returns a Call, and Call.Run runs the whole call
// and returns its Ending. The stores are in session/sqlite and session/valkey.
package session

import (
	"go.uber.org/zap"

	"frontdesk/media"
	"frontdesk/tools"
)

// Caller says who calls and what they may do.
type Caller struct {
	Agent        string       // name of the agent; "" is the default agent
	Resume       string       // ID of the session to resume, from a verified resume token
	Trusted      bool         // the request had a server key, or a token that was made with one
	Instructions string       // replace the agent's, if Trusted
	Greeting     string       // replaces the agent's, in outbound calls
	Tools        []tools.Spec // the client's own tools, if Trusted
	KnownAs      string       // how the client's own system names the caller, if Trusted; key of the caller's memory
	TokenID      string       // ID of the token in the request; "" for a server key
	Transport    string       // "webrtc", "websocket", "sip", "twilio"
	Address      string       // the caller's IP address
	Number       string       // the caller's telephone number; "" when there is none or it is withheld
	RequestID    string       // ID of the request that started the call
}

// Result is how a call ended, in one word: for metrics, alerts and statistics.
type Result string

const (
	Done      Result = "done"     // the conversation came to its end
	HungUp    Result = "hung_up"  // the caller hung up
	Lost      Result = "lost"     // the connection broke; the session may be resumed
	Moved     Result = "moved"    // another line of the same session took over
	Silent    Result = "silent"   // silence timeout
	Draining  Result = "draining" // the server stops
	Failed    Result = "failed"   // an error of Frontdesk
	OverLimit Result = "limited"  // the call reached the maximum duration

	Transferred Result = "transferred" // a person took over
	Busy        Result = "busy"        // the called line is busy
	NoAnswer    Result = "no_answer"   // nobody answered
	Declined    Result = "declined"    // the called party declined
	Unreachable Result = "unreachable" // the number does not exist or cannot be reached
	Machine     Result = "machine"     // an answering machine answered
)

// isResumable reports whether the caller was still there and may want to resume the session.
func (r Result) isResumable() bool {
	return r == Lost || r == Moved || r == Draining || r == Failed
}

// Ending is how and why a call ended. The log, the metrics and the store all use it.
type Ending struct {
	Result        Result
	Reason        string         // in a few words
	Err           error          // the cause, if there is one
	Quality       *media.Quality // of the caller's telephone line
	PersonQuality *media.Quality // of the line of the person whom the caller was transferred to
}

// qualityField returns the quality of the lines as a log field.
func (e Ending) qualityField() zap.Field {
	switch {
	case e.Quality == nil:
		return zap.Skip()
	case e.PersonQuality == nil:
		return zap.Any("quality", e.Quality)
	}
	return zap.Any("quality", map[string]*media.Quality{"caller": e.Quality, "person": e.PersonQuality})
}
