package app

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"frontdesk/dialog"
	"frontdesk/dialog/provider/flite"
	"frontdesk/internal/caller"
	"frontdesk/internal/fault"
	"frontdesk/signaling/sip"
)

const callHelp = `Call a Frontdesk server over WebRTC. Each --say, --wav and --text is one turn of the
caller, in their order: words to speak, a recording to play, or a text to type. The
next turn begins when the reply has ended.

With a SIP address, call that telephone instead: --text sends DTMF, and a reply is
whatever can be heard.

Exit status: 0 every turn got a reply, 1 something failed, 2 wrong usage.`

const callExample = `  frontdesk call --say "When are you open?" --say "Thank you, goodbye."
  frontdesk call --wav question.wav --save call.wav
  frontdesk call --text "Where is order 4711?" --json
  frontdesk call sip:demo@127.0.0.1:5060 --say "When are you open?"`

// callCommand is a caller in the terminal.
func (p *program) callCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "call [sip:ADDRESS] (--say TEXT | --wav FILE | --text TEXT)...",
		Short:   "Be a caller, in the terminal",
		Long:    callHelp,
		Example: callExample,
	}
	o := callFlags(command)
	command.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 && (strings.HasPrefix(args[0], "sip:") || strings.HasPrefix(args[0], "sips:")) {
			o.SIP, args = args[0], args[1:]
		}
		if len(args) > 0 {
			return misuse{fmt.Errorf("unexpected argument %q: put quotes around text with spaces (see frontdesk call --help)", args[0])}
		}
		if err := o.Check(); err != nil {
			return misuse{fmt.Errorf("%w (see frontdesk call --help)", err)}
		}
		return nil
	}
	command.RunE = func(c *cobra.Command, _ []string) error {
		var voice dialog.Synthesizer // nil without flite, which only --say needs
		if v, err := flite.New(flite.Config{}); err == nil {
			voice = v
		}
		err := caller.Run(c.Context(), *o, p.stdout, voice, sip.Call)
		if err == nil {
			return nil
		}
		explained := errors.New(caller.Explain(err))
		if o.SIP != "" && fault.From(err).Code == fault.Invalid { // the address is invalid
			return misuse{explained}
		}
		return explained
	}
	return command
}

// callFlags adds the flags of call. The turns keep the order in which they are given.
func callFlags(c *cobra.Command) *caller.Options {
	o := new(caller.Options)
	f := c.Flags()
	f.StringVar(&o.URL, "url", "http://127.0.0.1:8080", "`URL` of the server")
	f.StringVar(&o.Agent, "agent", "", "`name` of the agent to call (default: the server's)")
	f.StringVar(&o.Key, "key", "", "server `key`, for servers that require one")
	f.StringVar(&o.Resume, "resume", "", "continue the session of this resume `token`")
	f.StringVar(&o.Save, "save", "", "record the call to this WAV `file`: caller left, agent right")
	f.BoolVar(&o.JSON, "json", false, "print JSON, one object per line")
	f.Func("barge-in", "interrupt each reply but the last, this many `milliseconds` after its first audio", func(s string) error {
		d, err := time.ParseDuration(s + "ms")
		if err != nil || d < 0 || d > time.Hour {
			return errors.New("want a number of milliseconds such as 800")
		}
		o.BargeIn = &d
		return nil
	})
	addTurn := func(kind caller.Kind, usage string) {
		f.Func(string(kind), usage, func(text string) error {
			o.Turns = append(o.Turns, caller.Turn{Kind: kind, Text: text})
			return nil
		})
	}
	addTurn(caller.Say, "`words` to speak")
	addTurn(caller.WAV, "recording to play, a WAV `file`")
	addTurn(caller.Text, "`text` to type")
	f.SortFlags = false
	_ = c.MarkFlagFilename("wav", "wav")
	return o
}
