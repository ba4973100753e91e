// Package caller makes calls from the terminal. Over WebRTC with Opus, or by telephone,
// it speaks, plays or types one turn after the other to a Frontdesk server, listens to
// the replies, and prints what was heard, what was answered and how long it took. Users
// and tests share it. It imports dialog (for the interface of a voice), media and fault;
// it knows the server only by its protocol, the OpenAI Realtime API.
//
// One goroutine owns the state of a call. It receives the server's events from a channel,
// and it polls the microphone and the speaker for when speech and replies began and ended.
package caller

import (
	"context"
	"errors"
	"io"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Run makes the call that o describes and prints its turns to w. The error says why the
// call failed, or how many turns got no reply: an audible one, or for typed turns a
// written one. voice speaks the turns of kind Say and may be nil without them; ring makes
// telephone calls and may be nil without o.SIP.
func Run(ctx context.Context, o Options, w io.Writer, voice dialog.Synthesizer, ring Ring) error {
	if err := o.Check(); err != nil {
		return err
	}
	o.URL = strings.TrimSuffix(o.URL, "/")
	utterances, err := prepare(ctx, o.Turns, voice)
	if err != nil {
		return err
	}
	var l *line
	if o.SIP != "" {
		l, err = dialTelephone(ctx, o.SIP, ring)
	} else {
		l, err = dialServer(ctx, o)
	}
	if err != nil {
		return err
	}
	defer l.hangUp()
	err = newCall(l, o, utterances, w).run(ctx)
	if o.Save != "" && l.audio != nil {
		l.hangUp() // stops the recording
		err = errors.Join(l.audio.recorder.save(o.Save), err)
	}
	return err
}

// Explain returns the message of an error of Run, with its cause and its code.
func Explain(err error) string {
	e := fault.From(err)
	if e.Code == fault.Internal && e.Err != nil {
		return e.Err.Error() + " (" + string(e.Code) + ")"
	}
	return strings.ReplaceAll(e.Error(), "\n", ": ") + " (" + string(e.Code) + ")" // joined errors have several lines
}
