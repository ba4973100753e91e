// Package session runs calls: it decides who may call, which session a call belongs to,
// where the session is stored, and how the call ends. It imports dialog and its
// subpackages conversation, mouth and amd, and media, tools and internal/fault. Signaling
// brings a caller and a line: Desk.Admit returns a Call, and Call.Run runs the whole call
// and returns its Ending. The stores are in session/sqlite and session/valkey.
package session

import (
	"encoding/json"

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
	About        *About       // what an outbound call is about, or nil
}

// About is what an outbound call is about. The model reads Record as the result of a tool and
// not as a part of its instructions, so nothing in it can pass for an instruction.
type About struct {
	Purpose string          // of the call, for the model; it must not contain anything that a caller said
	Tool    string          // whose result Record is
	Record  json.RawMessage // what the caller said before, such as a ticket
}
