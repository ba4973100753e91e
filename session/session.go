// Package session is a call's life: who may call, which session the call belongs
// to, where its history is kept, how it ends. It imports dialog, media, tools and
// fault. Signaling brings a caller and a line; Desk.Admit gives a Call, and
// Call.Run is the whole call: it returns when the call is over and says why.
package session

import (
	"go.uber.org/zap"

	"frontdesk/media"
	"frontdesk/tools"
)

// Caller says who calls and what they may do.
type Caller struct {
	Agent        string       // which agent; "" is the default one
	Resume       string       // id of the session to go on with, from a verified resume token
	Trusted      bool         // came with a server key, or with a token made by one
	Instructions string       // in place of the agent's, if Trusted
	Greeting     string       // in place of the agent's, of a call we make
	Tools        []tools.Spec // the client's own tools, if Trusted
	Known        string       // what their own system knows them as, if Trusted said so: for memory over sessions
	Token        string       // id of the token they came with, "" for a server key
	Transport    string       // "webrtc", "websocket"
	Address      string       // the caller's IP address
	Number       string       // of the caller's telephone, "" when there is none or it is hidden
	Request      string       // id of the request that began the call
}

// Result is how a call ended, in one word: for metrics, alerts and statistics.
type Result string

const (
	Done      Result = "done"     // the conversation came to its end
	HungUp    Result = "hung_up"  // the caller ended it
	Lost      Result = "lost"     // the connection broke; the session may be resumed
	Moved     Result = "moved"    // another line of the same session took over
	Silent    Result = "silent"   // nobody spoke any more
	Draining  Result = "draining" // the server is stopping
	Broken    Result = "failed"   // Frontdesk could not go on
	OverLimit Result = "limited"  // the call reached its longest duration

	Transferred Result = "transferred" // a person took over
	Busy        Result = "busy"        // who was called speaks already
	NoAnswer    Result = "no_answer"   // who was called did not answer
	Declined    Result = "declined"    // who was called did not want to
	Unreachable Result = "unreachable" // there is no such number, or no way to it
	Machine     Result = "machine"     // an answering machine took the call
)

// breaks reports whether the caller was still there and wants to go on.
func (r Result) breaks() bool { return r == Lost || r == Moved || r == Draining || r == Broken }

// Ending is how and why a call ended. One value feeds log, metric and store.
type Ending struct {
	Result  Result
	Reason  string         // in a few words
	Err     error          // the cause, where there was one
	Quality *media.Quality // of a telephone line
	Person  *media.Quality // of the line of a person the caller was connected with
}

// quality is for the log.
func (e Ending) quality() zap.Field {
	switch {
	case e.Quality == nil:
		return zap.Skip()
	case e.Person == nil:
		return zap.Any("quality", e.Quality)
	}
	return zap.Any("quality", map[string]*media.Quality{"caller": e.Quality, "person": e.Person})
}
