// Package caller is a caller in the terminal: over real WebRTC and Opus, or by telephone, it says, plays
// or types one turn after the other to a Frontdesk server, listens, and tells what was
// heard, what was answered and how long it took. It is the tool that users and tests
// share. It imports dialog (for the interface of a voice), media and fault; the server
// it knows only by its protocol, the OpenAI Realtime API.
//
// One goroutine owns a call's state (run). It learns of the server's events from a
// channel, and of sound by asking the mouthpiece what was said and the earpiece what
// was audible.
package caller

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"frontdesk/dialog"
	"frontdesk/internal/fault"
)

// Main runs "frontdesk call" with its arguments and returns the exit status: 0 when
// every turn got an audible (typed ones: a written) reply, 1 when not, 2 when args
// are wrong. voice speaks --say; nil knows no --say. ring dials telephones.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer, voice dialog.Synthesizer, ring Ring) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "frontdesk call: %v\nfrontdesk call --help shows how to use it.\n", err)
		return 2
	}
	out := newReport(stdout, o)
	if err := call(ctx, o, voice, ring, out); err != nil {
		e := fault.From(err)
		fmt.Fprintf(stderr, "frontdesk call: %v (%s)\n", explain(e), e.Code)
		if o.sip != "" && e.Code == fault.Invalid { // the address, which only SIP can judge
			return 2
		}
		return 1
	}
	return 0
}

// explain is a message with its cause, which is for the terminal's owner to see.
func explain(e *fault.Error) string {
	if e.Code == fault.Internal && e.Err != nil {
		return e.Err.Error()
	}
	return strings.ReplaceAll(e.Error(), "\n", ": ") // of errors that were joined
}

// call makes the call and reports its turns. The error says why a turn or all of it failed.
func call(ctx context.Context, o options, voice dialog.Synthesizer, ring Ring, out *report) error {
	turns, err := prepare(ctx, o.turns, voice)
	if err != nil {
		return err
	}
	var l *line
	if o.sip != "" {
		l, err = dialTelephone(ctx, o.sip, ring)
	} else {
		l, err = dial(ctx, o)
	}
	if err != nil {
		return err
	}
	defer l.close()
	err = newRun(l, o, turns, out).run(ctx)
	if o.save != "" && l.phone != nil {
		l.hangUp() // nothing is recorded any more
		err = errors.Join(l.phone.tape.save(o.save), err)
	}
	return err
}
