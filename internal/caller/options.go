package caller

import (
	"net/url"
	"strings"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/media"
)

// Options say whom to call and what to say.
type Options struct {
	URL     string         // of the server
	SIP     string         // address to call by telephone instead of URL
	Agent   string         // "": the server's default agent
	Key     string         // server key, for servers that require one
	Resume  string         // resume token of the session to continue
	Save    string         // WAV file to record the call to
	JSON    bool           // print JSON, one object per line
	BargeIn *time.Duration // when to interrupt a reply, counted from its first audio; nil waits for its end
	Turns   []Turn
}

// Turn is what the caller says in one turn.
type Turn struct {
	Kind Kind
	Text string // the words, or the name of the file
}

// Kind is how a turn reaches the server.
type Kind string

// The kinds of turns.
const (
	Say  Kind = "say"  // words to speak
	WAV  Kind = "wav"  // a recording to play
	Text Kind = "text" // a text to type; on a telephone call, DTMF digits to send
)

// hasAudio reports whether any turn is spoken.
func (o Options) hasAudio() bool {
	for _, t := range o.Turns {
		if t.Kind != Text {
			return true
		}
	}
	return false
}

// isDTMF reports whether all typed turns are DTMF digits.
func (o Options) isDTMF() bool {
	for _, t := range o.Turns {
		if t.Kind == Text && !media.IsDTMF(t.Text) {
			return false
		}
	}
	return true
}

// Check returns a fault.Error with the code Invalid if the options contradict each other.
func (o Options) Check() error {
	u, err := url.Parse(o.URL)
	switch {
	case len(o.Turns) == 0:
		return fault.New(fault.Invalid, "nothing to say: use --say, --wav or --text at least once")
	case o.SIP != "" && (o.Resume != "" || o.Key != "" || o.Agent != ""):
		return fault.New(fault.Invalid, "--agent, --key and --resume do not work with a SIP address: name the agent in the address")
	case o.SIP != "" && !o.isDTMF():
		return fault.New(fault.Invalid, "with a SIP address --text sends DTMF: use 0-9, *, #, A-D, and a comma to wait half a second")
	case o.SIP == "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")):
		return fault.New(fault.Invalid, "invalid --url %q (want one such as http://127.0.0.1:8080)", o.URL)
	case o.Resume != "" && o.Agent != "":
		return fault.New(fault.Invalid, "--resume continues with the session's own agent: leave out --agent")
	case o.Save != "" && !o.hasAudio():
		return fault.New(fault.Invalid, "--save needs audio: use --say or --wav at least once")
	}
	for _, t := range o.Turns {
		if strings.TrimSpace(t.Text) == "" {
			return fault.New(fault.Invalid, "--%s is empty", t.Kind)
		}
	}
	return nil
}
